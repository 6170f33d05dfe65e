import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import type { Log, LogLevel } from '../core/log.ts';
import { isLocked } from '../journal/lock.ts';
import { startDetached } from '../runtime/detach.ts';
import type { StatePaths } from './paths.ts';

/** Sees to it that a sentinel watches this state directory: one of its own, or a supervisor's. */
export interface SentinelKeeper {
  /** Starts one where none holds the sentinel's lock. */
  ensure(): void;
  alive(): boolean;
  close(): void;
}

const ENTRY = fileURLToPath(new URL(`./sentinel-entry${extname(import.meta.url)}`, import.meta.url));
const RESTART_AFTER = 500;

export function keepSentinel(options: {
  paths: StatePaths;
  dockerHost: string | undefined;
  logLevel: LogLevel;
  clock: Clock;
  log: Log;
}): SentinelKeeper {
  const { paths, dockerHost, logLevel, clock, log } = options;
  let open = true;
  let starting = false;

  function ensure(): void {
    try {
      if (open && !starting && !isLocked(paths.sentinelLock)) start();
    } catch (error) {
      // no room, no descriptor, a disk that has gone read-only: the next resync tries again
      log.error({ error: describeError(error) }, 'the sentinel could not be started');
    }
  }

  function start(): void {
    const given = JSON.stringify({ state: paths.dir, dockerHost, logLevel });
    const pid = startDetached(process.execPath, [ENTRY, given], {
      logFile: paths.sentinelLog,
      onExit: () => {
        starting = false;
        if (open) clock.after(RESTART_AFTER, ensure);
      },
    });
    starting = true;
    log.info({ sentinel: pid }, 'sentinel started');
  }

  return {
    ensure,
    alive: () => isLocked(paths.sentinelLock),
    close: () => {
      open = false;
    },
  };
}
