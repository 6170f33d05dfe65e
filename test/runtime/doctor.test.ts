import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { takeLock } from '../../src/journal/lock.ts';
import { checkPlace, checkProcesses } from '../../src/runtime/doctor-engine.ts';
import { checkPrivileges } from '../../src/runtime/doctor-host.ts';
import { checkSentinel, checkState, holderOf, isSupervised } from '../../src/runtime/doctor-state.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'squall-doctor-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('privileges', () => {
  it('are told by effective capabilities', () => {
    assert.equal(checkPrivileges('Name:\tnode\nCapEff:\t000001ffffffffff\n').state, 'ok');
    // what Docker gives a container by default: with CAP_NET_RAW and CAP_KILL, without the rest
    const inContainer = checkPrivileges('CapEff:\t00000000a80425fb\n');
    assert.deepEqual(
      [inContainer.state, inContainer.found],
      ['missing', 'lacks CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_ADMIN'],
    );
  });

  it('are none where nothing can be read', () => assert.equal(checkPrivileges('').state, 'missing'));
});

describe('the place of the engine', () => {
  const linux = { os: 'Debian GNU/Linux 12', rootless: false, kernel: '6.1' };
  const cases: [string, Partial<typeof linux>, 'ok' | 'missing'][] = [
    ['unix:///var/run/docker.sock', {}, 'ok'],
    ['tcp://127.0.0.1:2375', {}, 'ok'],
    ['tcp://[::1]:2375', {}, 'ok'],
    ['http://localhost', {}, 'ok'],
    ['tcp://10.0.0.5:2376', {}, 'missing'],
    ['tcp://localhost.example.org:2376', {}, 'missing'],
    ['unix:///var/run/docker.sock', { os: 'Docker Desktop' }, 'missing'],
    ['unix:///run/user/1000/docker.sock', { rootless: true }, 'missing'],
  ];
  for (const [host, more, state] of cases) {
    it(`${host} ${JSON.stringify(more)} is ${state}`, () =>
      assert.equal(checkPlace(host, { ...linux, ...more }).state, state));
  }
});

describe('processes of containers', () => {
  it('that are none of theirs are not seen', () => {
    const other = { id: 'f'.repeat(64), name: 'x', pid: process.ppid } as Parameters<
      typeof checkProcesses
    >[0][number];
    assert.equal(checkProcesses([other]).state, 'missing');
  });
});

describe('the state directory', () => {
  it('is looked at where it will be, and not made', () => {
    const [state, disk] = checkState(join(dir, 'a', 'b'));
    assert.match(state?.found ?? '', /^.*\/a\/b will be made, on /);
    assert.equal(disk?.id, 'disk');
    assert.match(checkState(dir)[0]?.found ?? '', /is writable/);
  });

  it('can not be below a file', () => {
    writeFileSync(join(dir, 'file'), '');
    assert.equal(checkState(join(dir, 'file', 'state'))[0]?.state, 'missing');
  });

  it('in memory is a warning', { skip: process.platform !== 'linux' }, () => {
    const [state] = checkState('/dev/shm');
    assert.deepEqual([state?.state, state?.found.includes('tmpfs')], ['warn', true]);
  });
});

describe('the holder of a lock', () => {
  it('is the process that holds it, while it does', () => {
    const file = join(dir, 'daemon.lock');
    const lock = takeLock(file);
    assert.ok(lock);
    assert.equal(holderOf(file), process.pid);
    lock.release();
    assert.equal(holderOf(file), undefined);
  });

  it('is nobody where there is no file', () => assert.equal(holderOf(join(dir, 'none')), undefined));
});

describe('the sentinel', () => {
  const SERVICE = '0::/system.slice/squall.service\n';
  const paths = () => ({ daemon: join(dir, 'daemon.lock'), sentinel: join(dir, 'sentinel.lock') });

  /** A folder like /proc with these processes; each holds the lock of its name. */
  function proc(cgroups: { daemon?: string; sentinel?: string }): string {
    const root = join(dir, 'proc');
    const lines = Object.entries(cgroups).map(([role, cgroup], index) => {
      const file = join(dir, `${role}.lock`);
      writeFileSync(file, '');
      const pid = 100 + index;
      mkdirSync(join(root, `${pid}`, 'fd'), { recursive: true });
      writeFileSync(join(root, `${pid}`, 'cgroup'), cgroup);
      symlinkSync(file, join(root, `${pid}`, 'fd', '17'));
      return `${index}: POSIX  ADVISORY  WRITE ${pid} 08:01:${inode(file)} 0 EOF`;
    });
    mkdirSync(root, { recursive: true });
    writeFileSync(join(root, 'locks'), `${lines.join('\n')}\n`);
    return root;
  }

  it('that would die with the daemon is a warning', () => {
    const { state, mend } = checkSentinel(paths(), proc({ daemon: SERVICE, sentinel: SERVICE }));
    assert.equal(state, 'warn');
    assert.match(mend, /--no-sentinel/);
  });

  it('in a unit of its own is fine', () => {
    const found = checkSentinel(
      paths(),
      proc({ daemon: SERVICE, sentinel: '0::/system.slice/squall-sentinel.service\n' }),
    );
    assert.equal(found.state, 'ok');
  });

  it('beside a daemon that somebody started in a shell is fine', () => {
    assert.equal(
      checkSentinel(
        paths(),
        proc({ daemon: '0::/user.slice/a.scope\n', sentinel: '0::/user.slice/a.scope\n' }),
      ).state,
      'ok',
    );
  });

  it('that is not there while a daemon is, is a warning', () => {
    assert.equal(checkSentinel(paths(), proc({ daemon: SERVICE })).state, 'warn');
  });

  it('need not be there without a daemon', () => assert.equal(checkSentinel(paths(), proc({})).state, 'ok'));

  it('is known to be supervised by what its control group says', () => {
    assert.equal(isSupervised('0::/system.slice/squall.service'), true);
    assert.equal(isSupervised(`3:cpu:/docker/${'0'.repeat(64)}`), true);
    assert.equal(isSupervised('0::/user.slice/user-1000.slice/session-2.scope'), false);
  });
});

function inode(file: string): number {
  return statSync(file).ino;
}
