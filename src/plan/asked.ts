import type { BlastRadius, Container, FaultSpec, Run, TargetRef } from '../core/types.ts';

/** What is asked of the guard: a start, or what an edit or a join makes of a run. */
export interface Asked {
  faults: readonly FaultSpec[];
  /** The whole selection: those already hit by this run and those to come. */
  chosen: readonly Container[];
  /** What the run would remember of it: those that are gone meanwhile, too. */
  targets: readonly TargetRef[];
  /** All that the selector matches and that could be hit. */
  candidates: readonly Container[];
  blastRadius: BlastRadius | undefined;
  /** ms from the start to the deadline. */
  duration: number;
  /** ms from now to the deadline. */
  left: number;
  /** The run as it is under way; undefined for a start. */
  run: Run | undefined;
}
