import { type Reading, remaining } from '../core/clock.ts';
import type { Effect, Run } from '../core/types.ts';

/** ms between looks: with SIGKILL on the daemon no fault outlives its deadline by more than 2 s. */
export const LOOK_EVERY = 200;
/** ms between tries of what could not be undone in its time. */
const FAILED_EVERY = 30_000;
/** ms by which a living daemon comes first. */
const DAEMON_FIRST = 500;

/** What the sentinel sees besides the effect. */
export interface Watch {
  clock: Reading;
  /** The effect's run; undefined where it was forgotten. */
  run: Run | undefined;
  /** Everything is halted, since (wall ms) the halt file was written; undefined where it is not. */
  haltedAt: number | undefined;
  /** The daemon lives: it comes first. */
  daemon: boolean;
}

/**
 * Whether the sentinel is to undo an effect now: past its deadline, halted, or of a run whose end was decided before the daemon died.
 * Of a halt's age only the distance counts, so that a wall clock that was set back does not keep it waiting.
 */
export function isDue(effect: Effect, { clock, run, haltedAt, daemon }: Watch): boolean {
  if (effect.phase === 'failed' && clock.boot() % FAILED_EVERY >= LOOK_EVERY) return false;
  if (!daemon && (haltedAt !== undefined || isEnding(run))) return true;
  const grace = daemon ? DAEMON_FIRST : 0;
  if (haltedAt !== undefined && Math.abs(clock.now() - haltedAt) > grace) return true;
  return remaining(clock, run?.deadline ?? effect.deadline) <= -grace;
}

/** Its end is decided: what is left of it is recovery. */
export function isEnding(run: Run | undefined): boolean {
  return run === undefined || run.phase === 'Recovering' || run.endedAt !== null;
}
