import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createGit } from '../../src/runtime/git.ts';
import { findCommit, findMergeBase, listCommitted, readCommittedFiles } from '../../src/runtime/git-files.ts';
import { openGitLab } from '../lab/git.ts';

const git = createGit();

describe('the files of a commit', () => {
  for (const format of ['sha1', 'sha256'])
    it(`are listed and read by their ids (${format})`, async () => {
      using lab = openGitLab(format);
      const tree = { root: lab.tree, gitDir: join(lab.tree, '.git') };
      const content = `binary \0 and\nlines\n${'x'.repeat(70_000)}`;
      const commit = lab.commit('one', {
        'a/b.yaml': content,
        'a/empty.yaml': '',
        'a/c d\t"é.yaml': 'c',
        'z.yaml': 'z',
      });
      assert.equal(await findCommit(git, tree, 'main'), commit);
      const files = (await listCommitted(git, tree, commit, 'a')) ?? [];
      assert.deepEqual(
        files.map(({ path, bytes }) => [path, bytes]),
        [
          ['b.yaml', Buffer.byteLength(content)],
          ['c d\t"é.yaml', 1],
          ['empty.yaml', 0],
        ],
      );
      const contents = await readCommittedFiles(
        git,
        tree,
        files.map(({ id }) => id),
      );
      assert.deepEqual(
        files.map(({ id }) => contents.get(id)?.toString()),
        [content, 'c', ''],
      );
      assert.deepEqual((await listCommitted(git, tree, commit, ''))?.length, 4);
      assert.deepEqual(
        (await listCommitted(git, tree, commit, 'z.yaml'))?.map(({ path }) => path),
        [''],
      );
      assert.equal(await listCommitted(git, tree, commit, 'nowhere'), undefined);
      assert.deepEqual(await readCommittedFiles(git, tree, []), new Map());
    });

  it('say where histories part', async () => {
    using lab = openGitLab();
    const tree = { root: lab.tree, gitDir: join(lab.tree, '.git') };
    const [first, second] = [lab.commit('one', { a: '1' }), lab.commit('two', { a: '2' })];
    assert.equal(await findMergeBase(git, tree, [first, second]), first);
    lab.git(['switch', '--quiet', '--orphan', 'other']);
    assert.equal(await findMergeBase(git, tree, [first, lab.commit('three', { b: '1' })]), undefined);
  });

  it('are an error where they are not here', async () => {
    using lab = openGitLab();
    const tree = { root: lab.tree, gitDir: join(lab.tree, '.git') };
    const commit = lab.commit('one', { 'a.yaml': 'text' });
    const [file] = (await listCommitted(git, tree, commit, '')) ?? [];
    const { id = '' } = file ?? {};
    rmSync(join(lab.tree, '.git/objects', id.slice(0, 2), id.slice(2)));
    await assert.rejects(readCommittedFiles(git, tree, [id]), {
      code: 'SQ303',
      message: /fetch the whole commit/,
    });
  });

  it('are of a commit that a revision names, and of nothing else', async () => {
    using lab = openGitLab();
    const tree = { root: lab.tree, gitDir: join(lab.tree, '.git') };
    const commit = lab.commit('one', { a: '1' });
    lab.git(['tag', '-a', 'v1', '-m', 'v1']);
    lab.git(['branch', 'feature/ü#1']);
    for (const revision of [
      'HEAD',
      'v1',
      'feature/ü#1',
      commit.slice(0, 10),
      'main@{0}',
      'v1^0',
      'refs/heads/main',
    ])
      assert.equal(await findCommit(git, tree, revision), commit, revision);
    for (const revision of ['nope', 'HEAD~5', 'main..v1', `${commit}^{blob}`])
      assert.equal(await findCommit(git, tree, revision), undefined, revision);
  });
});
