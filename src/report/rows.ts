import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';

/** An experiment with what a table or a description of it needs. */
export interface ExperimentRow {
  record: ExperimentRecord;
  /** The run that stands for the current generation. */
  run: Run | undefined;
  effects: readonly Effect[];
  /** ms until the deadline of a run that has not ended; negative once it is past. */
  left: number | undefined;
  /** ms since the epoch. */
  now: number;
}

export interface RunRow {
  run: Run;
  effects: readonly Effect[];
  left: number | undefined;
  now: number;
}

/** `experiment/NAME`, or `-` for what concerns none. */
export function objectOf(event: Pick<SquallEvent, 'experiment'>): string {
  return event.experiment === null ? '-' : `experiment/${event.experiment}`;
}

/** `2/3`: targets under a fault now, of those chosen. */
export function targetsOf(run: Run | undefined, effects: readonly Effect[]): string {
  if (!run) return '-';
  const hit = new Set(effects.filter(({ phase }) => phase === 'injected').map(({ target }) => target.id));
  return `${hit.size}/${run.targets.length}`;
}

/** RFC 3339 in UTC, with milliseconds. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
