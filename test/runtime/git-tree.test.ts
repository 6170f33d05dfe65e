import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { runGit } from '../../src/runtime/git.ts';
import {
  findWorkTree,
  hasBlobId,
  pathInTree,
  readCommitted,
  treeFingerprint,
  type WorkTree,
} from '../../src/runtime/git-tree.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';

describe('a work tree', () => {
  let lab: GitLab;
  let tree: WorkTree;
  before(() => {
    lab = openGitLab();
    lab.commit('first', { 'a.yaml': 'a', 'deep/b.yaml': 'b' });
    tree = { root: lab.tree, gitDir: join(lab.tree, '.git') };
  });
  after(() => lab[Symbol.dispose]());

  it('is the innermost one that holds a file', () => {
    assert.deepEqual(findWorkTree(join(lab.tree, 'deep', 'b.yaml')), tree);
    assert.equal(pathInTree(tree, join(lab.tree, 'deep', 'b.yaml')), 'deep/b.yaml');
    assert.equal(findWorkTree(join(lab.dir, 'x.yaml')), undefined);
    mkdirSync(join(lab.tree, 'deep', '.git'));
    assert.deepEqual(findWorkTree(join(lab.tree, 'deep', 'b.yaml')), tree, 'an empty .git is none');
  });

  it('has another fingerprint once HEAD or the index changes, and the same as long as nothing does', async () => {
    const steps = [
      () => lab.commit('second', { 'c.yaml': 'c' }),
      () => writeFileSync(join(lab.tree, 'c.yaml'), 'other'),
      () => lab.git(['add', 'c.yaml']),
      () => lab.git(['commit', '--quiet', '--amend', '--message', 'other']),
      () => lab.git(['pack-refs', '--all']),
      () => lab.git(['update-ref', 'refs/heads/main', 'HEAD^']),
      () => lab.git(['checkout', '--quiet', '--detach']),
      () => lab.git(['symbolic-ref', 'HEAD', 'refs/heads/none']),
      () => lab.git(['symbolic-ref', 'HEAD', 'refs/heads/main']),
    ];
    let last = await treeFingerprint(tree);
    for (const [at, step] of steps.entries()) {
      step();
      const now = await treeFingerprint(tree);
      assert.equal(now === last, at === 1, `step ${at}`);
      assert.equal(await treeFingerprint(tree), now);
      last = now;
    }
  });

  it('has another fingerprint once a linked one commits', async () => {
    const linked = join(lab.dir, 'linked');
    lab.git(['worktree', 'add', '--quiet', '-b', 'side', linked]);
    const side = findWorkTree(join(linked, 'a.yaml')) as WorkTree;
    assert.equal(side.root, linked);
    const [before, mainBefore] = [await treeFingerprint(side), await treeFingerprint(tree)];
    lab.git(['commit', '--quiet', '--allow-empty', '--message', 'side'], linked);
    assert.notEqual(await treeFingerprint(side), before);
    assert.equal(await treeFingerprint(tree), mainBefore);
  });

  it('tells what is committed under any names, in one process', async () => {
    const part = fc.string({
      unit: fc.constantFrom(
        'a',
        'Z',
        ' ',
        '"',
        "'",
        '\\',
        '*',
        '?',
        '[',
        ':',
        '-',
        '\n',
        '\r',
        '\t',
        'ü',
        '\u{1f600}',
      ),
      minLength: 1,
      maxLength: 8,
    });
    const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `x/${parts.join('/')}.yaml`);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { minLength: 1, maxLength: 6 }), path, async (paths, missing) => {
        if (paths.includes(missing)) return;
        lab.git(['rm', '-r', '-q', '--cached', '--ignore-unmatch', 'x']);
        const ids = paths.map((name) => {
          mkdirSync(join(lab.dir, 'blobs'), { recursive: true });
          const file = join(lab.dir, 'blobs', 'one');
          writeFileSync(file, name);
          return lab.git(['hash-object', '-w', file]).trim();
        });
        for (const [at, name] of paths.entries())
          lab.git(['update-index', '--add', '--cacheinfo', `100644,${ids[at]},${name}`]);
        lab.git(['commit', '--quiet', '--allow-empty', '--message', 'names']);
        let calls = 0;
        const { commit, files } = await readCommitted(
          (call) => {
            calls += 1;
            return runGit(call);
          },
          tree,
          [...paths, missing],
        );
        assert.equal(commit, lab.git(['rev-parse', 'HEAD']).trim());
        for (const [at, name] of paths.entries())
          assert.deepEqual(files.get(name), { head: ids[at], index: ids[at] }, name);
        assert.deepEqual(files.get(missing), { head: undefined, index: undefined });
        assert.equal(calls, 1);
      }),
      { numRuns: 12 },
    );
  });
});

describe("a blob's id", () => {
  const sha1 = '45b983be36b73c0788dc9cbcb76cbb80fc7bb057'; // `hi\n`, as git hash-object says
  it('is that of the content', () => {
    assert.ok(hasBlobId(Buffer.from('hi\n'), sha1));
    assert.ok(!hasBlobId(Buffer.from('hi'), sha1));
  });

  it('is also that of the content with line ends as git stores them', () => {
    assert.ok(hasBlobId(Buffer.from('hi\r\n'), sha1));
    assert.ok(!hasBlobId(Buffer.from('h\ri\n'), sha1));
  });
});
