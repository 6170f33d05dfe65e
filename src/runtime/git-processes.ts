import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';

/** The variable that marks a git of ours and whatever it started: `<owner>:<id of the call>`. */
export const MARK = 'SQUALL_GIT';

/** ms between looks, and looks, until killed processes are gone. */
const LOOK_EVERY = 10;
const MOST_LOOKS = 300;

/**
 * Kills every process with a mark that begins so, and returns their ids. A process shows the environment it was started with
 * (proc_pid_environ(5)): one of another user's is not seen unless this process may look.
 */
export function endMarked(mark: string, proc = '/proc'): number[] {
  return processIds(proc).filter((pid) => {
    if (!isMarked(pid, mark, proc)) return false;
    try {
      return process.kill(pid, 'SIGKILL');
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** Kills what an earlier process of this owner left running, and waits until it is gone: it would go on writing. */
export async function endLeftovers(owner: string): Promise<number> {
  const ended = new Set<number>();
  for (let look = 0; look < MOST_LOOKS; look++) {
    const found = endMarked(`${owner}:`);
    if (found.length === 0) break;
    for (const pid of found) ended.add(pid);
    await new Promise<void>((done) => systemClock.after(LOOK_EVERY, done));
  }
  return ended.size;
}

function processIds(proc: string): number[] {
  try {
    const ids = readdirSync(proc)
      .map(Number)
      .filter((id) => id > 1);
    return ids.filter((id) => id !== process.pid);
  } catch {
    return [];
  }
}

/** A process that has ended shows nothing any more, also where nobody has waited for it yet. */
function isMarked(pid: number, mark: string, proc: string): boolean {
  try {
    return `\0${readFileSync(`${proc}/${pid}/environ`, 'utf8')}`.includes(`\0${MARK}=${mark}`);
  } catch {
    return false;
  }
}
