import type { ObjectKind, ObjectRecord, Spawned } from '../core/kinds.ts';
import { type Prepare, type Row, toObject, toSpawned } from './rows.ts';

/** Schedules, Scenarios and Policies. */
export interface ObjectStore {
  /** By kind and name. */
  all<K extends ObjectKind>(kind?: K): ObjectRecord<K>[];
  get<K extends ObjectKind>(kind: K, name: string): ObjectRecord<K> | undefined;
  put(record: ObjectRecord): void;
  remove(kind: ObjectKind, name: string): void;
}

/** What owners want beside what files declare. */
export interface SpawnedStore {
  all(): Spawned[];
  get(kind: Spawned['kind'], name: string): Spawned | undefined;
  /** Oldest first. */
  of(owner: { kind: string; name: string }): Spawned[];
  /** False where the name is there already: nothing is spawned twice. */
  add(spawned: Spawned): boolean;
  remove(kind: Spawned['kind'], name: string): void;
}

const PUT = `INSERT INTO objects (kind, name, uid, generation, spec_hash, spec, labels, source, hold, phase, reason, message, conditions, state,
    created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (kind, name) DO UPDATE SET uid = excluded.uid, generation = excluded.generation, spec_hash = excluded.spec_hash,
    spec = excluded.spec, labels = excluded.labels, source = excluded.source, hold = excluded.hold, phase = excluded.phase,
    reason = excluded.reason, message = excluded.message, conditions = excluded.conditions, state = excluded.state,
    created_at = excluded.created_at, updated_at = excluded.updated_at`;

export function objectStore(prepare: Prepare): ObjectStore {
  return {
    all: <K extends ObjectKind>(kind?: K) =>
      (
        prepare('SELECT * FROM objects WHERE ? IS NULL OR kind = ? ORDER BY kind, name').all(
          kind ?? null,
          kind ?? null,
        ) as Row[]
      ).map(toObject) as ObjectRecord<K>[],
    get: <K extends ObjectKind>(kind: K, name: string) => {
      const row = prepare('SELECT * FROM objects WHERE kind = ? AND name = ?').get(kind, name);
      return row && (toObject(row as Row) as ObjectRecord<K>);
    },
    put: (r) => {
      prepare(PUT).run(
        r.kind,
        r.name,
        r.uid,
        r.generation,
        r.specHash,
        JSON.stringify(r.spec),
        JSON.stringify(r.labels),
        JSON.stringify(r.source),
        r.hold,
        r.phase,
        r.reason,
        r.message,
        JSON.stringify(r.conditions),
        JSON.stringify(r.state),
        r.createdAt,
        r.updatedAt,
      );
    },
    remove: (kind, name) => {
      prepare('DELETE FROM objects WHERE kind = ? AND name = ?').run(kind, name);
    },
  };
}

const ADD = `INSERT INTO spawned (kind, name, owner_kind, owner_name, owner_uid, copy_of, spec, labels, source, slot, created_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (kind, name) DO NOTHING`;

export function spawnedStore(prepare: Prepare): SpawnedStore {
  return {
    all: () => (prepare('SELECT * FROM spawned ORDER BY created_at, rowid').all() as Row[]).map(toSpawned),
    get: (kind, name) => {
      const row = prepare('SELECT * FROM spawned WHERE kind = ? AND name = ?').get(kind, name);
      return row && toSpawned(row as Row);
    },
    of: ({ kind, name }) =>
      (
        prepare(
          'SELECT * FROM spawned WHERE owner_kind = ? AND owner_name = ? ORDER BY created_at, rowid',
        ).all(kind, name) as Row[]
      ).map(toSpawned),
    add: (s) => {
      const { changes } = prepare(ADD).run(
        s.kind,
        s.name,
        s.owner.kind,
        s.owner.name,
        s.owner.uid,
        s.copyOf,
        JSON.stringify(s.spec),
        JSON.stringify(s.labels),
        JSON.stringify(s.source),
        s.slot,
        s.createdAt,
      );
      return Number(changes) === 1;
    },
    remove: (kind, name) => {
      prepare('DELETE FROM spawned WHERE kind = ? AND name = ?').run(kind, name);
    },
  };
}
