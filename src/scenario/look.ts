import { remaining } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { type Child, change, type Draft, fail, stepAt, succeed } from './draft.ts';
import type { StepState } from './state.ts';

/** ms that an experiment may wait for containers that match. */
export const PATIENCE = 30_000;

/** What a step that is under way has come to; undefined while it goes on. */
type Verdict = { failed: string } | 'succeeded' | undefined;

/** Takes up what has become of the steps that are under way. */
export function look(draft: Draft): void {
  for (const [path, step] of Object.entries(draft.run.steps)) {
    if (step.phase !== 'Running') continue;
    const verdict = verdictOn(draft, path, step);
    if (verdict === 'succeeded') succeed(draft, path);
    else if (verdict) fail(draft, path, verdict.failed);
  }
}

function verdictOn(draft: Draft, path: string, step: StepState): Verdict {
  switch (step.kind) {
    case 'experiment':
      return verdictOnExperiment(draft, path, step);
    case 'probe':
      return verdictOnProbe(draft, path, step);
    case 'wait':
      return isOver(draft, step) ? 'succeeded' : undefined;
    default:
      return undefined;
  }
}

function isOver({ input }: Draft, { until }: StepState): boolean {
  return until !== undefined && remaining(input.clock, until) <= 0;
}

function verdictOnExperiment(draft: Draft, path: string, step: StepState): Verdict {
  const { experiment: name = '', message } = step;
  const child = draft.input.children.get(name);
  if (!child) return { failed: message || `experiment ${name} is gone` };
  const failed = `experiment ${name} is ${child.phase}: ${child.message || child.reason}`;
  if (child.run === 'ended') return child.phase === 'Completed' ? 'succeeded' : { failed };
  if (child.run === 'active')
    return child.phase === 'Halted' ? halted(draft, path, failed) : begun(draft, path);
  if (!mayStillBegin(child)) return { failed };
  if (!isOver(draft, step)) return undefined;
  const waited = `experiment ${name} has not begun within ${formatDuration(PATIENCE)}`;
  return { failed: child.message === '' ? waited : `${waited}: ${child.message}` };
}

/**
 * Nothing matches yet, say. A health gate that does not hold is waited for as well: it has no verdict for a moment after each start of the
 * daemon, and what one step did to the services may take its time to pass.
 */
function mayStillBegin({ phase, reason }: Child): boolean {
  return phase === 'Pending' || phase === 'Suspended' || (phase === 'Denied' && reason === 'HealthGate');
}

/** It need not begin any more. */
function begun(draft: Draft, path: string): undefined {
  const { until, ...step } = stepAt(draft, path);
  if (until) draft.run.steps[path] = step;
}

/** A person halted the experiment: it is not gone on with. Where another step follows, that waits until this one is recovered. */
function halted(draft: Draft, path: string, failed: string): Verdict {
  if (draft.input.spec.onFailure !== 'continue') return { failed };
  const { message, experiment } = stepAt(draft, path);
  if (message === '' && experiment !== undefined) {
    change(draft, path, { message: failed });
    draft.release.add(experiment);
  }
  return undefined;
}

function verdictOnProbe(draft: Draft, path: string, step: StepState): Verdict {
  const state = draft.input.probes.get(path);
  if (state?.up === true) return 'succeeded';
  const seen = state && state.samples > 0 ? state.message : 'it has no result';
  if (step.until) return isOver(draft, step) ? { failed: `it did not hold in time: ${seen}` } : undefined;
  return state?.up === false ? { failed: seen } : undefined;
}

/** Steps that time alone ends. */
export function timed({ run }: Draft): StepState[] {
  return Object.values(run.steps).filter(({ phase, until }) => phase === 'Running' && until !== undefined);
}
