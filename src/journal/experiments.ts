import type { ExperimentRecord } from '../core/types.ts';
import { type Prepare, type Row, toExperiment } from './rows.ts';

export interface ExperimentStore {
  all(): ExperimentRecord[];
  get(name: string): ExperimentRecord | undefined;
  put(record: ExperimentRecord): void;
  remove(name: string): void;
}

const COLUMNS = [
  'name',
  'uid',
  'generation',
  'spec_hash',
  'spec',
  'labels',
  'source',
  'hold',
  'phase',
  'reason',
  'message',
  'conditions',
  'run_id',
  'run_requested',
  'owner',
  'copy_of',
  'created_at',
  'updated_at',
];
const UPSERT = `INSERT INTO experiments (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (name) DO UPDATE SET ${COLUMNS.slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

export function experimentStore(prepare: Prepare): ExperimentStore {
  return {
    all: () => (prepare('SELECT * FROM experiments ORDER BY name').all() as Row[]).map(toExperiment),
    get: (name) => {
      const row = prepare('SELECT * FROM experiments WHERE name = ?').get(name) as Row | undefined;
      return row && toExperiment(row);
    },
    put: (r) => {
      prepare(UPSERT).run(
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
        r.runId,
        r.runRequested,
        JSON.stringify(r.owner),
        r.copyOf,
        r.createdAt,
        r.updatedAt,
      );
    },
    remove: (name) => {
      prepare('DELETE FROM experiments WHERE name = ?').run(name);
    },
  };
}
