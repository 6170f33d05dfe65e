import type { Provenance } from '../core/kinds.ts';
import type { Run } from '../core/types.ts';
import type { RecentRuns } from './recent-runs.ts';
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
  /** The name was made for one time, which is over: its number is forgotten once nothing that is remembered has the name. */
  retireNumber(experiment: string): void;
  /**
   * Forgets ended runs (and their effects) beyond the newest `keep`, and retired numbers. Runs with an effect that is not recovered stay, and
   * those that ended after `since` (wall ms).
   */
  prune(keep: number, since?: number): void;
}

const UPSERT = `INSERT INTO runs (id, experiment, generation, trigger, template, phase, reason, outcome, started_at, duration, deadline_wall,
    deadline_boot, boot_id, recovery_timeout, faults, targets, ended_at, provenance) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, template = excluded.template, phase = excluded.phase,
    reason = excluded.reason, outcome = excluded.outcome, duration = excluded.duration, deadline_wall = excluded.deadline_wall,
    deadline_boot = excluded.deadline_boot, boot_id = excluded.boot_id, recovery_timeout = excluded.recovery_timeout,
    faults = excluded.faults, targets = excluded.targets, ended_at = excluded.ended_at`;

const PRUNABLE = `SELECT id FROM (SELECT id, ended_at FROM runs r WHERE ended_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM effects e WHERE e.run_id = r.id AND e.phase <> 'recovered')
  AND NOT EXISTS (SELECT 1 FROM experiments x WHERE x.run_id = r.id)
  ORDER BY started_at DESC LIMIT -1 OFFSET ?) WHERE ended_at <= ?`;

const NUMBER = 'runs/';
/** Of a name that was made for one time. */
const RETIRED = 'runs-over/';

/** Scenarios count under `Scenario/NAME`; the runs of what they started say `scenario/NAME`. */
const PRUNE_NUMBERS = `DELETE FROM meta WHERE key GLOB '${RETIRED}*' AND substr(key, ${RETIRED.length + 1}) NOT IN (
  SELECT experiment FROM runs UNION SELECT 'S' || substr(trigger, 2) FROM runs WHERE trigger GLOB 'scenario/*'
  UNION SELECT name FROM experiments UNION SELECT kind || '/' || name FROM objects
  UNION SELECT name FROM spawned UNION SELECT kind || '/' || name FROM spawned
  UNION SELECT experiment FROM events WHERE experiment IS NOT NULL UNION SELECT object FROM events WHERE object IS NOT NULL)`;

export function runStore(prepare: Prepare, recent: RecentRuns): RunStore {
  const peekNumber = (experiment: string): number => {
    const rows = prepare('SELECT value FROM meta WHERE key IN (?, ?)').all(
      NUMBER + experiment,
      RETIRED + experiment,
    ) as { value: string }[];
    return Math.max(0, ...rows.map(({ value }) => Number(value))) + 1;
  };
  const forgetNumber = (key: string) => prepare('DELETE FROM meta WHERE key = ?').run(key);
  const setNumber = (key: string, value: number) =>
    prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(
      key,
      String(value),
    );
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
    active: recent.active,
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
      recent.written(r.id);
    },
    since: recent.since,
    cameFrom: (id, provenance) => {
      prepare('UPDATE runs SET provenance = ? WHERE id = ?').run(JSON.stringify(provenance), id);
      recent.written(id);
    },
    peekNumber,
    takeNumber: (experiment) => {
      setNumber(NUMBER + experiment, peekNumber(experiment));
      forgetNumber(RETIRED + experiment);
    },
    retireNumber: (experiment) => {
      const last = peekNumber(experiment) - 1;
      if (last === 0) return;
      setNumber(RETIRED + experiment, last);
      forgetNumber(NUMBER + experiment);
    },
    prune: (keep, since = Number.POSITIVE_INFINITY) => {
      for (const { id } of prepare(PRUNABLE).all(keep, since) as { id: string }[]) {
        prepare('DELETE FROM effects WHERE run_id = ?').run(id);
        prepare('DELETE FROM runs WHERE id = ?').run(id);
      }
      recent.drop();
      prepare(PRUNE_NUMBERS).run();
    },
  };
}
