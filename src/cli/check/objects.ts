import { durationMs } from '../../core/duration.ts';
import type { AnyManifest, Manifest, ObjectId, ScheduleSpec } from '../../core/kinds.ts';
import { nearMiss } from '../../core/near-miss.ts';
import { zoneOf } from '../../core/zone.ts';
import type { DesiredState } from '../../manifests/desired.ts';
import type { Drafted } from '../../plan/drafts.ts';
import {
  type ExperimentPreview,
  type Outcome,
  type Preview,
  type SchedulePreview,
  timeText,
} from '../../report/plan-check.ts';
import { newStep, type Step, stepTree } from '../../scenario/steps.ts';
import { DEFAULT_STARTING_DEADLINE } from '../../schedule/decide.ts';
import { parseCron } from '../../schedule/slots.ts';
import { type Asked, type PreviewWorld, previewExperiment, previewMissing } from './preview.ts';

/** What a tree of manifests wants, and what is known of the host. */
export interface Tree {
  state: DesiredState;
  world: PreviewWorld;
}

/** How many of a schedule's times are looked at. */
const TIMES = 3;

/** What an object would do, a Policy excepted: that does nothing by itself. */
export function previewObject(tree: Tree, manifest: AnyManifest): Preview {
  switch (manifest.kind) {
    case 'Experiment':
      return previewDeclared(tree, manifest, []).preview;
    case 'Schedule':
      return previewSchedule(tree, manifest);
    case 'Scenario':
      return previewScenario(tree, manifest);
    case 'Policy':
      return resting({});
  }
}

function resting(more: Partial<Preview>): Preview {
  const nothing = { suspended: false, outcome: 'nothing', schedule: null } as const;
  return { ...nothing, steps: [], experiments: [], refuses: [], ...more };
}

/** A declared experiment that starts beside others, and what it brings for those that start after it. */
export function previewDeclared(
  tree: Tree,
  { name, spec, conflict }: Manifest<'Experiment'>,
  beside: readonly Drafted[],
): { preview: Preview; drafted: Drafted | undefined } {
  const suspended = spec.suspend === true;
  const asked: Asked = { ...common(tree), name, step: null, spec, conflict, beside: suspended ? [] : beside };
  const { preview, drafted } = previewExperiment(asked, tree.world);
  return {
    preview: resting({ suspended, outcome: preview.outcome, experiments: [preview] }),
    drafted: suspended ? undefined : drafted,
  };
}

function common({ state }: Tree): Pick<Asked, 'policies'> {
  let policies = policyLists.get(state);
  if (!policies) {
    policies = [...state.policies.values()];
    policyLists.set(state, policies);
  }
  return { policies };
}

/** One array for each state: the plan merges the Policies of an array once. */
const policyLists = new WeakMap<DesiredState, Manifest<'Policy'>[]>();

type Timing = Pick<Asked, 'at' | 'patience'>;

function previewSchedule(tree: Tree, { spec, conflict }: Manifest<'Schedule'>): Preview {
  const { cron, timeZone = 'UTC' } = spec;
  const patience = durationMs(spec.startingDeadline ?? DEFAULT_STARTING_DEADLINE);
  const slots = slotsOf(spec, tree.world.clock.now());
  const each = slots.map((at) => {
    const started = startedBy(tree, spec, { at, patience });
    return {
      at,
      ...started,
      outcome: conflict === undefined ? worstOf(started.experiments) : ('refused' as const),
    };
  });
  const first = each[0] ?? { ...startedBy(tree, spec, {}), outcome: 'waits' as const };
  const schedule: SchedulePreview = {
    cron,
    timeZone,
    starts: startsText(spec),
    times: each.map(({ at, outcome, experiments }) => ({
      ...timesOf(at, timeZone),
      outcome,
      message: conflict ?? messageOf(experiments, outcome),
    })),
  };
  const { steps } = first;
  const [time] = schedule.times;
  const experiments = first.experiments.map((one) =>
    time ? datedRefusal(one, timeText(time, timeZone)) : one,
  );
  const outcome = each.length === 0 ? 'waits' : bestOf(each.map((one) => one.outcome));
  return resting({ suspended: spec.suspend === true, outcome, schedule, steps, experiments });
}

function datedRefusal(one: ExperimentPreview, time: string): ExperimentPreview {
  if (one.outcome !== 'refused' && one.outcome !== 'waits') return one;
  return { ...one, message: `at ${time}: ${one.message}` };
}

/** Wall ms of the next times. */
function slotsOf({ cron, timeZone }: ScheduleSpec, now: number): number[] {
  const times = parseCron(cron, timeZone);
  const slots: number[] = [];
  for (let slot = times.next(now); slot !== undefined && slots.length < TIMES; slot = times.next(slot))
    slots.push(slot);
  return slots;
}

function timesOf(at: number, timeZone: string): { utc: string; local: string } {
  const offset = zoneOf(timeZone).offset(at);
  const minutes = Math.round(Math.abs(offset) / 60_000);
  const two = (number: number) => String(number).padStart(2, '0');
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  const iso = (ms: number) => new Date(ms).toISOString().slice(0, 19);
  return { utc: `${iso(at)}Z`, local: `${iso(at + offset)}${offset === 0 ? 'Z' : zone}` };
}

function startsText({ experimentRef, scenarioRef }: ScheduleSpec): string {
  if (experimentRef) return `experiment/${experimentRef.name}`;
  return scenarioRef ? `scenario/${scenarioRef.name}` : 'an experiment of its own';
}

type Started = Pick<Preview, 'steps' | 'experiments'>;

function startedBy(
  tree: Tree,
  { experiment, experimentRef, scenarioRef }: ScheduleSpec,
  timing: Timing,
): Started {
  if (scenarioRef) {
    const found = tree.state.scenarios.get(scenarioRef.name);
    if (found) return previewSteps(tree, found, timing);
    const message = missingText('scenario', scenarioRef.name, tree.state.scenarios);
    return { steps: [], experiments: [previewMissing(null, null, message)] };
  }
  const preview = experiment
    ? previewExperiment({ ...common(tree), ...timing, name: null, step: null, spec: experiment }, tree.world)
        .preview
    : previewNamed(tree, experimentRef?.name ?? '', timing);
  return { steps: [], experiments: [preview] };
}

function previewNamed(tree: Tree, name: string, timing: Timing): ExperimentPreview {
  const found = tree.state.experiments.get(name);
  if (!found) return previewMissing(name, null, missingText('experiment', name, tree.state.experiments));
  const { spec, conflict } = found;
  return previewExperiment({ ...common(tree), ...timing, name, step: null, spec, conflict }, tree.world)
    .preview;
}

function missingText(kind: string, name: string, known: ReadonlyMap<string, unknown>): string {
  const near = nearMiss(name, [...known.keys()]);
  return `the ${kind} ${name} is not there${near === undefined ? '' : `: did you mean ${near}?`}`;
}

function previewScenario(tree: Tree, manifest: Manifest<'Scenario'>): Preview {
  const { spec, conflict } = manifest;
  const { steps, experiments } = previewSteps(tree, manifest, {});
  const outcome = conflict === undefined ? worstOf(experiments) : 'refused';
  return resting({ suspended: spec.suspend === true, outcome, steps, experiments });
}

function previewSteps(tree: Tree, { spec }: Manifest<'Scenario'>, timing: Timing): Started {
  const found: Started = { steps: [], experiments: [] };
  // a step that is denied has failed: it waits for no hour
  const how = {
    timing: timing.at === undefined ? timing : { ...timing, patience: 0 },
    together: false,
    beside: [],
  };
  walk(tree, stepTree(spec.steps), how, found);
  return found;
}

interface Walk {
  timing: Timing;
  /** The steps are carried out side by side. */
  together: boolean;
  /** What may be under way beside them. */
  beside: readonly Drafted[];
}

/** Goes through the steps in their order; returns what they bring. */
function walk(tree: Tree, steps: readonly Step[], how: Walk, found: Started): Drafted[] {
  const brought: Drafted[] = [];
  for (const step of steps) {
    const beside = how.together ? [...how.beside, ...brought] : how.beside;
    found.steps.push({ path: step.path, kind: step.kind, title: newStep(step).title });
    if (step.kind === 'serial' || step.kind === 'parallel') {
      brought.push(
        ...walk(tree, step.children, { ...how, together: step.kind === 'parallel', beside }, found),
      );
      continue;
    }
    if (step.kind !== 'experiment') continue;
    const { preview, drafted } = previewStep(tree, step, { ...how, beside });
    found.experiments.push(preview);
    if (drafted) brought.push(drafted);
  }
  return brought;
}

function previewStep(tree: Tree, { path, spec }: Step, { timing, beside }: Walk) {
  const { experiment, experimentRef } = spec;
  const name = experimentRef?.name ?? null;
  const declared = name === null ? undefined : tree.state.experiments.get(name);
  const wanted = experiment ?? declared?.spec;
  if (!wanted) {
    const message = missingText('experiment', name ?? '', tree.state.experiments);
    return { preview: previewMissing(name, path, message), drafted: undefined };
  }
  const asked: Asked = {
    ...common(tree),
    ...timing,
    name,
    step: path,
    spec: { ...wanted, duration: experimentRef?.duration ?? wanted.duration },
    conflict: declared?.conflict,
    beside,
  };
  return previewExperiment(asked, tree.world);
}

/** From what may be as it is to what may not. */
const RANKS: readonly Outcome[] = ['nothing', 'hits', 'unknown', 'waits', 'refused'];

/** One refused experiment is enough to call all of it refused. */
function worstOf(experiments: readonly ExperimentPreview[]): Outcome {
  return experiments.reduce<Outcome>(
    (worst, { outcome }) => (RANKS.indexOf(outcome) > RANKS.indexOf(worst) ? outcome : worst),
    'nothing',
  );
}

/** A schedule is refused where each of its times is. */
function bestOf(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce((best, one) => (RANKS.indexOf(one) < RANKS.indexOf(best) ? one : best), 'refused');
}

/** What is said of the first that comes out so. */
export function messageOf(experiments: readonly ExperimentPreview[], outcome: Outcome): string {
  if (outcome !== 'waits' && outcome !== 'refused') return '';
  return experiments.find((one) => one.outcome === outcome)?.message ?? '';
}

/** The objects that a schedule or a scenario starts by name. */
export function startedIds(manifest: AnyManifest): ObjectId[] {
  if (manifest.kind === 'Schedule') {
    const { experimentRef, scenarioRef } = manifest.spec;
    if (experimentRef) return [`Experiment/${experimentRef.name}`];
    return scenarioRef ? [`Scenario/${scenarioRef.name}`] : [];
  }
  if (manifest.kind !== 'Scenario') return [];
  const names = (steps: readonly Step[]): string[] =>
    steps.flatMap(({ spec, children }) => [
      ...(spec.experimentRef ? [spec.experimentRef.name] : []),
      ...names(children),
    ]);
  return [...new Set(names(stepTree(manifest.spec.steps)))].map((name): ObjectId => `Experiment/${name}`);
}
