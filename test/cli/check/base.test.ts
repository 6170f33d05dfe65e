import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readBase } from '../../../src/cli/check/base.ts';
import { readTree, stateOf } from '../../../src/cli/check/read.ts';
import { manifestValidator } from '../../../src/daemon/validator.ts';
import { createGit } from '../../../src/runtime/git.ts';
import { type GitLab, openGitLab } from '../../lab/git.ts';

const git = createGit();
const validator = manifestValidator();
let lab: GitLab;
let paths: string[];

/** An experiment, as a file has it. */
function text(name: string, duration = '60s'): string {
  const spec = {
    duration,
    targets: { select: { names: ['web'] }, mode: 'all' },
    faults: [{ type: 'container-pause' }],
  };
  return JSON.stringify({ apiVersion: 'squall/v1', kind: 'Experiment', metadata: { name }, spec });
}

beforeEach(() => {
  lab = openGitLab();
  paths = [join(lab.tree, 'experiments')];
});

afterEach(() => lab[Symbol.dispose]());

const read = async (base: string, of = paths) =>
  [...(await readBase(base, of, git)).files.keys()].map((file) => file.replace(`${lab.tree}/`, ''));

describe('the base of a comparison, from git', () => {
  it('is what a commit has, whatever is in the work tree and the index', async () => {
    lab.commit('one', {
      'experiments/a.yaml': text('a'),
      'experiments/sub/b.json': text('b'),
      'README.md': 'x',
    });
    lab.commit('two', { 'experiments/c.yaml': text('c') });
    rmSync(join(lab.tree, 'experiments/a.yaml'));
    writeFileSync(join(lab.tree, 'experiments/sub/b.json'), 'kind: [');
    const index = join(lab.tree, '.git/index');
    const before = [readFileSync(index), statSync(index).mtimeMs];
    assert.deepEqual(await read('HEAD~1'), ['experiments/a.yaml', 'experiments/sub/b.json']);
    assert.deepEqual(await read('main'), [
      'experiments/a.yaml',
      'experiments/c.yaml',
      'experiments/sub/b.json',
    ]);
    assert.deepEqual([readFileSync(index), statSync(index).mtimeMs], before);
    const status = lab.git(['status', '--porcelain']);
    assert.equal(status, ' D experiments/a.yaml\n M experiments/sub/b.json\n');
  });

  it('passes over what a daemon passes over, and follows no link', async () => {
    symlinkSync('/etc/hostname', join(lab.tree, 'link.yaml'));
    lab.commit('one', {
      'experiments/a.yaml': text('a'),
      'experiments/.hidden.yaml': text('h'),
      'experiments/.git-like/x.yaml': text('x'),
      'experiments/node_modules/p/y.yaml': text('y'),
      'experiments/notes.txt': 'text',
    });
    assert.deepEqual(await read('HEAD'), ['experiments/a.yaml']);
    assert.deepEqual(await read('HEAD', [lab.tree]), ['experiments/a.yaml']);
  });

  it('takes a file that is named, whatever it is called, and one with an odd name', async () => {
    lab.commit('one', { 'experiments/ä "\n$(x).yaml': text('a'), 'experiments/plan.txt': text('b') });
    assert.deepEqual(await read('HEAD'), ['experiments/ä "\n$(x).yaml']);
    assert.deepEqual(await read('HEAD', [join(lab.tree, 'experiments/plan.txt')]), ['experiments/plan.txt']);
  });

  it('has nothing of a path that is new, and what there was of one that is gone', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a') });
    rmSync(join(lab.tree, 'experiments'), { recursive: true });
    const gone = await readBase('HEAD', paths, git);
    assert.deepEqual([gone.files.size, [...gone.has]], [1, paths]);
    const fresh = await readBase('HEAD', [join(lab.tree, 'schedules')], git);
    assert.deepEqual([fresh.files.size, fresh.has.size], [0, 0]);
  });

  it('refuses a file that is too big as a daemon does, without reading it', async () => {
    lab.commit('one', { 'experiments/big.yaml': `# ${'x'.repeat(1024 * 1024)}` });
    const calls: string[] = [];
    const base = await readBase('HEAD', paths, (call) => {
      calls.push(call.args.join(' '));
      return git(call);
    });
    assert.equal(stateOf(base, validator).problems[0]?.code, 'SQ105');
    assert.deepEqual(
      calls.filter((args) => /--batch( |$)/.test(args)),
      [],
    );
  });

  it('may be the commit at which this branch left another', async () => {
    const left = lab.commit('one', { 'experiments/a.yaml': text('a') });
    lab.git(['switch', '--quiet', '-c', 'topic']);
    lab.commit('mine', { 'experiments/b.yaml': text('b') });
    lab.git(['switch', '--quiet', 'main']);
    lab.commit('theirs', { 'experiments/c.yaml': text('c') });
    lab.git(['switch', '--quiet', 'topic']);
    assert.deepEqual(await read('main'), ['experiments/a.yaml', 'experiments/c.yaml']);
    assert.deepEqual(await read('main...'), ['experiments/a.yaml']);
    assert.equal((await readBase('main...', paths, git)).info.commit, left);
    lab.git(['switch', '--quiet', '--orphan', 'other']);
    lab.commit('unrelated', { 'experiments/a.yaml': text('a') });
    await assert.rejects(readBase('main...', paths, git), { code: 'SQ501', message: /no commit in common/ });
  });

  it('is found from a linked work tree and for paths by way of a link', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a') });
    const linked = join(lab.dir, 'linked');
    lab.git(['worktree', 'add', '--quiet', linked, '-b', 'x']);
    symlinkSync(linked, join(lab.dir, 'alias'));
    const path = join(lab.dir, 'alias/experiments');
    assert.deepEqual([...(await readBase('main', [path], git)).files.keys()], [join(path, 'a.yaml')]);
  });

  it('runs nothing that a ref may be named after', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a') });
    const trap = join(lab.dir, 'trap');
    for (const ref of [
      `--output=${trap}`,
      '-h',
      'HEAD:experiments',
      'a b',
      'HEAD\nHEAD',
      ':/one',
      'HEAD^{/one}',
      '*',
    ])
      await assert.rejects(
        readBase(ref, paths, git),
        { code: 'SQ501', message: /is no revision of Git's/ },
        ref,
      );
    await assert.rejects(readBase('$(touch trap)', paths, git), { code: 'SQ501' });
    assert.equal(statSync(trap, { throwIfNoEntry: false }), undefined);
  });

  it('says what is missing', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a') });
    await assert.rejects(readBase('origin/main', paths, git), {
      code: 'SQ501',
      message: /the repository knows no such commit/,
      hint: /git fetch/,
    });
    await assert.rejects(readBase('main', [join(lab.home, 'x')], git), { message: /is in no Git work tree/ });
    await assert.rejects(readBase('main', [...paths, lab.home], git), { message: /these are in several/ });
    await assert.rejects(readBase('./nowhere', paths, git), { message: /there is no such directory/ });
  });
});

describe('the base of a comparison, from a directory', () => {
  it('is another checkout, which has the same path', async () => {
    const other = join(lab.dir, 'other');
    mkdirSync(join(other, lab.tree, 'experiments'), { recursive: true });
    writeFileSync(join(other, lab.tree, 'experiments/a.yaml'), text('a'));
    assert.deepEqual(await read(other), ['experiments/a.yaml']);
  });

  it('is a directory of manifests, for one path', async () => {
    const other = join(lab.dir, 'other');
    mkdirSync(join(other, 'sub'), { recursive: true });
    writeFileSync(join(other, 'sub/a.yaml'), text('a'));
    assert.deepEqual(await read(other), ['experiments/sub/a.yaml']);
    await assert.rejects(readBase(other, [...paths, join(lab.tree, 'x')], git), {
      message: /it has none of/,
    });
  });

  it('comes after a commit of the same name', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a') });
    const cwd = process.cwd();
    process.chdir(lab.tree);
    try {
      mkdirSync('main');
      writeFileSync('main/b.yaml', text('b'));
      assert.deepEqual(await read('main', ['experiments']), ['experiments/a.yaml']);
      assert.deepEqual(await read('./main', ['experiments']), ['experiments/b.yaml']);
      mkdirSync('before');
      assert.deepEqual(await read('before', ['experiments']), []);
    } finally {
      process.chdir(cwd);
    }
  });
});

describe('a new tree that is wrong', () => {
  it('keeps the last good version of the base, as a daemon does', async () => {
    lab.commit('one', { 'experiments/a.yaml': text('a'), 'experiments/b.yaml': text('b') });
    writeFileSync(join(lab.tree, 'experiments/a.yaml'), 'kind: [');
    writeFileSync(join(lab.tree, 'experiments/b.yaml'), text('b', 'soon'));
    const base = stateOf(await readBase('HEAD', paths, git), validator);
    const head = stateOf(await readTree(paths), validator, base);
    assert.deepEqual(
      [...head.experiments.values()].map(({ name, stale }) => [name, stale !== undefined]),
      [
        ['a', true],
        ['b', true],
      ],
    );
    assert.deepEqual(
      head.problems.map(({ code }) => code),
      ['SQ101', 'SQ102'],
    );
  });

  it('blocks by a Policy that was never right', async () => {
    mkdirSync(join(lab.tree, 'experiments'));
    writeFileSync(
      join(lab.tree, 'experiments/p.json'),
      JSON.stringify({
        apiVersion: 'squall/v1',
        kind: 'Policy',
        metadata: { name: 'p' },
        spec: { maxTargets: 'few' },
      }),
    );
    const head = stateOf(await readTree(paths), validator);
    assert.equal(head.policies.get('p')?.unknown, true);
  });

  it('lacks a path only where it may', async () => {
    const gone = join(lab.tree, 'gone');
    assert.equal((await readTree([gone])).problems[0]?.code, 'SQ106');
    assert.deepEqual((await readTree([gone], { mayLack: () => true })).problems, []);
  });
});
