import { describeError, SquallError } from '../core/errors.ts';
import { eachOf } from '../core/parallel.ts';
import type { Effect } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Plan } from '../plan/actions.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { Committed } from './commit.ts';
import type { ReconcileDeps } from './deps.ts';
import { emit } from './events.ts';
import { recoverEffect, recoverEffects } from './recovery.ts';

const AT_ONCE = 16;
const LOST_RETRY = 100;
/** ms until what was recovered, and could not be recorded, is recovered once more. */
const UNRECORDED_RETRY = 1000;

/**
 * Injects what is committed: targets side by side, the faults of one target in order; then reads all of it back. Throws the first error
 * that is worth another try.
 */
export async function injectAll(
  deps: ReconcileDeps,
  input: PlanInput,
  committed: readonly Committed[],
): Promise<void> {
  if (committed.length === 0) return;
  deps.at('after-intent');
  const errors = [
    ...(await eachTarget(committed, (item) => injectOne(deps, item))),
    ...(await eachTarget(committed, (item) => verifyOne(deps, item))),
  ];
  const fatal = errors.find((error) => error instanceof SquallError && error.terminal);
  if (fatal) return failRun(deps, input, committed, fatal);
  if (errors.length > 0) throw errors[0];
}

/** Resolves with what went wrong; the rest of a target's faults are left out then. */
async function eachTarget(
  committed: readonly Committed[],
  act: (item: Committed) => Promise<unknown>,
): Promise<unknown[]> {
  const targets = [...Map.groupBy(committed, ({ effect }) => effect.target.id).values()];
  const errors = await eachOf(targets, AT_ONCE, async (ofTarget) => {
    for (const item of ofTarget) {
      const error = await act(item).catch((thrown: unknown) => thrown);
      if (error) return error;
    }
    return undefined;
  });
  return errors.filter((error) => error !== undefined);
}

/** Resolves with what went wrong, if anything did; a fault that failed for good is undone on this target. */
async function injectOne(deps: ReconcileDeps, { effect, injection }: Committed): Promise<unknown> {
  const { clock, journal, metrics } = deps;
  const kind = faultKind(effect.fault.type);
  const { experiment, runId: run, target } = effect;
  try {
    await kind.inject(deps.faults, effect);
  } catch (error) {
    return undoFailed(deps, effect, error);
  }
  deps.at('after-inject');
  const stands = journal.transaction(() => {
    if (!journal.effects.injected(effect, clock.now())) return false;
    const message = `${kind.type} (${injection.reason})`;
    emit(deps, { experiment, run, target: target.name, reason: 'Injected', message });
    return true;
  });
  if (!stands) {
    await takeOut(deps, effect);
    return undefined;
  }
  deps.at('after-injected-mark');
  metrics.inject.observe({ type: kind.type }, (clock.now() - effect.intendedAt) / 1000);
  if (injection.reason === 'drift') metrics.driftRepairs.inc();
  return undefined;
}

/** Somebody recovered it while it went in (its deadline passed, or a halt): that it comes out again is owed until it is done. */
async function takeOut(deps: ReconcileDeps, effect: Effect): Promise<void> {
  const { journal } = deps;
  const owed = journal.transaction(() => journal.effects.reopen(effect.id));
  await recoverEffect(deps, owed ?? effect, journal.runs.get(effect.runId)?.recoveryTimeout ?? 0);
}

/** A fault that does not stand as it was put in is taken out: what is left of it is anybody's guess. */
async function verifyOne(deps: ReconcileDeps, { effect }: Committed): Promise<unknown> {
  const kind = faultKind(effect.fault.type);
  const now = deps.journal.effects.get(effect.id);
  if (!kind.verify || now?.phase !== 'injected' || now.epoch !== effect.epoch) return undefined;
  try {
    await kind.verify(deps.faults, effect);
    return undefined;
  } catch (error) {
    return undoOnTarget(deps, effect, error);
  }
}

/** What may work another time stays an intent, to be tried again; the rest is undone on this target. */
async function undoFailed(deps: ReconcileDeps, effect: Effect, error: unknown): Promise<unknown> {
  if (error instanceof SquallError && !error.terminal) return error;
  return undoOnTarget(deps, effect, error);
}

async function undoOnTarget(deps: ReconcileDeps, effect: Effect, error: unknown): Promise<unknown> {
  const { experiment, runId: run, target } = effect;
  const message = describeError(error);
  emit(deps, { experiment, run, target: target.name, reason: 'InjectFailed', message, warning: true });
  await recoverEffect(deps, deps.journal.effects.get(effect.id) ?? effect, 0);
  if (error instanceof SquallError && error.code === 'SQ307') return undefined;
  return error instanceof SquallError ? error : new SquallError('SQ401', message, { cause: error });
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

/** Recovers what the plan takes out, in the plan's order. Resolves with ms to look again after. */
export async function recoverAll(
  deps: ReconcileDeps,
  plan: Plan,
  recoveryTimeout: number,
): Promise<number | undefined> {
  // Read again: committing an edit has raised the epochs.
  const effects = plan.actions
    .filter((action) => action.kind === 'recover')
    .map(({ effect }) => deps.journal.effects.get(effect.id) ?? effect);
  const outcomes = await recoverEffects(deps, effects, () => recoveryTimeout);
  const waits = outcomes.map(({ outcome }) => {
    if (outcome.state === 'lost') return LOST_RETRY;
    if (outcome.state === 'recovered' && !outcome.recorded) return UNRECORDED_RETRY;
    return outcome.state === 'waiting' ? outcome.retryAfter : undefined;
  });
  const due = waits.filter((wait) => wait !== undefined);
  return due.length > 0 ? Math.min(...due) : undefined;
}
