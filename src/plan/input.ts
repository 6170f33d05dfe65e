import type { Reading } from '../core/clock.ts';
import type { Declared, Effect, ExperimentRecord, Run } from '../core/types.ts';
import type { Observation, World } from '../faults/fault.ts';
import type { ForeignFault } from './guard.ts';

/** All that a plan may know. The plan reads nothing else, and changes nothing. */
export interface PlanInput {
  name: string;
  clock: Reading;
  manifest: Declared | undefined;
  record: ExperimentRecord | undefined;
  /** The run that `record.runId` names. */
  run: Run | undefined;
  /** That run's effects. */
  effects: readonly Effect[];
  /** What was found in the world for effects that were looked at in this pass. */
  observations: ReadonlyMap<number, Observation>;
  world: World;
  others: readonly Effect[];
  foreign: readonly ForeignFault[];
  self: ReadonlySet<string>;
  /** `squall halt --all`. */
  halted: boolean;
  /** Taken if this pass makes a new object, or a new run. */
  fresh: { uid: string; runNumber: number };
}
