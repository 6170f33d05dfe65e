import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { SquallError } from '../core/errors.ts';
import type { SquallEvent } from '../core/types.ts';
import { type CursorStore, cursorStore } from './cursors.ts';
import { type EffectStore, effectStore } from './effects.ts';
import { type EventStore, eventStore } from './events.ts';
import { type ExperimentStore, experimentStore } from './experiments.ts';
import { type ObjectStore, objectStore, type SpawnedStore, spawnedStore } from './objects.ts';
import { recentRuns } from './recent-runs.ts';
import type { Prepare } from './rows.ts';
import { type RunStore, runStore } from './runs.ts';
import { migrate, versionOf } from './schema.ts';

/** Everything Squall must not forget, in one SQLite file (WAL, synchronous FULL: a returned write has reached the disk). */
export interface Journal {
  /** The id of this state directory, 8 hex digits, made with it. */
  readonly instance: string;
  readonly experiments: ExperimentStore;
  readonly objects: ObjectStore;
  readonly spawned: SpawnedStore;
  readonly runs: RunStore;
  readonly effects: EffectStore;
  readonly events: EventStore;
  readonly cursors: CursorStore;
  /** All of `work` or nothing of it, in one durable write. */
  transaction<T>(work: () => T): T;
  close(): void;
}

export interface JournalOptions {
  /** Opens what is there and never writes. */
  readOnly?: boolean;
  /** Where a full disk lets nothing be opened for writing: open what is there as it stands. Writes then fail with SQ305. */
  rescue?: boolean;
  /** ms to wait for another process's write. Default 2 s. */
  timeout?: number;
  /** Called with each event after it is stored. */
  onEvent?: (event: SquallEvent) => void;
}

/** A journal that nobody keeps, for a plan where there is none yet. */
export const IN_MEMORY = ':memory:';

const SPOILT =
  'Move it away to start afresh. Network faults end by themselves; unpause and start containers by hand';

/** Opens (and makes, unless read-only) the journal in `file`. Throws SQ305 where it can't be opened. */
export function openJournal(file: string, options: JournalOptions = {}): Journal {
  const db = open(file, options);
  const cache = new Map<string, StatementSync>();
  const prepare: Prepare = (sql) => {
    let statement = cache.get(sql);
    if (!statement) {
      statement = db.prepare(sql);
      cache.set(sql, statement);
    }
    return statement;
  };
  const recent = recentRuns(prepare);
  let depth = 0;
  function transaction<T>(work: () => T): T {
    if (depth > 0) return work();
    return write(() => {
      db.exec('BEGIN IMMEDIATE');
      depth += 1;
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        recent.drop();
        throw error;
      } finally {
        depth -= 1;
      }
    });
  }
  return {
    instance: instanceOf(prepare),
    experiments: experimentStore(prepare),
    objects: objectStore(prepare),
    spawned: spawnedStore(prepare),
    runs: runStore(prepare, recent),
    effects: effectStore(prepare),
    events: eventStore(prepare, options.onEvent),
    cursors: cursorStore(prepare),
    transaction,
    close: () => db.close(),
  };
}

function open(file: string, options: JournalOptions): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, {
      timeout: options.timeout ?? 2000,
      readOnly: options.readOnly ?? false,
    });
    if (options.readOnly) {
      if (versionOf(db) === 0) throw new Error('it is no journal');
      return db;
    }
    if (file !== IN_MEMORY) chmodSync(file, 0o600);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec('PRAGMA synchronous = FULL');
    migrate(db);
    nameInstance(db);
    return db;
  } catch (cause) {
    db?.close();
    const rescued = options.rescue ? openAsItStands(file) : undefined;
    if (rescued) return rescued;
    const { message } = cause as Error;
    throw new SquallError('SQ305', `the journal ${file} cannot be opened: ${message}`, {
      ...(/not a database|malformed/.test(message) && { hint: SPOILT }),
      cause,
    });
  }
}

/**
 * Without room for the -wal and -shm files SQLite can open a cleanly closed database only as immutable
 * (https://sqlite.org/uri.html#uriimmutable). With a -wal beside it that would hide what the -wal holds.
 */
function openAsItStands(file: string): DatabaseSync | undefined {
  const wal = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (!existsSync(file) || (wal && wal.size > 0)) return undefined;
  try {
    const url = pathToFileURL(file);
    url.searchParams.set('immutable', '1');
    const db = new DatabaseSync(url, { readOnly: true });
    if (versionOf(db) > 0) return db;
    db.close();
  } catch {
    // what made the first try fail is what the user is told
  }
  return undefined;
}

/** Writes nothing where it is there already: a halt must get in while a hung daemon holds the lock. */
function nameInstance(db: DatabaseSync): void {
  if (db.prepare("SELECT 1 FROM meta WHERE key = 'instance'").get()) return;
  db.prepare("INSERT INTO meta VALUES ('instance', ?) ON CONFLICT DO NOTHING").run(
    randomBytes(4).toString('hex'),
  );
}

function instanceOf(prepare: Prepare): string {
  return (prepare("SELECT value FROM meta WHERE key = 'instance'").get() as { value: string }).value;
}

/** SQLite's own errors (disk full, read-only, busy) become SQ305: they mean "no injection", and are worth another try. */
function write<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_SQLITE_ERROR') throw cause;
    throw new SquallError('SQ305', `the journal cannot be written: ${(cause as Error).message}`, {
      cause,
      terminal: false,
    });
  }
}
