import { closeSync, existsSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';

const SIZE = 64;
const HALTED = 'halted';

/**
 * The file that says everything is halted. It is made at its full size when the state directory is, so that a full disk can't
 * stop a halt: setting it overwrites bytes in place.
 */
export interface HaltFile {
  read(): boolean;
  set(halted: boolean): void;
}

export function openHaltFile(file: string): HaltFile {
  if (!existsSync(file)) create(file);
  return {
    read: () => read(file),
    set: (halted) => overwrite(file, existsSync(file) ? 'r+' : 'w', halted ? HALTED : ''),
  };
}

/** Never over a file that another process has just made: it may say that all is halted. */
function create(file: string): void {
  try {
    overwrite(file, 'wx', '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function overwrite(file: string, flags: 'r+' | 'w' | 'wx', word: string): void {
  const fd = openSync(file, flags, 0o600);
  try {
    writeSync(fd, `${word.padEnd(SIZE - 1)}\n`, 0);
    fdatasyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A file that can't be read counts as not halted only when it is not there. */
function read(file: string): boolean {
  if (!existsSync(file)) return false;
  const fd = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(SIZE);
    readSync(fd, buffer, 0, SIZE, 0);
    return buffer.toString('latin1').startsWith(HALTED);
  } finally {
    closeSync(fd);
  }
}
