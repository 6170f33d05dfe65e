import type { Reading } from '../core/clock.ts';
import type { Manifest, ObjectRecord, ScenarioSpec, Spawned } from '../core/kinds.ts';
import type { Hold, Phase } from '../core/types.ts';
import type { ProbeState } from '../probes/watch.ts';
import type { NewEvent } from '../reconcile/events.ts';
import type { Ending, ScenarioRun, StepState } from './state.ts';
import { calledAt } from './steps.ts';

/** What has become of an experiment that the run started. */
export interface Child {
  phase: Phase;
  reason: string;
  message: string;
  /** Whether a run of it has begun, and has ended: all is recovered then, but for what `unrecovered` says. */
  run: 'none' | 'active' | 'ended';
  /** Its run gave up on a recovery: something of it is in the world still. */
  unrecovered: boolean;
}

/** All that a step forward may know. It reads nothing else, and changes nothing. */
export interface AdvanceInput {
  scenario: Pick<ObjectRecord<'Scenario'>, 'name' | 'uid' | 'labels' | 'source'>;
  spec: ScenarioSpec;
  /** One that has not ended. */
  run: ScenarioRun;
  /** Why it is to end now, for reasons that lie outside of it. */
  stop: Ending | undefined;
  clock: Reading;
  /** By name; none where neither the wish for it nor the experiment is there any more. */
  children: ReadonlyMap<string, Child>;
  /** By path; none where it was not tried yet. */
  probes: ReadonlyMap<string, ProbeState>;
  /** The declared experiments. */
  experiments: ReadonlyMap<string, Manifest<'Experiment'>>;
  /** A person's hold on a declared experiment. */
  holdOf(experiment: string): Hold | null;
  /** Whether an experiment of that name is there or wanted. */
  isTaken(name: string): boolean;
}

/** A step forward in the making. */
export interface Draft {
  input: AdvanceInput;
  run: ScenarioRun;
  /** By path of the step. */
  spawn: Map<string, Spawned>;
  release: Set<string>;
  events: { path: string | null; event: NewEvent }[];
}

export function draftOf(input: AdvanceInput): Draft {
  const run = { ...input.run, steps: { ...input.run.steps } };
  return { input, run, spawn: new Map(), release: new Set(), events: [] };
}

export function stepAt({ run }: Draft, path: string): StepState {
  const step = run.steps[path];
  if (!step) throw new TypeError(`no step ${path} in ${run.id}`);
  return step;
}

export function change(draft: Draft, path: string, fields: Partial<StepState>): void {
  draft.run.steps[path] = { ...stepAt(draft, path), ...fields };
}

const ENDED = new Set(['Succeeded', 'Failed', 'Skipped', 'Aborted']);

export function hasEnded({ phase }: StepState): boolean {
  return ENDED.has(phase);
}

/** Does something by itself: no `serial` or `parallel`. */
export function isLeaf({ kind }: StepState): boolean {
  return kind !== 'serial' && kind !== 'parallel';
}

export function tell(
  draft: Draft,
  path: string | null,
  reason: string,
  message: string,
  warning = false,
): void {
  const { input, run } = draft;
  const object = `Scenario/${input.scenario.name}` as const;
  draft.events.push({ path, event: { object, experiment: null, run: run.id, reason, message, warning } });
}

export function succeed(draft: Draft, path: string): void {
  change(draft, path, { phase: 'Succeeded', endedAt: draft.input.clock.now() });
  const step = stepAt(draft, path);
  if (isLeaf(step)) tell(draft, path, 'StepSucceeded', calledAt(path, step));
}

/** What it started, and has not ended, is taken back: it must not begin later. */
export function fail(draft: Draft, path: string, message: string): void {
  const { input, run, release } = draft;
  change(draft, path, { phase: 'Failed', endedAt: input.clock.now(), message });
  const step = stepAt(draft, path);
  if (!isLeaf(step)) return;
  run.failedStep ??= path;
  const child = step.experiment === undefined ? undefined : input.children.get(step.experiment);
  if (step.experiment !== undefined && child && child.run !== 'ended') release.add(step.experiment);
  tell(draft, path, 'StepFailed', `${calledAt(path, step)}: ${message}`, true);
}
