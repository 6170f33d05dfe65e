import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createLog, type Log } from '../../src/core/log.ts';
import { createProvenance, type ProvenanceReader } from '../../src/daemon/provenance.ts';
import { type Git, runGit } from '../../src/runtime/git.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';

describe('provenance', () => {
  let lab: GitLab;
  let clock: FakeClock;
  let calls: string[];
  let lines: string[];
  let log: Log;
  let provenance: ProvenanceReader;
  const counted: Git = (call) => {
    calls.push(call.args.join(' '));
    return runGit(call);
  };

  beforeEach(() => {
    lab = openGitLab();
    clock = new FakeClock();
    calls = [];
    lines = [];
    log = createLog('info', { write: (line: string) => void lines.push(line) });
    provenance = createProvenance({ clock, log, git: counted });
  });
  afterEach(() => lab[Symbol.dispose]());

  const file = (name: string) => join(lab.tree, name);
  const of = (name: string) => provenance.of(file(name));
  const dirty = async (name: string) => (await of(name))?.dirty;

  it('is the commit, its author, its subject, and whether the file differs from it', async () => {
    const commit = lab.commit('Block redis\n\nMore.', { 'deep/a.yaml': 'a' });
    assert.deepEqual(await of('deep/a.yaml'), {
      commit,
      author: 'Ada Lovelace',
      subject: 'Block redis',
      dirty: false,
    });
    assert.equal(calls.length, 2);
  });

  it('is of the commit that HEAD is at now', async () => {
    lab.commit('one', { 'a.yaml': 'a' });
    assert.equal((await of('a.yaml'))?.subject, 'one');
    const second = lab.commit('two', { 'b.yaml': 'b' });
    assert.equal((await of('a.yaml'))?.commit, second);
    lab.git(['checkout', '--quiet', '--detach', 'HEAD^']);
    assert.equal((await of('a.yaml'))?.subject, 'one');
  });

  it('is dirty where the file was changed, though not for its line ends', async () => {
    lab.commit('one', { 'a.yaml': 'a\n' });
    writeFileSync(file('a.yaml'), 'b\n');
    assert.equal(await dirty('a.yaml'), true);
    writeFileSync(file('a.yaml'), 'a\r\n');
    assert.equal(await dirty('a.yaml'), false);
    rmSync(file('a.yaml'));
    assert.equal(await dirty('a.yaml'), true);
  });

  it('is dirty where the file is staged, untracked, ignored, or no plain file in the commit', async () => {
    lab.commit('one', { '.gitignore': 'ignored.yaml', 'a.yaml': 'a', 'dir.yaml/x': 'x' });
    writeFileSync(file('a.yaml'), 'b');
    lab.git(['add', 'a.yaml']);
    assert.equal(await dirty('a.yaml'), true);
    writeFileSync(file('a.yaml'), 'a');
    assert.equal(await dirty('a.yaml'), true, 'another content is staged');
    lab.git(['reset', '--quiet']);
    assert.equal(await dirty('a.yaml'), false);
    for (const name of ['untracked.yaml', 'ignored.yaml']) {
      writeFileSync(file(name), 'a');
      assert.equal(await dirty(name), true, name);
    }
    rmSync(file('dir.yaml'), { recursive: true });
    writeFileSync(file('dir.yaml'), 'x');
    assert.equal(await dirty('dir.yaml'), true);
  });

  it('is undefined before the first commit, and outside a work tree', async () => {
    writeFileSync(file('a.yaml'), 'a');
    assert.equal(await of('a.yaml'), undefined);
    writeFileSync(join(lab.dir, 'outside.yaml'), 'a');
    assert.equal(await provenance.of(join(lab.dir, 'outside.yaml')), undefined);
    assert.equal(await provenance.of(join(lab.dir, 'no', 'such.yaml')), undefined);
    assert.deepEqual(lines, []);
  });

  it('comes from a linked work tree, a submodule, and through a link to a directory', async () => {
    const commit = lab.commit('main', { 'a.yaml': 'a' });
    const linked = join(lab.dir, 'linked');
    lab.git(['worktree', 'add', '--quiet', '-b', 'side', linked]);
    lab.git(['commit', '--quiet', '--allow-empty', '-m', 'side'], linked);
    assert.equal((await provenance.of(join(linked, 'a.yaml')))?.subject, 'side');
    lab.git(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', lab.tree, 'sub']);
    lab.git(['commit', '--quiet', '-m', 'with a submodule']);
    assert.deepEqual(
      [(await of('sub/a.yaml'))?.commit, (await of('a.yaml'))?.subject],
      [commit, 'with a submodule'],
    );
    lab.commit('deep', { 'deep/b.yaml': 'b' });
    symlinkSync(file('deep'), join(lab.dir, 'link'));
    assert.equal((await provenance.of(join(lab.dir, 'link', 'b.yaml')))?.dirty, false);
  });

  it('knows files under any names', async () => {
    const names = ['ä b.yaml', '-x.yaml', '"q".yaml', 'a\nb.yaml', 'a\\n.yaml', ':0:x.yaml', '*.yaml'];
    lab.commit('names', Object.fromEntries(names.map((name) => [name, name])));
    assert.deepEqual(
      await Promise.all(names.map(dirty)),
      names.map(() => false),
    );
    writeFileSync(file('a\nb.yaml'), 'other');
    assert.deepEqual(
      await Promise.all(names.map(dirty)),
      names.map((name) => name === 'a\nb.yaml'),
    );
  });

  it('works with SHA-256', async () => {
    using other = openGitLab('sha256');
    const commit = other.commit('one', { 'a.yaml': 'a' });
    const found = await provenance.of(join(other.tree, 'a.yaml'));
    assert.deepEqual([found?.commit, commit.length, found?.dirty], [commit, 64, false]);
  });

  it('shows nothing that could steer a terminal, and no more than 200 characters', async () => {
    lab.commit(`\u001b[2Jred\u202e ${'\u{1f600}'.repeat(300)}`, { 'a.yaml': 'a' });
    const { subject = '' } = (await of('a.yaml')) ?? {};
    assert.ok(subject.startsWith('\\u001b[2Jred\\u202e \u{1f600}'), subject);
    assert.deepEqual([[...subject].length, subject.isWellFormed()], [200, true]);
  });

  it('costs two processes for a thousand files at once, and none where nothing has changed', async () => {
    const names = Array.from({ length: 1000 }, (_, at) => `dir${at % 7}/${at}.yaml`);
    const commit = lab.commit('many', Object.fromEntries(names.map((name) => [name, name])));
    const all = await Promise.all([...names, ...names].map(of));
    assert.deepEqual(new Set(all.map((one) => `${one?.commit} ${one?.dirty}`)), new Set([`${commit} false`]));
    assert.ok(calls.length <= 4, calls.join('\n')); // two, and the rest where finding the trees came late
    calls.length = 0;
    await Promise.all(names.map(of));
    assert.deepEqual(calls, []);
    writeFileSync(file('dir0/0.yaml'), 'changed');
    assert.equal(await dirty('dir0/0.yaml'), true, 'the file itself is read each time');
    assert.deepEqual(calls, []);
  });

  it('does without where git fails: said once a tree, and tried again later or once something changes', async () => {
    lab.commit('one', { 'a.yaml': 'a' });
    const head = join(lab.tree, '.git', 'objects');
    renameSync(head, `${head}.away`);
    assert.equal(await of('a.yaml'), undefined);
    assert.equal(await of('a.yaml'), undefined);
    assert.equal(lines.length, 1);
    assert.match(lines[0] as string, /git does not say which commit/);
    assert.equal(calls.length, 1, 'not asked again and again');
    clock.advance(30_000);
    assert.equal(await of('a.yaml'), undefined);
    assert.deepEqual([calls.length, lines.length], [2, 1]);
    renameSync(`${head}.away`, head);
    assert.equal(await of('a.yaml'), undefined);
    clock.advance(30_000);
    assert.equal((await of('a.yaml'))?.subject, 'one');
  });

  it('does without git', async () => {
    lab.commit('one', { 'a.yaml': 'a' });
    const missing: Git = () => Promise.reject(new Error('git is not installed'));
    assert.equal(await createProvenance({ clock, log, git: missing }).of(file('a.yaml')), undefined);
    assert.equal(lines.length, 1);
  });

  const root = process.getuid?.() === 0;
  it('comes from a tree that is somebody else’s', {
    skip: !root && 'only root can give files away',
  }, async () => {
    const commit = lab.commit('one', { 'a.yaml': 'a' });
    for (const path of ['.', ...readdirSync(lab.tree, { recursive: true, encoding: 'utf8' })])
      chownSync(file(path), 65_534, 65_534);
    assert.throws(() => lab.git(['status']), /dubious ownership/);
    assert.equal((await of('a.yaml'))?.commit, commit);
  });
});

describe('provenance of a hostile work tree', () => {
  let lab: GitLab;
  beforeEach(() => {
    lab = openGitLab();
  });
  afterEach(() => lab[Symbol.dispose]());

  /** Everything in a repository that makes some git run a program; what ran leaves its name in `ran`. */
  function trap(): () => string[] {
    const ran = join(lab.dir, 'ran');
    mkdirSync(ran);
    const program = join(lab.dir, 'evil');
    writeFileSync(program, `#!/bin/sh\ntouch "${ran}/$1"\nexit 1\n`, { mode: 0o755 });
    const evil = (name: string) => `${program} ${name}`;
    const settings: [string, string][] = [
      ['core.fsmonitor', evil('fsmonitor')],
      ['core.hooksPath', join(lab.dir, 'hooks')],
      ['core.pager', evil('pager')],
      ['core.sshCommand', evil('ssh')],
      ['core.gitProxy', evil('proxy')],
      ['core.alternateRefsCommand', evil('alternates')],
      ['pager.cat-file', evil('pager')],
      ['alias.cat-file', `!${evil('alias')}`],
      ['diff.external', evil('diff')],
      ['diff.evil.textconv', evil('textconv')],
      ['filter.evil.clean', evil('clean')],
      ['filter.evil.smudge', evil('smudge')],
      ['filter.evil.required', 'true'],
      ['gpg.program', program],
      ['gpg.ssh.program', program],
      ['log.showSignature', 'true'],
      ['protocol.ext.allow', 'always'],
      ['protocol.file.allow', 'always'],
      ['remote.origin.url', `ext::${evil('ext')}`],
      ['remote.origin.uploadpack', evil('uploadpack')],
      ['remote.origin.promisor', 'true'],
      ['extensions.partialClone', 'origin'],
      ['core.repositoryFormatVersion', '1'],
    ];
    for (const [key, value] of settings) lab.git(['config', key, value]);
    mkdirSync(join(lab.dir, 'hooks'));
    for (const hook of ['post-index-change', 'post-checkout', 'reference-transaction', 'pre-auto-gc'])
      writeFileSync(join(lab.dir, 'hooks', hook), `#!/bin/sh\n${evil(hook)}\n`, { mode: 0o755 });
    return () => readdirSync(ran).sort();
  }

  it('runs nothing that the tree names', async () => {
    const files = { 'a.yaml': 'a', 'gone.yaml': 'gone', '.gitattributes': '*.yaml filter=evil diff=evil' };
    const commit = lab.commit('one', files, lab.key('me'));
    const ran = trap();
    writeFileSync(join(lab.tree, 'a.yaml'), 'b'); // differs: others would ask the filter
    const blob = lab.git(['rev-parse', 'HEAD:gone.yaml']).trim();
    rmSync(join(lab.tree, '.git', 'objects', blob.slice(0, 2), blob.slice(2))); // others would fetch it
    const log = createLog('silent');
    const provenance = createProvenance({ clock: new FakeClock(), log });
    const found = await provenance.of(join(lab.tree, 'a.yaml'));
    assert.deepEqual([found?.commit, found?.dirty], [commit, true]);
    assert.equal((await provenance.of(join(lab.tree, 'gone.yaml')))?.commit, commit);
    assert.deepEqual(ran(), []);
    for (const args of [['status'], ['cat-file', 'blob', blob], ['log', '-1', 'HEAD']]) {
      try {
        lab.git(args);
      } catch {
        // the traps fail
      }
    }
    const triggered = ran();
    for (const name of ['clean', 'ext', 'fsmonitor'])
      assert.ok(triggered.includes(name), `the traps do work: ${triggered}`);
  });
});
