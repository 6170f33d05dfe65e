import type { Provenance } from '../core/kinds.ts';
import type { Run } from '../core/types.ts';
import { type Prepare, type Row, toRun } from './rows.ts';

export interface RunStore {
  get(id: string): Run | undefined;
  /** Newest first. */
  list(filter?: { experiment?: string; limit?: number }): Run[];
  /** Runs that have not ended. */
  active(): Run[];
  put(run: Run): void;
  /** Runs of any experiment that were under way after `since` (wall ms), oldest first. */
  since(since: number): Run[];
  /** Where the manifest of a run came from, which may be known only after its start. */
  cameFrom(id: string, provenance: Provenance): void;
  /** The number of the experiment's next run. */
  peekNumber(experiment: string): number;
  /** Takes that number, in the transaction that writes the run: it is never given again, even after the run is forgotten. */
  takeNumber(experiment: string): void;
  /** Forgets ended runs (and their effects) beyond the newest `keep`; runs with an effect that is not recovered stay. */
  prune(keep: number): void;
}

const UPSERT = `INSERT INTO runs (id, experiment, generation, trigger, template, phase, reason, outcome, started_at, duration, deadline_wall,
    deadline_boot, boot_id, recovery_timeout, faults, targets, ended_at, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, template = excluded.template, phase = excluded.phase,
    reason = excluded.reason, outcome = excluded.outcome, duration = excluded.duration, deadline_wall = excluded.deadline_wall,
    deadline_boot = excluded.deadline_boot, boot_id = excluded.boot_id, recovery_timeout = excluded.recovery_timeout,
    faults = excluded.faults, targets = excluded.targets, ended_at = excluded.ended_at`;

const PRUNABLE = `SELECT id FROM runs r WHERE ended_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.run_id = r.id AND e.phase <> 'recovered')
  AND NOT EXISTS (SELECT 1 FROM experiments x WHERE x.run_id = r.id)
  ORDER BY started_at DESC LIMIT -1 OFFSET ?`;

export function runStore(prepare: Prepare): RunStore {
  return {
    get: (id) => {
      const row = prepare('SELECT * FROM runs WHERE id = ?').get(id) as Row | undefined;
      return row && toRun(row);
    },
    list: ({ experiment, limit = -1 } = {}) => {
      const rows = experiment
        ? prepare('SELECT * FROM runs WHERE experiment = ? ORDER BY started_at DESC, rowid DESC LIMIT ?').all(
            experiment,
            limit,
          )
        : prepare('SELECT * FROM runs ORDER BY started_at DESC, rowid DESC LIMIT ?').all(limit);
      return (rows as Row[]).map(toRun);
    },
    active: () => (prepare('SELECT * FROM runs WHERE ended_at IS NULL').all() as Row[]).map(toRun),
    put: (r) => {
      prepare(UPSERT).run(
        r.id,
        r.experiment,
        r.generation,
        r.trigger,
        r.template ? 1 : 0,
        r.phase,
        r.reason,
        r.outcome,
        r.startedAt,
        r.duration,
        r.deadline.wall,
        r.deadline.boot,
        r.deadline.bootId,
        r.recoveryTimeout,
        JSON.stringify(r.faults),
        JSON.stringify(r.targets),
        r.endedAt,
        JSON.stringify(r.provenance),
      );
    },
    since: (since) =>
      (
        prepare('SELECT * FROM runs WHERE ended_at IS NULL OR ended_at > ? ORDER BY started_at, rowid').all(
          since,
        ) as Row[]
      ).map(toRun),
    cameFrom: (id, provenance) => {
      prepare('UPDATE runs SET provenance = ? WHERE id = ?').run(JSON.stringify(provenance), id);
    },
    peekNumber: (experiment) => {
      const row = prepare('SELECT value FROM meta WHERE key = ?').get(`runs/${experiment}`) as
        | { value: string }
        | undefined;
      return Number(row?.value ?? 0) + 1;
    },
    takeNumber: (experiment) => {
      prepare(
        "INSERT INTO meta VALUES (?, '1') ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
      ).run(`runs/${experiment}`);
    },
    prune: (keep) => {
      for (const { id } of prepare(PRUNABLE).all(keep) as { id: string }[]) {
        prepare('DELETE FROM effects WHERE run_id = ?').run(id);
        prepare('DELETE FROM runs WHERE id = ?').run(id);
      }
    },
  };
}
