import type { Json } from '../core/canonical.ts';
import { type Deadline, deadlineIn, remaining, wallOf } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import { eachOf } from '../core/parallel.ts';
import type { Effect, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, Plan } from '../plan/actions.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { ReconcileDeps } from './deps.ts';
import { emit } from './events.ts';

export type Injection = Extract<Action, { kind: 'inject' }>;

/** An injection with what undoing it will need; nothing is changed yet. */
export interface Prepared {
  injection: Injection;
  undo: Json;
}

const AT_ONCE = 16;

export function injectionsOf(plan: Plan): Injection[] {
  return plan.actions.filter((action) => action.kind === 'inject');
}

/** The run's deadline as today's wall clock and this boot have it. */
export function deadlineOf({ clock }: ReconcileDeps, plan: Plan, run: Run | undefined): Deadline {
  const draft = plan.actions.find((action) => action.kind === 'start' || action.kind === 'edit')?.run;
  if (!run || (draft && draft.id !== run.id)) return deadlineIn(clock, draft?.duration ?? 0);
  if (draft && draft.generation !== run.generation)
    return deadlineIn(clock, remaining(clock, run.deadline) + draft.duration - run.duration);
  if (run.deadline.bootId !== clock.bootId()) return deadlineIn(clock, remaining(clock, run.deadline));
  return { ...run.deadline, wall: wallOf(clock, run.deadline) };
}

/**
 * Asks every fault what it needs on each target. A target that went meanwhile is left out. A fault that can't be put on a target of
 * a running run is reported and left out; what may work another time is the `failure`, and holds up nothing else. For a run that is
 * still to start it throws, and nothing is started.
 */
export async function prepareAll(
  deps: ReconcileDeps,
  input: PlanInput,
  plan: Plan,
): Promise<{ prepared: Prepared[]; skipped: number; failure: unknown }> {
  const injections = injectionsOf(plan);
  const starting = plan.actions.some(({ kind }) => kind === 'start');
  const deadline = deadlineOf(deps, plan, input.run);
  let failure: unknown;
  const results = await eachOf(injections, AT_ONCE, async (injection): Promise<Prepared | undefined> => {
    try {
      const draft = draftEffect(deps, input, injection, deadline);
      const undo = await faultKind(injection.fault.type).prepare(deps.faults, draft, injection.target);
      return { injection, undo };
    } catch (error) {
      if (!(error instanceof SquallError)) throw error;
      if (error.code !== 'SQ307' && starting) throw error;
      if (error.code !== 'SQ307' && !error.terminal) {
        failure = error;
        return undefined;
      }
      const { name } = injection.target;
      const message = `${injection.fault.type} is not put on ${name}: ${describeError(error)}`;
      emit(deps, { experiment: input.name, target: name, reason: 'NotInjected', message, warning: true });
      return undefined;
    }
  });
  const prepared = results.filter((result) => result !== undefined);
  return { prepared, skipped: injections.length - prepared.length, failure };
}

/** The effect as it will stand in the journal; one that is there already keeps what it had to undo until then. */
function draftEffect(
  deps: ReconcileDeps,
  input: PlanInput,
  injection: Injection,
  deadline: Deadline,
): Effect {
  const { target, slot, fault, resolved } = injection;
  const before = input.effects.find((effect) => effect.target.id === target.id && effect.slot === slot);
  const now = deps.clock.now();
  return {
    id: before?.id ?? 0,
    runId: runIdOf(input),
    experiment: input.name,
    instance: deps.journal.instance,
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot,
    fault,
    resolved,
    undo: before && before.phase !== 'recovered' ? before.undo : null,
    phase: 'intended',
    epoch: before?.epoch ?? 0,
    deadline,
    intendedAt: now,
    injectedAt: before?.injectedAt ?? null,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: (before?.strikes ?? 0) + 1,
    error: null,
  };
}

function runIdOf(input: PlanInput): string {
  return input.run && input.run.endedAt === null ? input.run.id : `${input.name}-${input.fresh.runNumber}`;
}
