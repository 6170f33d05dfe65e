import { deadlineIn } from '../core/clock.ts';
import type { Effect, Run } from '../core/types.ts';
import type { Action, Plan, RunDraft } from './actions.ts';
import type { PlanInput } from './input.ts';

/** What a plan would bring, as others would find it once it is carried out. */
export interface Drafted {
  run: Run;
  effects: Effect[];
}

/** The run that the plan starts or edits; undefined where it does neither. */
export function draftedBy(input: PlanInput, plan: Plan): Drafted | undefined {
  const action = plan.actions.find(({ kind }) => kind === 'start' || kind === 'edit');
  if (!action || !('run' in action)) return undefined;
  const run = { ...(input.run?.endedAt === null ? input.run : newRun(input, action.run)), ...action.run };
  const injections = plan.actions.filter((one) => one.kind === 'inject');
  return { run, effects: injections.map((injection) => effectOf(input, run, injection)) };
}

/** The input of another experiment's plan, made after these. */
export function withDrafted(input: PlanInput, drafted: readonly Drafted[]): PlanInput {
  if (drafted.length === 0) return input;
  const runs = drafted.map(({ run }) => run);
  const after = (before: readonly Run[]) => [
    ...before.filter(({ id }) => !runs.some((run) => run.id === id)),
    ...runs,
  ];
  return {
    ...input,
    others: [...input.others, ...drafted.flatMap(({ effects }) => effects)],
    running: after(input.running),
    runsSince: (since) => after(input.runsSince(since)),
  };
}

function newRun({ name, clock }: PlanInput, draft: RunDraft): Run {
  return {
    ...draft,
    experiment: name,
    phase: 'Running',
    reason: 'Started',
    outcome: null,
    startedAt: clock.now(),
    deadline: deadlineIn(clock, draft.duration),
    endedAt: null,
    provenance: null,
  };
}

function effectOf(
  { clock }: PlanInput,
  run: Run,
  { target, slot, fault, resolved }: Extract<Action, { kind: 'inject' }>,
): Effect {
  return {
    id: 0,
    runId: run.id,
    experiment: run.experiment,
    instance: '',
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot,
    fault,
    resolved,
    undo: null,
    phase: 'intended',
    epoch: 0,
    deadline: run.deadline,
    intendedAt: clock.now(),
    injectedAt: null,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: 1,
    error: null,
  };
}
