import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A file system of 1 MiB, unmounted at the end of the test file. */
export interface SmallDisk {
  dir: string;
  /** False, or why a test can't have it. */
  skip: false | string;
  /** Writes until there is no room left. */
  fill(): void;
  /** There is room again. */
  empty(): void;
}

export function smallDisk(): SmallDisk {
  const dir = mkdtempSync(join(tmpdir(), 'squall-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', dir]);
  const mounted = status === 0;
  after(() => {
    if (mounted) spawnSync('umount', [dir]);
    rmSync(dir, { recursive: true });
  });
  const ballast = join(dir, 'ballast');
  return {
    dir,
    skip: mounted ? false : 'needs the right to mount a file system',
    fill: () => {
      const fd = openSync(ballast, 'a');
      for (const size of [65_536, 4096, 1]) while (fits(fd, size));
      closeSync(fd);
    },
    empty: () => rmSync(ballast),
  };
}

function fits(fd: number, size: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(size)) > 0;
  } catch {
    return false;
  }
}
