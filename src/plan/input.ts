import type { Reading } from '../core/clock.ts';
import type { Manifest } from '../core/kinds.ts';
import type { Declared, Effect, ExperimentRecord, Hold, Run } from '../core/types.ts';
import type { Observation, World } from '../faults/fault.ts';
import type { ForeignFault } from './foreign.ts';

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
  /** A hold of what it is a copy of, or of its owner. */
  inherited: { hold: Hold; by: string } | undefined;
  /** All that are declared, in the order of their names. */
  policies: readonly Manifest<'Policy'>[];
  /**
   * Whether the Policies' health gates let chaos start and go on. `known` false: it does not hold only for want of results, as after a
   * restart; nothing starts then, and what runs goes on.
   */
  gate: { holds: boolean; message: string; known?: boolean };
  /** Runs of other experiments that are under way. */
  running: readonly Run[];
  /** Runs of all experiments that were under way after `since` (wall ms). */
  runsSince(since: number): readonly Run[];
  /** `squall halt --all`. */
  halted: boolean;
  /** Taken if this pass makes a new object, or a new run. */
  fresh: { uid: string; runNumber: number };
}
