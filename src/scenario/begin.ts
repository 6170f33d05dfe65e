import { deadlineIn } from '../core/clock.ts';
import { durationMs } from '../core/duration.ts';
import type { Spawned, StepSpec } from '../core/kinds.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { ExperimentSpec } from '../core/types.ts';
import { type AdvanceInput, change, type Draft, fail, stepAt, tell } from './draft.ts';
import { PATIENCE } from './look.ts';
import { calledAt, experimentName, type Step } from './steps.ts';

/** Begins a step that is due. One that can't begin has failed. */
export function begin(draft: Draft, step: Step): void {
  const { clock } = draft.input;
  const { path, kind, spec } = step;
  change(draft, path, { phase: 'Running', startedAt: clock.now() });
  if (kind === 'serial' || kind === 'parallel') return;
  if (kind === 'experiment') {
    beginExperiment(draft, step);
    return;
  }
  const limit = kind === 'wait' ? spec.wait : spec.probe?.within;
  if (limit !== undefined) change(draft, path, { until: deadlineIn(clock, durationMs(limit)) });
  tell(draft, path, 'StepStarted', calledAt(path, stepAt(draft, path)));
}

function beginExperiment(draft: Draft, { path, index, spec }: Step): void {
  const { scenario, clock, isTaken } = draft.input;
  const name = experimentName(scenario.name, draft.run.number, index);
  const wanted = isTaken(name)
    ? { problem: `an experiment called ${name} is there already, which this step would start` }
    : wantedBy(spec, draft.input);
  if ('problem' in wanted) {
    fail(draft, path, wanted.problem);
    return;
  }
  const owner = { kind: 'Scenario', name: scenario.name, uid: scenario.uid } as const;
  const createdAt = clock.now();
  draft.spawn.set(path, { kind: 'Experiment', name, owner, slot: null, createdAt, ...wanted });
  change(draft, path, { experiment: name, until: deadlineIn(clock, PATIENCE) });
  tell(draft, path, 'StepStarted', `${calledAt(path, stepAt(draft, path))}: experiment ${name}`);
}

type Wanted = Pick<Spawned, 'copyOf' | 'labels' | 'source'> & { spec: ExperimentSpec };

/** A reference is looked up when its step begins: an edit before that counts, a later one does not. */
function wantedBy(
  { experiment, experimentRef }: StepSpec,
  { scenario, experiments, holdOf }: AdvanceInput,
): Wanted | { problem: string } {
  const { labels, source } = scenario;
  if (experiment) return { spec: template(experiment), copyOf: null, labels, source };
  const { name, duration } = experimentRef ?? { name: '' };
  const found = experiments.get(name);
  if (!found) {
    const near = nearMiss(name, experiments.keys());
    return {
      problem: `there is no experiment ${name}${near === undefined ? '' : `, did you mean ${near}?`}`,
    };
  }
  const wrong = found.stale ?? found.conflict;
  if (wrong !== undefined) return { problem: `experiment ${name} is not right: ${wrong}` };
  const hold = holdOf(name);
  if (hold)
    return { problem: `experiment ${name} is ${hold} by a person: \`squall resume ${name}\` lifts it` };
  return { spec: template(found.spec, duration), copyOf: name, labels: found.labels, source: found.source };
}

/** What is referred to may be suspended, as a template is. */
function template({ suspend: _, ...spec }: ExperimentSpec, duration = spec.duration): ExperimentSpec {
  return { ...spec, duration };
}
