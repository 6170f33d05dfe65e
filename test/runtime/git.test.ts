import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createGit, type GitCall, runGit } from '../../src/runtime/git.ts';
import { endLeftovers, endMarked, MARK } from '../../src/runtime/git-processes.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';
import { until } from '../lab/until.ts';

describe('git', () => {
  let lab: GitLab;
  before(() => {
    lab = openGitLab();
    lab.push('first', { 'a.yaml': 'a' });
  });
  after(() => lab[Symbol.dispose]());

  function call(args: string[], more: Partial<GitCall> = {}): GitCall {
    return { args, cwd: lab.tree, gitDir: join(lab.tree, '.git'), ...more };
  }

  /** A program of ours; `there` comes to be when it runs, and holds its process id. */
  function script(name: string, body: string): { path: string; there: string } {
    const [path, there] = [join(lab.dir, name), join(lab.dir, `${name}.there`)];
    writeFileSync(path, `#!/bin/sh\necho $$ > ${there}\n${body}\n`, { mode: 0o755 });
    return { path, there };
  }

  it('gives exit code, output as bytes, and messages', async () => {
    const blob = await runGit(call(['cat-file', 'blob', 'HEAD:a.yaml']));
    assert.deepEqual(blob, { code: 0, stdout: Buffer.from('a'), stderr: '' });
    const { code, stderr } = await runGit(call(['cat-file', 'blob', 'HEAD:$(id)']));
    assert.equal(code, 128);
    assert.match(stderr, /path '\$\(id\)' does not exist/);
  });

  it('gives the exit code of a git that says nothing', async () => {
    const silent = await runGit(call(['rev-parse', '--verify', '--quiet', 'none']));
    assert.deepEqual(silent, { code: 1, stdout: Buffer.alloc(0), stderr: '' });
  });

  it('loses no time on a git that says nothing', async () => {
    const took: number[] = [];
    for (let i = 0; i < 10; i++) {
      const start = performance.now();
      await runGit(call(['update-ref', 'refs/squall/test', 'HEAD']));
      took.push(performance.now() - start);
    }
    assert.ok(Math.min(...took) < 45, took.join(' '));
  });

  it('gives all of a long output', async () => {
    const input = 'HEAD\n'.repeat(5000);
    const { stdout } = await runGit(call(['cat-file', '--batch-check', '--buffer'], { input }));
    assert.equal(stdout.toString().split('\n').length, 5001);
  });

  it('says that it is missing', async () => {
    await assert.rejects(createGit('squall-no-git')(call(['version'])), {
      code: 'SQ306',
      message: 'squall-no-git is not installed',
    });
  });

  it('tells when it was killed, also where it had said something before', async () => {
    const { path } = script('killed', 'echo half\nkill -9 $$');
    await assert.rejects(createGit(path)(call(['version'])), { code: 'SQ303', terminal: false });
  });

  for (const [variant, what] of [
    ['auto', 'what it asks for its version'],
    ['ssh', 'what it speaks through'],
  ] as const) {
    it(`is ended at its time limit, with ${what}`, async () => {
      const { path, there } = script(`slow-${variant}`, 'exec sleep 600');
      process.env.GIT_SSH_COMMAND = path;
      process.env.GIT_SSH_VARIANT = variant;
      const fetch = runGit(call(['fetch', 'ssh://host/a'], { remote: true, timeout: 300 }));
      delete process.env.GIT_SSH_COMMAND;
      delete process.env.GIT_SSH_VARIANT;
      await assert.rejects(fetch, { code: 'SQ303', message: 'git fetch did not end within 300 ms' });
      const pid = Number(readFileSync(there, 'utf8'));
      await until('the end of ssh', () => !existsSync(`/proc/${pid}/fd/0`));
    });
  }

  it('is ended when it is told to, and then not started any more', async () => {
    const { path, there } = script('waiting', 'exec sleep 600');
    const stop = new AbortController();
    const waits = createGit(path)(call(['version'], { signal: stop.signal }));
    await until('its start', () => existsSync(there));
    stop.abort();
    await assert.rejects(waits, { code: 'SQ303', message: 'git version was told to end' });
    await assert.rejects(runGit(call(['version'], { signal: stop.signal })), { code: 'SQ303' });
  });

  it('runs no program for a remote, and reaches none where none is meant', async () => {
    const { path, there } = script('helper', 'exit 1');
    const config = ['protocol.allow=always', 'protocol.ext.allow=always', 'protocol.file.allow=always'];
    const ext = await runGit(call(['ls-remote', `ext::${path}`], { remote: true, config }));
    assert.match(ext.stderr, /transport 'ext' not allowed/);
    const file = await runGit(call(['ls-remote', lab.url], { config }));
    assert.match(file.stderr, /transport 'file' not allowed/);
    assert.equal((await runGit(call(['ls-remote', lab.url], { remote: true }))).code, 0);
    assert.ok(!existsSync(there));
  });

  it('takes no variable of git and no configuration from around it', async () => {
    process.env.GIT_OBJECT_DIRECTORY = '/nonexistent';
    process.env.GIT_CONFIG_PARAMETERS = "'alias.x=!touch nonsense'";
    const home = process.env.HOME;
    process.env.HOME = lab.home;
    writeFileSync(join(lab.home, '.gitconfig'), '[user]\n\tname = from home\n');
    try {
      const name = (more: Partial<GitCall>) => runGit(call(['config', 'user.name'], more));
      assert.equal((await name({})).code, 1);
      assert.equal((await name({ remote: true })).stdout.toString(), 'from home\n');
      assert.equal((await runGit(call(['cat-file', '-e', 'HEAD']))).code, 0);
      assert.equal((await runGit(call(['cat-file', '-e', 'HEAD'], { remote: true }))).code, 0);
    } finally {
      delete process.env.GIT_OBJECT_DIRECTORY;
      delete process.env.GIT_CONFIG_PARAMETERS;
      process.env.HOME = home;
    }
  });
});

describe('what an earlier git left running', () => {
  function leave(mark: string): ChildProcess {
    return spawn('sleep', ['600'], { env: { ...process.env, [MARK]: mark }, stdio: 'ignore' });
  }

  it('is ended, what another owner runs is not', async () => {
    const [mine, also, other] = ['/state/git:1', '/state/git:2', '/state/git2:1'].map(leave) as [
      ChildProcess,
      ChildProcess,
      ChildProcess,
    ];
    try {
      const ends = [once(mine, 'exit'), once(also, 'exit')];
      assert.equal(await endLeftovers('/state/git'), 2);
      assert.deepEqual(
        (await Promise.all(ends)).map(([, signal]) => signal),
        ['SIGKILL', 'SIGKILL'],
      );
      assert.equal(other.exitCode, null);
      assert.deepEqual(endMarked('/state/git2:1'), [other.pid]);
      await once(other, 'exit');
    } finally {
      for (const child of [mine, also, other]) child.kill('SIGKILL');
    }
  });

  it('may be nothing', async () => {
    assert.equal(await endLeftovers('/state/git'), 0);
    assert.deepEqual(endMarked('x', '/nonexistent'), []);
  });
});
