import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import {
  createGitSource,
  type GitEvent,
  type GitSource,
  type GitSourceOptions,
} from '../../src/daemon/git-source.ts';
import { createProvenance } from '../../src/daemon/provenance.ts';
import { type Git, runGit } from '../../src/runtime/git.ts';
import { MARK } from '../../src/runtime/git-processes.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';
import { until } from '../lab/until.ts';

let lab: GitLab;
let clock: FakeClock;
let events: GitEvent[];
let lines: string[];
const sources: GitSource[] = [];
const home = process.env.HOME;

beforeEach(() => {
  lab = openGitLab();
  process.env.HOME = lab.home;
  clock = new FakeClock();
  events = [];
  lines = [];
});
afterEach(async () => {
  for (const source of sources.splice(0)) await source.close();
  lab[Symbol.dispose]();
  process.env.HOME = home;
});

function open(more: Partial<GitSourceOptions> = {}): GitSource {
  const source = createGitSource({
    url: lab.url,
    branch: 'main',
    paths: ['chaos'],
    interval: 30_000,
    allowedSigners: undefined,
    dir: state(),
    clock,
    log: createLog('trace', { write: (line: string) => void lines.push(line) }),
    emit: (event) => void events.push(event),
    ...more,
  });
  sources.push(source);
  return source;
}

async function started(more: Partial<GitSourceOptions> = {}): Promise<GitSource> {
  const source = open(more);
  await source.start();
  return source;
}

function state(...more: string[]): string {
  return join(lab.dir, 'state', 'git', ...more);
}

/** Path -> content of every file that is checked out. */
function tree(): Record<string, string> {
  const files = readdirSync(state(), { recursive: true, encoding: 'utf8' })
    .filter((name) => !/^\.git(\/|$)/.test(name))
    .filter((name) => statSync(state(name)).isFile());
  return Object.fromEntries(files.sort().map((name) => [name, readFileSync(state(name), 'utf8')]));
}

const NOTHING = 'There is no good commit yet: no manifests';

function reasons(): string[] {
  return events.map(({ reason, warning }) => `${reason}${warning ? '!' : ''}`);
}

function lastMessage(): string {
  return events.at(-1)?.message ?? '';
}

/** The remote cannot be reached, till the returned function is called. */
function moveAway(): () => void {
  renameSync(lab.bare, `${lab.bare}.away`);
  return () => renameSync(`${lab.bare}.away`, lab.bare);
}

describe('a Git source', () => {
  it('has the branch checked out once it has started, and says so', async () => {
    const commit = lab.push('Block redis', { 'chaos/a.yaml': 'a', 'README.md': 'r' });
    const source = await started();
    assert.deepEqual(source.directories(), [state('chaos')]);
    assert.deepEqual(tree(), { 'README.md': 'r', 'chaos/a.yaml': 'a' });
    assert.deepEqual(source.status(), {
      url: lab.url,
      branch: 'main',
      commit,
      fetchedAt: clock.now(),
      error: undefined,
    });
    assert.deepEqual(events, [
      {
        reason: 'GitCheckedOut',
        message: `main is at commit ${commit.slice(0, 12)} "Block redis" by Ada Lovelace`,
      },
    ]);
  });

  it('takes up a new commit: files that are new, changed and gone; what does not belong there goes', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a', 'chaos/b.yaml': 'b', 'chaos/same.yaml': 's', '.gitignore': 'c*' });
    const source = await started();
    const same = statSync(state('chaos', 'same.yaml'), { bigint: true });
    writeFileSync(state('chaos', 'untracked.yaml'), 'u');
    mkdirSync(state('cache.yaml', '.git'), { recursive: true });
    writeFileSync(state('chaos', 'b.yaml'), 'by hand');
    const files = {
      'chaos/a.yaml': undefined,
      'chaos/b.yaml': 'B',
      'chaos/c/c.yaml': 'c',
      'cache.yaml': 'f',
    };
    const commit = lab.push('two', files);
    assert.equal(await source.sync(), commit);
    assert.deepEqual(tree(), {
      '.gitignore': 'c*',
      'cache.yaml': 'f',
      'chaos/b.yaml': 'B',
      'chaos/c/c.yaml': 'c',
      'chaos/same.yaml': 's',
    });
    const now = statSync(state('chaos', 'same.yaml'), { bigint: true });
    assert.deepEqual([now.ino, now.ctimeNs], [same.ino, same.ctimeNs], 'what stays is not touched');
  });

  it('follows a branch that was pushed by force', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    lab.push('two', { 'chaos/b.yaml': 'b' });
    const source = await started();
    lab.git(['reset', '--quiet', '--hard', 'HEAD^']);
    const commit = lab.commit('other', { 'chaos/c.yaml': 'c' });
    lab.git(['push', '--quiet', '--force', 'origin', 'HEAD']);
    assert.equal(await source.sync(), commit);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a', 'chaos/c.yaml': 'c' });
  });

  it('fetches every interval, and writes only while nobody reads', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    let writing = false;
    const git: string[] = [];
    source.follow(async (work) => {
      writing = true;
      await work();
      git.push(JSON.stringify(tree()));
      writing = false;
    });
    const commit = lab.push('two', { 'chaos/a.yaml': 'A' });
    clock.advance(29_999);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    clock.advance(1);
    await until('the checkout', () => source.status().commit === commit);
    assert.deepEqual([git, writing], [['{"chaos/a.yaml":"A"}'], false]);
    await until('the next timer', () => clock.pending === 1);
    clock.advance(30_000);
    await until('the next fetch', () => source.status().fetchedAt === clock.now());
    assert.equal(git.length, 1, 'no new commit, no writing');
  });

  it('writes nothing before it is let', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    source.follow(async (work) => {
      asked.resolve();
      await gate.promise;
      await work();
    });
    lab.push('two', { 'chaos/a.yaml': 'A' });
    const synced = source.sync();
    await asked.promise;
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    gate.resolve();
    await synced;
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'A' });
  });

  it('stays at the last good commit while the remote fails, and warns once', async () => {
    const first = lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    events.length = 0;
    const back = moveAway();
    for (let i = 0; i < 3; i++) assert.equal(await source.sync(), first);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    assert.deepEqual(reasons(), ['GitFetchFailed!']);
    assert.match(
      lastMessage(),
      new RegExp(`^main cannot be fetched from ${lab.url}: .*${first.slice(0, 12)} stays$`),
    );
    assert.equal(source.status().error, lastMessage());
    back();
    await source.sync();
    assert.deepEqual(reasons(), ['GitFetchFailed!', 'GitRecovered']);
    assert.equal(source.status().error, undefined);
    moveAway();
    await source.sync();
    assert.deepEqual(reasons(), ['GitFetchFailed!', 'GitRecovered', 'GitFetchFailed!']);
  });

  it('stays where the branch is deleted, and follows when it is back', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    lab.git(['update-ref', '-d', 'refs/heads/main'], lab.bare);
    events.length = 0;
    await source.sync();
    await source.sync();
    assert.deepEqual(reasons(), ['GitBranchMissing!']);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    const commit = lab.push('two', { 'chaos/b.yaml': 'b' });
    assert.equal(await source.sync(), commit);
    assert.deepEqual(reasons(), ['GitBranchMissing!', 'GitCheckedOut']);
  });

  it('starts without a remote: from the last good commit', async () => {
    const commit = lab.push('one', { 'chaos/a.yaml': 'a' });
    await (await started()).close();
    moveAway();
    events.length = 0;
    const source = await started();
    assert.equal(source.status().commit, commit);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    assert.deepEqual(reasons(), ['GitFetchFailed!']);
  });

  it('starts without a remote and without any commit: empty, and tries again', async () => {
    const back = moveAway();
    const source = await started({ paths: ['chaos', 'more/deep', '.'] });
    assert.deepEqual(source.directories(), [state('chaos'), state('more/deep'), state()]);
    for (const dir of source.directories()) assert.ok(statSync(dir).isDirectory(), dir);
    assert.deepEqual([reasons(), source.status().commit], [['GitFetchFailed!'], undefined]);
    assert.ok(lastMessage().endsWith(NOTHING), lastMessage());
    back();
    source.follow((work) => work());
    lab.push('one', { 'chaos/a.yaml': 'a' });
    clock.advance(30_000);
    await until('the first commit', () => source.status().commit !== undefined);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    for (const dir of source.directories()) assert.ok(statSync(dir).isDirectory(), dir);
  });

  it('keeps its directories when a commit has none, and warns', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    lab.push('two', { 'chaos/a.yaml': undefined, x: 'x' });
    await source.sync();
    assert.ok(statSync(state('chaos')).isDirectory());
    assert.deepEqual(reasons(), ['GitCheckedOut', 'GitCheckedOut!']);
    assert.match(lastMessage(), /which has no directory chaos$/);
  });

  it('was killed in the middle of a checkout: the next start brings back the last good tree, whole', async () => {
    const first = lab.push('one', { 'chaos/a.yaml': 'a', 'chaos/b.yaml': 'b', 'dir/x': 'x' });
    await (await started()).close();
    lab.push('two', { 'chaos/a.yaml': 'A', 'chaos/new.yaml': 'n' });
    moveAway();
    writeFileSync(state('chaos', 'a.yaml'), 'A');
    writeFileSync(state('chaos', 'new.yaml'), 'half');
    rmSync(state('chaos', 'b.yaml'));
    rmSync(state('dir'), { recursive: true });
    writeFileSync(state('dir'), 'a file in the way');
    for (const lock of ['index', 'HEAD', 'shallow', 'refs/squall/current', 'refs/squall/fetched'])
      writeFileSync(state('.git', `${lock}.lock`), '');
    writeFileSync(state('.git', 'index'), 'broken');
    writeFileSync(state('.git', 'HEAD'), `${'0'.repeat(39)}1\n`);
    const source = await started();
    assert.equal(source.status().commit, first);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a', 'chaos/b.yaml': 'b', 'dir/x': 'x' });
    renameSync(`${lab.bare}.away`, lab.bare);
    await source.sync();
    assert.deepEqual(tree()['chaos/new.yaml'], 'n');
  });

  it('ends what a killed daemon left running, before it writes the tree', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    await (await started()).close();
    const script = `while :; do echo half > ${state('chaos', 'a.yaml')}; sleep 0.01; done`;
    const { dev, ino } = statSync(state());
    const writer = spawn('sh', ['-c', script], { env: { ...process.env, [MARK]: `${dev}-${ino}:left` } });
    try {
      await until('its writing', () => tree()['chaos/a.yaml'] === 'half\n');
      await started();
      await until('its end', () => writer.signalCode === 'SIGKILL', 5000);
      assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    } finally {
      writer.kill('SIGKILL');
    }
  });

  it('begins anew where its repository is damaged, or of another remote or branch', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    await (await started()).close();
    rmSync(state('.git', 'objects'), { recursive: true });
    await (await started()).close();
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    await (await started({ branch: 'other' })).close();
    assert.deepEqual([tree(), lastMessage().split('. ')[1]], [{}, NOTHING]);
    await (await started()).close();
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    const back = moveAway();
    const away = await started({ url: `${lab.url}.other` });
    assert.deepEqual([tree(), away.status().commit], [{}, undefined]);
    back();
  });

  it('begins anew where the last good commit cannot be written any more', async () => {
    const commit = lab.push('one', { 'chaos/a.yaml': 'a' });
    await (await started()).close();
    const blob = lab.git(['rev-parse', 'HEAD:chaos/a.yaml']).trim();
    rmSync(state('.git', 'objects', blob.slice(0, 2), blob.slice(2)));
    events.length = 0;
    const source = await started();
    assert.deepEqual(reasons(), ['GitCheckoutFailed!', 'GitCheckedOut']);
    assert.deepEqual([tree(), source.status().commit], [{ 'chaos/a.yaml': 'a' }, commit]);
    assert.equal(source.status().error, undefined);
  });

  it('goes back to the last good commit where a checkout fails, before anybody reads', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    let broken = false;
    const git: Git = async (call) => {
      const result = await runGit(call);
      const fails = broken && call.args[0] === 'checkout';
      broken &&= !fails;
      return fails ? { ...result, code: 1, stderr: 'error: no space left on device' } : result;
    };
    const source = await started({ git });
    source.follow(async (work) => {
      await work();
      assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    });
    lab.push('two', { 'chaos/b.yaml': 'b' });
    broken = true;
    await source.sync();
    assert.deepEqual(reasons(), ['GitCheckedOut', 'GitCheckoutFailed!']);
    assert.match(source.status().error ?? '', /no space left/);
    source.follow((work) => work());
    await source.sync();
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'a', 'chaos/b.yaml': 'b' });
  });

  it('lets nobody read a tree that it cannot make whole, and tries on', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    let full = false;
    const git: Git = async (call) => {
      if (full && call.args[0] === 'checkout') return { code: 1, stdout: Buffer.alloc(0), stderr: 'full' };
      return runGit(call);
    };
    const source = await started({ git });
    let read = 0;
    source.follow(async (work) => {
      await work();
      read += 1;
    });
    clock.advance(0);
    lab.push('two', { 'chaos/b.yaml': 'b' });
    full = true;
    const synced = source.sync();
    await until('the first try', () => lines.some((line) => line.includes('cannot be made whole')));
    await until('the timer', () => clock.pending === 2);
    assert.equal(read, 0);
    full = false;
    clock.advance(2000);
    await synced;
    assert.deepEqual([read, tree()], [1, { 'chaos/a.yaml': 'a' }]);
  });

  it('fetches once more for who asks while a fetch is on', async () => {
    lab.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started();
    const first = source.sync();
    const commit = lab.push('two', { 'chaos/a.yaml': 'A' });
    const [, second, third] = await Promise.all([first, source.sync(), source.sync()]);
    assert.deepEqual([second, third], [commit, commit]);
  });

  it('closes in the middle of a fetch', { timeout: 20_000 }, async () => {
    const ssh = join(lab.dir, 'ssh');
    writeFileSync(ssh, `#!/bin/sh\necho $$ > ${ssh}.pid\nexec sleep 600\n`, { mode: 0o755 });
    process.env.GIT_SSH_COMMAND = ssh;
    process.env.GIT_SSH_VARIANT = 'ssh';
    const source = open({ url: 'ssh://git@host/a' });
    const starting = source.start();
    await until('the fetch', () => existsSync(`${ssh}.pid`) && readFileSync(`${ssh}.pid`, 'utf8') !== '');
    await source.close();
    delete process.env.GIT_SSH_COMMAND;
    delete process.env.GIT_SSH_VARIANT;
    await starting;
    const pid = readFileSync(`${ssh}.pid`, 'utf8').trim();
    await until('the end of ssh', () => !existsSync(`/proc/${pid}/fd/0`));
    assert.deepEqual(events, []);
    assert.equal(await source.sync(), undefined);
  });

  it('takes neither tags nor other branches, and of the past nothing', async () => {
    for (let i = 0; i < 5; i++) lab.commit(`${i}`, { 'chaos/a.yaml': `${i}` });
    lab.git(['tag', 'v1']);
    lab.git(['push', '--quiet', 'origin', 'HEAD', 'HEAD:refs/heads/other', 'v1']);
    const source = await started();
    lab.push('last', { 'chaos/a.yaml': 'last' });
    await source.sync();
    const refs = lab.git(['for-each-ref', '--format=%(refname)'], state()).trim().split('\n');
    assert.deepEqual(refs, ['refs/squall/current', 'refs/squall/fetched']);
    assert.equal(lab.git(['rev-list', '--count', 'HEAD'], state()).trim(), '1');
  });

  it('works with SHA-256', async () => {
    using other = openGitLab('sha256');
    const commit = other.push('one', { 'chaos/a.yaml': 'a' });
    const source = await started({ url: other.url });
    assert.deepEqual([source.status().commit, commit.length], [commit, 64]);
    await source.close();
    assert.equal((await started({ url: other.url })).status().commit, commit);
  });

  it('gives provenance to what it checks out', async () => {
    const commit = lab.push('Block redis', { 'chaos/a.yaml': 'a' });
    await started();
    const provenance = createProvenance({ clock, log: createLog('silent') });
    const found = await provenance.of(state('chaos', 'a.yaml'));
    assert.deepEqual([found?.commit, found?.subject, found?.dirty], [commit, 'Block redis', false]);
  });

  it('runs no hook and no filter, and fetches no submodule', async () => {
    const commit = lab.commit('sub', { 'chaos/a.yaml': 'a' });
    lab.git(['update-index', '--add', '--cacheinfo', `160000,${commit},chaos/sub`]);
    writeFileSync(join(lab.tree, '.gitattributes'), '*.yaml filter=evil\n');
    writeFileSync(join(lab.tree, '.gitmodules'), `[submodule "s"]\n\tpath = chaos/sub\n\turl = ${lab.url}\n`);
    lab.git(['add', '.gitattributes', '.gitmodules']);
    lab.git(['commit', '--quiet', '-m', 'hostile']);
    lab.git(['push', '--quiet', 'origin', 'HEAD']);
    const ran = join(lab.dir, 'ran');
    const filter = `[filter "evil"]\n\tsmudge = touch ${ran}\n\trequired = true\n`;
    const more = `[core]\n\thooksPath = ${lab.home}\n[submodule]\n\trecurse = true\n`;
    writeFileSync(join(lab.home, '.gitconfig'), filter + more);
    for (const hook of ['post-checkout', 'reference-transaction', 'post-index-change'])
      writeFileSync(join(lab.home, hook), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    await started();
    assert.deepEqual(readdirSync(state('chaos')).sort(), ['a.yaml', 'sub']);
    assert.deepEqual([readdirSync(state('chaos', 'sub')), existsSync(ran)], [[], false]);
  });

  it('refuses a commit whose directory is a link out of it, and takes one inside', async () => {
    const first = lab.push('one', { 'v1/a.yaml': 'a', 'chaos/a.yaml': 'a' });
    const source = await started();
    rmSync(join(lab.tree, 'chaos'), { recursive: true });
    symlinkSync('/etc', join(lab.tree, 'chaos'));
    const second = lab.push('two', {});
    assert.equal(await source.sync(), first);
    assert.deepEqual(reasons(), ['GitCheckedOut', 'GitCommitRefused!']);
    assert.match(lastMessage(), new RegExp(`${second.slice(0, 12)} of main is refused: chaos is a link`));
    rmSync(join(lab.tree, 'chaos'));
    symlinkSync('v1', join(lab.tree, 'chaos'));
    const third = lab.push('three', {});
    assert.equal(await source.sync(), third);
    assert.equal(readFileSync(state('chaos', 'a.yaml'), 'utf8'), 'a');
  });
});

describe('the options of a Git source', () => {
  for (const [what, more] of Object.entries({
    'a branch': { branch: 'a b' },
    'a URL': { url: 'ext::sh -c id' },
    'a path outside': { paths: ['a/../../b'] },
    'an absolute path': { paths: ['/etc'] },
    'a path into the repository itself': { paths: ['chaos/.GIT/hooks'] },
  })) {
    it(`are checked: ${what}`, () => {
      assert.throws(() => open(more), { code: 'SQ501' });
    });
  }

  it('name a path in more than one way', () => {
    assert.deepEqual(open({ paths: ['./chaos/', 'chaos', 'a//b/../c', '..a'] }).directories(), [
      state('chaos'),
      state('a/c'),
      state('..a'),
    ]);
  });
});

describe('signed commits', () => {
  it('count where an allowed signer signed them; the last good one stays where not', async () => {
    const [ada, eve] = [lab.key('ada'), lab.key('eve')];
    const first = lab.push('one', { 'chaos/a.yaml': 'a' }, ada);
    const source = await started({ allowedSigners: lab.allow({ 'ada@example.org': ada }) });
    assert.equal(source.status().commit, first);
    const refused: [string, RegExp][] = [
      [lab.push('unsigned', { 'chaos/a.yaml': 'b' }), /it is not signed/],
      [
        lab.push('eve', { 'chaos/a.yaml': 'c' }, eve),
        /it is signed by SHA256:\S+, which is no allowed signer's key/,
      ],
    ];
    const forged = lab.git(['cat-file', 'commit', first]).replace('\n\none\n', '\n\nforged\n');
    refused.push([store(forged), /its signature is bad/]);
    refused.push([
      store(forged.replaceAll('SSH SIGNATURE', 'PGP SIGNATURE')),
      /it is signed, but not by an ssh key/,
    ]);
    refused.push([
      store(forged.replace(/(gpgsig[\s\S]*?SIGNATURE-----\n)(?=\n)/, '$1$1')),
      /it has more than one/,
    ]);
    for (const [commit, why] of refused) {
      lab.git(['push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`]);
      events.length = 0;
      for (let i = 0; i < 2; i++) assert.equal(await source.sync(), first);
      assert.deepEqual(reasons(), ['GitCommitRefused!']);
      assert.match(
        lastMessage(),
        new RegExp(`^commit ${commit.slice(0, 12)} of main is refused: ${why.source}`),
      );
      assert.match(lastMessage(), new RegExp(`Commit ${first.slice(0, 12)} stays$`));
      assert.deepEqual(tree(), { 'chaos/a.yaml': 'a' });
    }
    lab.git(['reset', '--quiet', '--hard', first]);
    const good = lab.commit('good', { 'chaos/a.yaml': 'good' }, ada);
    lab.git(['push', '--quiet', '--force', 'origin', 'HEAD']);
    assert.equal(await source.sync(), good);
    assert.deepEqual(tree(), { 'chaos/a.yaml': 'good' });
  });

  function store(commit: string): string {
    const path = join(lab.dir, 'object');
    writeFileSync(path, commit);
    return lab.git(['hash-object', '-t', 'commit', '-w', path]).trim();
  }

  it('are checked again at the start, also where the remote is away', async () => {
    const [ada, bob] = [lab.key('ada'), lab.key('bob')];
    const first = lab.push('one', { 'chaos/a.yaml': 'a' }, ada);
    await (await started({ allowedSigners: lab.allow({ ada }) })).close();
    moveAway();
    const good = await started({ allowedSigners: lab.allow({ ada }) });
    assert.equal(good.status().commit, first);
    await good.close();
    events.length = 0;
    const source = await started({ allowedSigners: lab.allow({ bob }) });
    assert.deepEqual([source.status().commit, tree()], [undefined, {}]);
    assert.deepEqual(reasons(), ['GitCommitRefused!', 'GitFetchFailed!']);
  });

  it('need a file of allowed signers', async () => {
    await assert.rejects(started({ allowedSigners: join(lab.dir, 'none') }), { code: 'SQ501' });
    const ada = lab.key('ada');
    lab.push('one', { 'chaos/a.yaml': 'a' }, ada);
    const allowedSigners = lab.allow({ ada });
    const source = await started({ allowedSigners });
    rmSync(allowedSigners);
    lab.push('two', { 'chaos/a.yaml': 'b' }, ada);
    await source.sync();
    assert.match(lastMessage(), /is refused: .*allowed cannot be read/);
  });

  it('do not count with a key that had expired', async () => {
    const ada = lab.key('ada');
    lab.push('one', { 'chaos/a.yaml': 'a' }, ada);
    const allowedSigners = join(lab.dir, 'expired');
    const key = readFileSync(`${ada}.pub`, 'utf8');
    writeFileSync(allowedSigners, `ada valid-before="20200101" ${key}`);
    await started({ allowedSigners });
    assert.match(lastMessage(), /the key SHA256:\S+ was not valid when it was signed/);
  });
});

describe('the password of a Git source', () => {
  const seen: (string | undefined)[] = [];
  let server: Server | undefined;
  after(() => server?.close());

  /** The bare repository as plain files over HTTP, for who knows the password. */
  async function serve(): Promise<number> {
    lab.git(['update-server-info'], lab.bare);
    const expected = `Basic ${Buffer.from('ada:s3cr@t').toString('base64')}`;
    server = createServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.headers.authorization !== expected) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="ada:s3cr@t"' }).end();
        return;
      }
      const path = join(lab.bare, new URL(request.url ?? '', 'http://x').pathname.replace('/a.git', ''));
      if (!existsSync(path) || !statSync(path).isFile()) return void response.writeHead(404).end();
      response.end(readFileSync(path));
    });
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server?.once('listening', resolve));
    return (server.address() as AddressInfo).port;
  }

  it('opens the remote, and is told nowhere', async () => {
    const commit = lab.push('one', { 'chaos/a.yaml': 'a' });
    const port = await serve();
    const args: string[] = [];
    const git: Git = (call) => {
      args.push(JSON.stringify([call.args, call.config]));
      return runGit(call);
    };
    const source = await started({ url: `http://ada:s3cr%40t@127.0.0.1:${port}/a.git`, git });
    assert.equal(source.status().commit, commit, JSON.stringify(events));
    assert.equal(source.status().url, `http://127.0.0.1:${port}/a.git`);
    await source.close();
    const wrong = await started({
      url: `http://ada:wr0ng-s3cr%40t@127.0.0.1:${port}/a.git`,
      git,
      dir: join(lab.dir, 'w'),
    });
    assert.equal(wrong.status().commit, undefined);
    assert.deepEqual(reasons(), ['GitCheckedOut', 'GitFetchFailed!']);
    const told = [...args, ...lines, JSON.stringify([events, source.status(), wrong.status()])].join('\n');
    assert.doesNotMatch(told, /s3cr|ada:/);
    assert.ok(seen.every((header) => header === undefined || header.startsWith('Basic ')) && seen.length > 4);
    assert.equal(statSync(state('.git', 'squall-remote')).mode & 0o777, 0o600);
  });
});
