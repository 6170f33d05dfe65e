import { deadlineIn, type Reading, remaining } from '../core/clock.ts';
import { durationMs } from '../core/duration.ts';
import type { ProbeSpec, ScenarioSpec, Spawned } from '../core/kinds.ts';
import type { NewEvent } from '../reconcile/events.ts';
import { begin } from './begin.ts';
import { close, settle } from './close.ts';
import { type AdvanceInput, type Draft, draftOf, fail, hasEnded, isLeaf, stepAt, succeed } from './draft.ts';
import { look, timed } from './look.ts';
import type { Ending, ScenarioRun } from './state.ts';
import { calledAt, flat, newStep, type Step, stepTree } from './steps.ts';

/** What is to be made durable in one write, so that no crash makes a step begin twice, or never. */
export interface Advance {
  run: ScenarioRun;
  spawn: Spawned[];
  /** Experiments that are not wanted any more. */
  release: string[];
  /** What is to be tried again and again from now on, by path of the step; anything else is not. */
  probes: ReadonlyMap<string, ProbeSpec>;
  events: NewEvent[];
  /** ms until time alone moves the run. */
  wakeAfter: number | undefined;
}

/** A run of which nothing has begun. */
export function newRun(
  { timeout, steps }: ScenarioSpec,
  clock: Reading,
  words: Pick<ScenarioRun, 'number' | 'id' | 'trigger' | 'template' | 'generation'>,
): ScenarioRun {
  return {
    ...words,
    startedAt: clock.now(),
    deadline: timeout === undefined ? null : deadlineIn(clock, durationMs(timeout)),
    steps: Object.fromEntries(flat(stepTree(steps)).map((step) => [step.path, newStep(step)])),
    failedStep: null,
    ending: null,
    endedAt: null,
  };
}

/**
 * One step forward of a run, from what is there now; pure. The same input gives the same answer, so nothing is lost where the answer
 * could not be written.
 *
 * The steps of a run are those of the spec that it began with. They can't be converged in place as the faults of an experiment can: which of
 * the new steps an old one stands for is anybody's guess, and a step that has ended can't take place otherwise any more. So an edit comes as a
 * `stop`.
 */
export function advance(input: AdvanceInput): Advance {
  const draft = draftOf(input);
  const steps = stepTree(input.spec.steps);
  if (draft.run.ending === null) {
    look(draft);
    const ending = input.stop ?? failed(draft) ?? timedOut(draft) ?? proceedAll(draft, steps);
    if (ending) close(draft, ending);
  }
  settle(draft);
  return {
    run: draft.run,
    spawn: [...draft.spawn.values()],
    release: [...draft.release],
    probes: probesOf(draft, steps),
    events: draft.events.map(({ event }) => event),
    wakeAfter: wakeAfter(draft),
  };
}

/** Under `abort` the first failed step is the end. */
function failed(draft: Draft): Ending | undefined {
  const { input, run } = draft;
  if (run.failedStep === null || input.spec.onFailure === 'continue') return undefined;
  return stepFailed(draft, run.failedStep);
}

function stepFailed(draft: Draft, path: string): Ending {
  const step = stepAt(draft, path);
  const count = leaves(draft).filter(({ phase }) => phase === 'Failed').length;
  const others = count > 1 ? `, and ${count - 1} more` : '';
  const message = `${calledAt(path, step)} failed: ${step.message}${others}`;
  return { phase: 'Failed', reason: 'StepFailed', message };
}

function timedOut(draft: Draft): Ending | undefined {
  const { run, input } = draft;
  if (run.deadline === null || remaining(input.clock, run.deadline) > 0) return undefined;
  const left = leaves(draft).filter((step) => !hasEnded(step));
  if (left.length === 0) return undefined;
  const running = left.filter(({ phase }) => phase === 'Running').map(({ title }) => title);
  const where = running.length > 0 ? `, at ${running.join(', ')}` : '';
  const message = `not done within its timeout of ${input.spec.timeout}${where}`;
  return { phase: 'Failed', reason: 'TimedOut', message };
}

/** Begins what is due. Gives the end where that is reached. */
function proceedAll(draft: Draft, steps: readonly Step[]): Ending | undefined {
  const done = proceed(draft, steps, true);
  const failure = failed(draft);
  if (failure) return failure;
  if (!done) return undefined;
  if (draft.run.failedStep !== null) return stepFailed(draft, draft.run.failedStep);
  const count = leaves(draft).length;
  const message = count === 1 ? 'its step succeeded' : `all ${count} steps succeeded`;
  return { phase: 'Completed', reason: 'Completed', message };
}

/** Begins what is due of the list, in order or side by side; true where all of it has ended. */
function proceed(draft: Draft, steps: readonly Step[], inOrder: boolean): boolean {
  let all = true;
  for (const step of steps) {
    all = proceedOne(draft, step) && all;
    if (failed(draft) || (inOrder && !all)) return false;
  }
  return all;
}

function proceedOne(draft: Draft, step: Step): boolean {
  const { path, kind, children } = step;
  if (stepAt(draft, path).phase === 'Pending') begin(draft, step);
  if (stepAt(draft, path).phase !== 'Running') return true;
  if (children.length === 0 || !proceed(draft, children, kind === 'serial')) return false;
  if (children.some((child) => stepAt(draft, child.path).phase === 'Failed')) fail(draft, path, '');
  else succeed(draft, path);
  return true;
}

function leaves({ run }: Draft) {
  return Object.values(run.steps).filter(isLeaf);
}

function probesOf({ run }: Draft, steps: readonly Step[]): Map<string, ProbeSpec> {
  const wanted = flat(steps).filter(
    ({ kind, path }) => kind === 'probe' && run.steps[path]?.phase === 'Running',
  );
  return new Map(wanted.map(({ path, spec }) => [path, probeOf(spec.probe as ProbeSpec)]));
}

/** `within` is the step's. */
function probeOf({ within: _, ...probe }: ProbeSpec): ProbeSpec {
  return probe;
}

/** ms between looks at what is being recovered: where the sentinel did that with the daemon dead, nobody tells of it. */
const RECHECK = 2000;

function wakeAfter(draft: Draft): number | undefined {
  const { run, input } = draft;
  if (run.ending !== null) return run.endedAt === null ? RECHECK : undefined;
  const moments = [run.deadline, ...timed(draft).map(({ until }) => until)];
  const left = moments.filter((moment) => moment !== null && moment !== undefined);
  if (left.length === 0) return undefined;
  return Math.max(0, Math.ceil(Math.min(...left.map((moment) => remaining(input.clock, moment)))));
}
