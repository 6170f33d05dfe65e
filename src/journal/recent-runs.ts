import type { Run } from '../core/types.ts';
import { type Prepare, type Row, toRun } from './rows.ts';

/**
 * The runs that every plan asks for, kept in memory: with hundreds under way, reading them anew for each plan is what a pass over all
 * would spend its time on. What another process writes is seen by SQLite's data_version.
 */
export interface RecentRuns {
  /** In no order. */
  active(): Run[];
  /** Those that have not ended, or ended after `since` (wall ms), oldest first. */
  since(since: number): Run[];
  /** The row was written. */
  written(id: string): void;
  /** All may be otherwise: a transaction was rolled back, say. */
  drop(): void;
}

interface Kept {
  /** Wall ms: of the runs that ended before this some may be missing. */
  floor: number;
  /** SQLite's data_version when they were read. */
  version: number;
  runs: Map<string, Run>;
}

const RECENT = 'SELECT * FROM runs WHERE ended_at IS NULL OR ended_at > ? ORDER BY started_at, rowid';

export function recentRuns(prepare: Prepare): RecentRuns {
  let kept: Kept | undefined;

  /** `floor`: undefined where only those under way are asked for. */
  function upToDate(floor: number | undefined): Kept {
    const version = versionOf(prepare);
    if (kept?.version === version && kept.floor <= (floor ?? kept.floor)) return kept;
    // Infinity is a number to SQLite too.
    const from = floor ?? Number.POSITIVE_INFINITY;
    const rows = (prepare(RECENT).all(from) as Row[]).map(toRun);
    kept = { floor: from, version, runs: new Map(rows.map((run) => [run.id, run])) };
    return kept;
  }

  return {
    active: () => [...upToDate(undefined).runs.values()].filter(({ endedAt }) => endedAt === null),
    since: (since) =>
      [...upToDate(since).runs.values()]
        .filter(({ endedAt }) => endedAt === null || endedAt > since)
        .sort((a, b) => a.startedAt - b.startedAt),
    written: (id) => {
      const row = kept && prepare('SELECT * FROM runs WHERE id = ?').get(id);
      if (row) kept?.runs.set(id, toRun(row as Row));
    },
    drop: () => {
      kept = undefined;
    },
  };
}

function versionOf(prepare: Prepare): number {
  return (prepare('PRAGMA data_version').get() as { data_version: number }).data_version;
}
