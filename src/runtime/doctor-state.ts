import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Check, check } from './doctor-check.ts';

/** Magic numbers of statfs(2), for file systems whose name says something here. */
const FILE_SYSTEMS: Record<number, string> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  2035054128: 'overlay',
  16914836: 'tmpfs',
  26985: 'nfs',
  4283649346: 'cifs',
  4266872130: 'smb2',
  1702057286: 'fuse',
  16914839: '9p',
};
/** Where SQLite's shared memory (https://sqlite.org/wal.html) and locks can't be relied on. */
const REMOTE = new Set(['nfs', 'cifs', 'smb2', 'fuse', '9p']);

const MIB = 1024 * 1024;
/** Bytes. The journal itself stays far below. */
const LEAST_SPACE = 16 * MIB;
const LITTLE_SPACE = 128 * MIB;

/** The state directory and its disk. Makes nothing. Never rejects. */
export function checkState(dir: string): Check[] {
  const place = nearest(dir);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    const { type, bavail, bsize } = statfsSync(place);
    return [
      checkFileSystem(dir, place, FILE_SYSTEMS[type] ?? `type 0x${type.toString(16)}`),
      checkSpace(bavail * bsize),
    ];
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const mend = 'Run this as the user that the daemon runs as, or give another --state';
    return [check('state', 'missing', `${dir} is not writable: ${code}`, mend)];
  }
}

function checkFileSystem(dir: string, place: string, name: string): Check {
  const found = place === dir ? `${dir} is writable, on ${name}` : `${dir} will be made, on ${name}`;
  const mend = 'Give --state a directory on a local disk';
  if (REMOTE.has(name))
    return check('state', 'warn', `${found}: locks and shared memory may not work there`, mend);
  if (name === 'tmpfs') return check('state', 'warn', `${found}: the journal is lost at a reboot`, mend);
  return check('state', 'ok', found);
}

function checkSpace(bytes: number): Check {
  const found = `${Math.floor(bytes / MIB)} MiB free`;
  const mend = 'Make room: nothing is injected where the journal cannot be written';
  return check(
    'disk',
    bytes < LEAST_SPACE ? 'missing' : bytes < LITTLE_SPACE ? 'warn' : 'ok',
    found,
    bytes < LITTLE_SPACE ? mend : '',
  );
}

/** The directory itself, or the nearest above it that exists. */
function nearest(dir: string): string {
  let place = dir;
  while (!existsSync(place) && dirname(place) !== place) place = dirname(place);
  return place;
}

/** Deadlines follow the boot clock; what the kernel ends by itself follows the wall clock. */
export function checkClock(clock: Pick<Clock, 'now' | 'boot' | 'bootId'> = systemClock): Check {
  try {
    clock.boot();
    clock.bootId();
    const synced = existsSync('/run/systemd/timesync/synchronized')
      ? 'synchronised'
      : 'not known to be synchronised, nor need it be';
    return check('clock', 'ok', `${new Date(clock.now()).toISOString()}, ${synced}`);
  } catch (error) {
    return check('clock', 'missing', `no boot clock: ${(error as Error).message}`, 'Mount /proc');
  }
}

/** Whether the sentinel would live on when a supervisor ends the daemon with all of its control group. Never rejects. */
export function checkSentinel(locks: { daemon: string; sentinel: string }, proc = '/proc'): Check {
  const [daemon, sentinel] = [holderOf(locks.daemon, proc), holderOf(locks.sentinel, proc)];
  if (sentinel === undefined) {
    if (daemon === undefined) return check('sentinel', 'ok', 'neither a daemon nor a sentinel runs here now');
    const mend = 'Run `squall sentinel` under a supervisor, or leave out --no-sentinel';
    return check('sentinel', 'warn', 'no sentinel: what the kernel cannot end outlives a dead daemon', mend);
  }
  if (daemon === undefined) return check('sentinel', 'ok', `runs as process ${sentinel}, without a daemon`);
  const [mine, its] = [cgroupOf(daemon, proc), cgroupOf(sentinel, proc)];
  if (mine === its && isSupervised(mine)) {
    const mend =
      'Run `squall sentinel` as a service (or container) of its own, and the daemon with --no-sentinel';
    return check(
      'sentinel',
      'warn',
      `process ${sentinel} shares the daemon's control group and dies with it`,
      mend,
    );
  }
  return check('sentinel', 'ok', `runs as process ${sentinel}`);
}

/** A unit of systemd or a container: what its supervisor stops, it stops whole. */
export function isSupervised(cgroup: string): boolean {
  return /\.service\b|[0-9a-f]{64}/.test(cgroup);
}

function cgroupOf(pid: number, proc: string): string {
  try {
    return readFileSync(`${proc}/${pid}/cgroup`, 'utf8');
  } catch {
    return '';
  }
}

/** The process that holds a POSIX lock on the file (proc_locks(5)) and has it open. */
export function holderOf(file: string, proc = '/proc'): number | undefined {
  try {
    const { ino } = statSync(file);
    const path = realpathSync(file);
    const pids = readFileSync(`${proc}/locks`, 'utf8')
      .split('\n')
      .map((line) => /POSIX\s+\S+\s+WRITE\s+(\d+)\s+\S+:(\d+)\s/.exec(line))
      .filter((match) => Number(match?.[2]) === ino)
      .map((match) => Number(match?.[1]));
    return pids.find((pid) => hasOpen(pid, path, proc));
  } catch {
    return undefined;
  }
}

function hasOpen(pid: number, path: string, proc: string): boolean {
  try {
    const folder = `${proc}/${pid}/fd`;
    return readdirSync(folder).some((fd) => linksTo(`${folder}/${fd}`, path));
  } catch {
    return false;
  }
}

/** Descriptors come and go while they are listed. */
function linksTo(link: string, path: string): boolean {
  try {
    return readlinkSync(link) === path;
  } catch {
    return false;
  }
}
