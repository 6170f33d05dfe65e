/**
 * What a test run left on this machine: processes by an environment variable that every child inherits (detached ones too),
 * containers and networks by label (test/lab/leftovers.ts).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Processes, this one aside, that carry NAME=value in the environment they were started with (proc(5): /proc/pid/environ). */
export function processesWith(name, value) {
  const entry = `${name}=${value}`;
  if (!existsSync('/proc/self/environ')) return []; // no Linux
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(entry))
    .map((pid) => ({ pid: Number(pid), command: read(`/proc/${pid}/cmdline`).split('\0').join(' ').trim() }))
    .filter(({ command }) => command !== ''); // empty: it has ended and waits for its parent
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it ended meanwhile, or belongs to another user
  }
}
