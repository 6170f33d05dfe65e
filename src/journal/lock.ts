import { chmodSync, existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** A lock that the kernel lets go of when its holder dies, however it dies. */
export interface HeldLock {
  release(): void;
}

/** ms; somebody who only asks (`isLocked`) holds a shared lock for an instant, and must not be taken for a holder. */
const PROBE_LIMIT = 250;

/**
 * Takes an exclusive SQLite lock on `file` and holds it (https://sqlite.org/lockingv3.html: the EXCLUSIVE lock is a POSIX record
 * lock, which ends with its process). Undefined where somebody else holds it. A process must open one lock file once only:
 * closing a second handle would drop the first one's lock (fcntl(2)).
 */
export function takeLock(file: string): HeldLock | undefined {
  const db = new DatabaseSync(file, { timeout: PROBE_LIMIT });
  try {
    db.exec('PRAGMA journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
    chmodSync(file, 0o600);
  } catch (error) {
    db.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => db.close() };
}

/** Whether some process holds the lock. Never ask this of a lock that this process holds itself. */
export function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { timeout: 0, readOnly: true });
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    db.close();
  }
}

function isBusy(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode;
  return code !== undefined && (code & 0xff) === 5; // SQLITE_BUSY, whatever its extension
}
