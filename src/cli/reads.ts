import { accessSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import type { Journal } from '../journal/journal.ts';
import { isListening } from './client.ts';

/**
 * Opens the journal for reading, whether a daemon lives or not. Undefined where there is none yet. Throws SQ305 where it can't be
 * read.
 */
export async function readJournal(file: string): Promise<Journal | undefined> {
  try {
    accessSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new SquallError('SQ305', `the journal ${file} cannot be read: ${code}`, {
      hint:
        code === 'ENOTDIR'
          ? 'Name the state directory of the daemon: --state DIR'
          : 'Run this as the user that the daemon runs as',
      cause,
    });
  }
  const { openJournal } = await import('../journal/journal.ts');
  return open(() => openJournal(file, { readOnly: true }), file);
}

/** For stderr, where there was nothing to show. `narrowed`: it was asked for a part. */
export function nothingFound(noun: string, state: string, known: boolean, narrowed = false): string {
  if (known) return `${noun} found in ${state}${narrowed ? ' that match' : ''}.\n`;
  return `${noun} found: there is no journal in ${state}. \`--state DIR\` names the daemon's state directory.\n`;
}

/** A daemon that starts at this moment may have made the file and not yet its tables. */
function open(attempt: () => Journal, file: string): Journal {
  try {
    return attempt();
  } catch (cause) {
    if (cause instanceof SquallError) throw cause;
    throw new SquallError('SQ305', `the journal ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * A line for stderr where runs are under way and no daemon is there to follow them: what the journal says is then what was last
 * written. Undefined where there is nothing to warn of.
 */
export async function staleNote(journal: Journal, socket: string): Promise<string | undefined> {
  if (journal.runs.active().length === 0 || (await isListening(socket))) return undefined;
  return `no daemon answers on ${socket}: this is what was last written\n`;
}

/** Resolves after `ms`, or at once when `signal` is aborted. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = systemClock.after(ms, done);
    signal.addEventListener('abort', done);
  });
}
