import { change, type Draft, hasEnded, isLeaf, stepAt, tell } from './draft.ts';
import type { Ending, StepState } from './state.ts';

/** The end is decided: nothing more begins, what would have begun in this very pass does not, and what runs is taken back. */
export function close(draft: Draft, ending: Ending): void {
  const { run, input, spawn } = draft;
  for (const path of spawn.keys()) unbegin(draft, path);
  spawn.clear();
  const endedAt = input.clock.now();
  for (const [path, step] of Object.entries(run.steps)) {
    if (hasEnded(step)) continue;
    if (step.phase === 'Pending') change(draft, path, { phase: 'Skipped' });
    else if (!isLeaf(step) && within(draft, path).some(({ phase }) => phase === 'Failed'))
      change(draft, path, { phase: 'Failed', endedAt });
    else change(draft, path, { phase: 'Aborted', endedAt, message: ending.message });
    if (isLeaf(step) && step.experiment !== undefined && step.phase === 'Running')
      draft.release.add(step.experiment);
  }
  run.ending = ending;
}

function unbegin(draft: Draft, path: string): void {
  const { experiment: _, until: __, ...step } = stepAt(draft, path);
  draft.run.steps[path] = { ...step, phase: 'Pending', startedAt: null };
  draft.events = draft.events.filter((one) => one.path !== path);
}

function within({ run }: Draft, path: string): StepState[] {
  return Object.entries(run.steps)
    .filter(([other]) => other.startsWith(`${path}.`))
    .map(([, step]) => step);
}

/** Once all that the run started is recovered, it has ended; what can't be recovered makes it a failure. */
export function settle(draft: Draft): void {
  const { run, input } = draft;
  if (run.ending === null) return;
  const names = experimentsOf(draft);
  const open = names.filter((name) => input.children.get(name)?.run === 'active');
  if (open.length > 0) {
    const decided = input.run.ending === null;
    if (decided) tell(draft, null, 'Recovering', `${run.ending.message}: recovering ${open.join(', ')}`);
    return;
  }
  const left = names.filter((name) => input.children.get(name)?.unrecovered);
  if (left.length > 0) run.ending = notRecovered(left, run.ending);
  run.endedAt = input.clock.now();
  const { phase, message } = run.ending;
  tell(draft, null, phase, message, phase === 'Failed' || phase === 'Aborted');
}

export function experimentsOf({ run }: Pick<Draft, 'run'>): string[] {
  return Object.values(run.steps)
    .map(({ experiment }) => experiment)
    .filter((name) => name !== undefined);
}

function notRecovered(names: string[], { message }: Ending): Ending {
  const which = names.map((name) => `\`squall describe ${name}\``).join(', ');
  return {
    phase: 'Failed',
    reason: 'NotRecovered',
    message: `${message}; not all is recovered: see ${which}`,
  };
}
