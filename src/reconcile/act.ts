import { describeError, SquallError } from '../core/errors.ts';
import { eachOf } from '../core/parallel.ts';
import type { Effect } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Plan } from '../plan/actions.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { Committed } from './commit.ts';
import { emit, type ReconcileDeps } from './deps.ts';
import { recoverEffect } from './recovery.ts';

const AT_ONCE = 16;
const LOST_RETRY = 100;

/** Injects what is committed: targets side by side, the faults of one target in order. Throws the first error that is worth another try. */
export async function injectAll(
  deps: ReconcileDeps,
  input: PlanInput,
  committed: readonly Committed[],
): Promise<void> {
  if (committed.length === 0) return;
  deps.at('after-intent');
  const targets = [...Map.groupBy(committed, ({ effect }) => effect.target.id).values()];
  const errors: unknown[] = [];
  await eachOf(targets, AT_ONCE, async (ofTarget) => {
    for (const item of ofTarget) {
      const error = await injectOne(deps, item);
      if (!error) continue;
      errors.push(error);
      return;
    }
  });
  const fatal = errors.find((error) => error instanceof SquallError && error.terminal);
  if (fatal) return failRun(deps, input, committed, fatal);
  if (errors.length > 0) throw errors[0];
}

/** Resolves with what went wrong, if anything did; a fault that failed for good is undone on this target. */
async function injectOne(deps: ReconcileDeps, { effect, injection }: Committed): Promise<unknown> {
  const { clock, journal, metrics } = deps;
  const kind = faultKind(effect.fault.type);
  const { experiment, runId: run, target } = effect;
  try {
    await kind.inject(deps.faults, effect);
  } catch (error) {
    if (error instanceof SquallError && !error.terminal) return error;
    await recoverEffect(deps, journal.effects.get(effect.id) ?? effect, 0);
    const gone = error instanceof SquallError && error.code === 'SQ307';
    emit(deps, {
      experiment,
      run,
      target: target.name,
      reason: 'InjectFailed',
      message: describeError(error),
      warning: true,
    });
    if (gone) return undefined;
    return error instanceof SquallError
      ? error
      : new SquallError('SQ401', describeError(error), { cause: error });
  }
  deps.at('after-inject');
  if (!journal.transaction(() => journal.effects.injected(effect, clock.now()))) {
    // Somebody recovered it while it went in (its deadline passed, or a halt): take it out again.
    await kind.recover(deps.faults, effect);
    return undefined;
  }
  deps.at('after-injected-mark');
  metrics.inject.observe({ type: kind.type }, (clock.now() - effect.intendedAt) / 1000);
  metrics.faultActive.set({ experiment, type: kind.type, target: target.name }, 1);
  if (injection.reason === 'drift') metrics.driftRepairs.inc();
  emit(deps, {
    experiment,
    run,
    target: target.name,
    reason: 'Injected',
    message: `${kind.type} (${injection.reason})`,
  });
  return undefined;
}

/** One target could not be given its fault: the run is not what was asked for, so all of it ends. */
function failRun(
  deps: ReconcileDeps,
  input: PlanInput,
  committed: readonly Committed[],
  error: unknown,
): void {
  const id = committed[0]?.effect.runId ?? '';
  deps.journal.transaction(() => {
    const run = deps.journal.runs.get(id);
    if (run)
      deps.journal.runs.put({ ...run, phase: 'Recovering', outcome: 'Failed', reason: 'InjectFailed' });
  });
  emit(deps, {
    experiment: input.name,
    run: id,
    reason: 'InjectFailed',
    message: describeError(error),
    warning: true,
  });
}

/** An act that was seen to have happened before the daemon died is taken as injected. */
export function adoptAll({ journal, clock }: ReconcileDeps, plan: Plan): void {
  const effects = plan.actions.filter((action) => action.kind === 'adopt').map(({ effect }) => effect);
  if (effects.length === 0) return;
  journal.transaction(() => {
    for (const effect of effects) journal.effects.injected(effect, clock.now());
  });
}

/** Recovers what the plan takes out: targets side by side, one target's in the plan's order. Resolves with ms to look again after. */
export async function recoverAll(
  deps: ReconcileDeps,
  plan: Plan,
  recoveryTimeout: number,
): Promise<number | undefined> {
  const effects = plan.actions.filter((action) => action.kind === 'recover').map(({ effect }) => effect);
  const targets = [...Map.groupBy(effects, ({ target }) => target.id).values()];
  const waits = await eachOf(targets, AT_ONCE, async (ofTarget) => {
    for (const effect of ofTarget) {
      const wait = await recoverOne(deps, effect, recoveryTimeout);
      if (wait !== undefined) return wait;
    }
    return undefined;
  });
  const due = waits.filter((wait) => wait !== undefined);
  return due.length > 0 ? Math.min(...due) : undefined;
}

async function recoverOne(
  deps: ReconcileDeps,
  effect: Effect,
  recoveryTimeout: number,
): Promise<number | undefined> {
  const outcome = await recoverEffect(deps, effect, recoveryTimeout);
  const { experiment, runId: run, target, fault } = effect;
  if (outcome.state === 'lost') return LOST_RETRY;
  if (outcome.state === 'waiting') return outcome.retryAfter;
  const failed = outcome.state === 'failed';
  const message = failed ? `${fault.type}: ${outcome.reason}` : fault.type;
  emit(deps, {
    experiment,
    run,
    target: target.name,
    reason: failed ? 'RecoverFailed' : 'Recovered',
    message,
    warning: failed,
  });
  return undefined;
}
