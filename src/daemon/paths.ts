import { join } from 'node:path';

/** What a state directory holds. */
export interface StatePaths {
  dir: string;
  journal: string;
  /** Held by the daemon while it lives. */
  lock: string;
  /** Held by the sentinel while it lives. */
  sentinelLock: string;
  halt: string;
  socket: string;
  /** The daemon's log; its older files are beside it. */
  log: string;
  sentinelLog: string;
}

export function statePaths(dir: string): StatePaths {
  return {
    dir,
    journal: join(dir, 'journal.db'),
    lock: join(dir, 'daemon.lock'),
    sentinelLock: join(dir, 'sentinel.lock'),
    halt: join(dir, 'halt'),
    socket: join(dir, 'squall.sock'),
    log: join(dir, 'squall.log'),
    sentinelLog: join(dir, 'sentinel.log'),
  };
}
