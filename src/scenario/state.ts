import type { Json } from '../core/canonical.ts';
import type { Deadline } from '../core/clock.ts';
import type { ObjectRecord } from '../core/kinds.ts';

/** `Skipped`: it never began; `Aborted`: it was under way when the run ended for another reason. */
export type StepPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Skipped' | 'Aborted';

export type StepKind = 'experiment' | 'wait' | 'probe' | 'serial' | 'parallel';

/** A step of a run, as far as it has come. */
export interface StepState {
  kind: StepKind;
  /** What it is called in messages: its name, or what it does. */
  title: string;
  phase: StepPhase;
  /** Wall ms; null before. */
  startedAt: number | null;
  endedAt: number | null;
  /** Why it failed or was ended; else empty. */
  message: string;
  /** The experiment that it started. */
  experiment?: string;
  /** When a wait is over, when a probe must hold by, and by when an experiment must have found its containers. */
  until?: Deadline;
}

export type EndPhase = 'Completed' | 'Failed' | 'Aborted' | 'Halted';

/** Why a run ends, and as what. */
export interface Ending {
  phase: EndPhase;
  /** Completed, StepFailed, TimedOut, NotRecovered, Edited, Halted, HaltedAll or Suspended. */
  reason: string;
  message: string;
}

export interface ScenarioRun {
  /** Counts over all scenarios of this name, deleted ones too: no number is given twice. */
  number: number;
  /** `<scenario>-<number>`. */
  id: string;
  /** `manifest`, `manual`, `schedule/<name>`. */
  trigger: string;
  /** Asked for while the spec was suspended: `suspend` does not hold it. */
  template: boolean;
  generation: number;
  /** Wall ms. */
  startedAt: number;
  /** Of the whole run: spec.timeout. */
  deadline: Deadline | null;
  /** By path (`steps[0].parallel[1]`), in the order of the manifest. */
  steps: Record<string, StepState>;
  /** Path of the first step that failed. */
  failedStep: string | null;
  /** Set when the end is decided; until `endedAt` what it started is still being recovered. */
  ending: Ending | null;
  /** Wall ms; null while it runs or recovers. */
  endedAt: number | null;
}

/** A run that is over. */
export interface RunSummary
  extends Pick<ScenarioRun, 'id' | 'trigger' | 'generation' | 'startedAt' | 'failedStep'>,
    Ending {
  endedAt: number;
}

/** What a Scenario remembers: `state` of its record. */
export interface ScenarioState {
  /** What the run that was asked for is to have as its trigger; null where none was. */
  runRequested: string | null;
  /** The run that is under way, or else the last one. */
  run: ScenarioRun | null;
  /** Runs that are over, oldest first, the last one of them included. */
  history: RunSummary[];
}

const MOST_REMEMBERED = 10;

export function stateOf({ state }: Pick<ObjectRecord<'Scenario'>, 'state'>): ScenarioState {
  return (state as unknown as ScenarioState | null) ?? { runRequested: null, run: null, history: [] };
}

export function withState(record: ObjectRecord<'Scenario'>, state: ScenarioState): ObjectRecord<'Scenario'> {
  return { ...record, state: state as unknown as Json };
}

/** The run that has not ended: it may be recovering. */
export function activeRun(record: Pick<ObjectRecord<'Scenario'>, 'state'>): ScenarioRun | undefined {
  const { run } = stateOf(record);
  return run && run.endedAt === null ? run : undefined;
}

/**
 * The record with a wish for one more run, to be written before the scenario's next pass. That pass takes it up, or drops it where the
 * scenario is held or runs already: ask `activeRun` and the holds first, and tell the person who asked.
 */
export function requestRun(record: ObjectRecord<'Scenario'>, trigger = 'manual'): ObjectRecord<'Scenario'> {
  return withState(record, { ...stateOf(record), runRequested: trigger });
}

/** The history with a run that is over. */
export function remember(history: readonly RunSummary[], run: ScenarioRun): RunSummary[] {
  const { id, trigger, generation, startedAt, failedStep, ending, endedAt } = run;
  if (ending === null || endedAt === null) return [...history];
  const summary = { id, trigger, generation, startedAt, endedAt, failedStep, ...ending };
  return [...history, summary].slice(-MOST_REMEMBERED);
}
