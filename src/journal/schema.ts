import type { DatabaseSync } from 'node:sqlite';

/** Each entry brings a journal from version n to n + 1 (PRAGMA user_version). Entries are only ever appended. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE experiments (
    name TEXT PRIMARY KEY, uid TEXT NOT NULL, generation INTEGER NOT NULL, spec_hash TEXT NOT NULL, spec TEXT NOT NULL,
    labels TEXT NOT NULL, source TEXT NOT NULL, hold TEXT, phase TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    conditions TEXT NOT NULL, run_id TEXT, run_requested TEXT, owner TEXT NOT NULL, copy_of TEXT, created_at REAL NOT NULL, updated_at REAL NOT NULL
  ) STRICT;
  CREATE TABLE runs (
    id TEXT PRIMARY KEY, experiment TEXT NOT NULL, generation INTEGER NOT NULL, trigger TEXT NOT NULL, template INTEGER NOT NULL, phase TEXT NOT NULL,
    reason TEXT NOT NULL, outcome TEXT, started_at REAL NOT NULL, duration REAL NOT NULL, deadline_wall REAL NOT NULL,
    deadline_boot REAL NOT NULL, boot_id TEXT NOT NULL, recovery_timeout REAL NOT NULL, faults TEXT NOT NULL, targets TEXT NOT NULL, ended_at REAL,
    provenance TEXT NOT NULL
  ) STRICT;
  CREATE TABLE objects (
    kind TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, generation INTEGER NOT NULL, spec_hash TEXT NOT NULL, spec TEXT NOT NULL,
    labels TEXT NOT NULL, source TEXT NOT NULL, hold TEXT, phase TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    conditions TEXT NOT NULL, state TEXT NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (kind, name)
  ) STRICT;
  CREATE TABLE spawned (
    kind TEXT NOT NULL, name TEXT NOT NULL, owner_kind TEXT NOT NULL, owner_name TEXT NOT NULL, owner_uid TEXT NOT NULL, copy_of TEXT,
    spec TEXT NOT NULL, labels TEXT NOT NULL, source TEXT NOT NULL, slot REAL, created_at REAL NOT NULL, PRIMARY KEY (kind, name)
  ) STRICT;
  CREATE INDEX spawned_by_owner ON spawned (owner_kind, owner_name);
  CREATE INDEX runs_by_experiment ON runs (experiment, started_at);
  CREATE TABLE effects (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, experiment TEXT NOT NULL, instance TEXT NOT NULL,
    target_id TEXT NOT NULL, target_name TEXT NOT NULL, incarnation TEXT NOT NULL, slot INTEGER NOT NULL, fault TEXT NOT NULL,
    resolved TEXT NOT NULL, undo TEXT NOT NULL, phase TEXT NOT NULL, epoch INTEGER NOT NULL, deadline_wall REAL NOT NULL,
    deadline_boot REAL NOT NULL, boot_id TEXT NOT NULL, intended_at REAL NOT NULL, injected_at REAL, recovering_at REAL, recovering_boot REAL,
    recovered_at REAL, strikes INTEGER NOT NULL, error TEXT, claimant TEXT, claimed_boot REAL,
    UNIQUE (run_id, target_id, slot)
  ) STRICT;
  CREATE INDEX effects_live ON effects (phase) WHERE phase <> 'recovered';
  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, type TEXT NOT NULL, reason TEXT NOT NULL, experiment TEXT,
    run TEXT, target TEXT, message TEXT NOT NULL, object TEXT
  ) STRICT;
  CREATE INDEX events_by_experiment ON events (experiment, id);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** The version it was written with. Throws where that is a newer one. */
export function versionOf(db: DatabaseSync): number {
  const found = (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
  if (found > SCHEMA_VERSION)
    throw new Error(`the journal has version ${found}, this Squall knows ${SCHEMA_VERSION}: upgrade Squall`);
  return found;
}

/** Brings the database to the newest version in one transaction. Throws where it was written by a newer Squall. */
export function migrate(db: DatabaseSync): void {
  if (versionOf(db) === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const step of MIGRATIONS.slice(versionOf(db))) db.exec(step);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
