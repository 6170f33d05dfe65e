import { randomUUID } from 'node:crypto';
import { sameJson } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import { eachOf } from '../core/parallel.ts';
import type { Observation } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Plan, Refusal } from '../plan/actions.ts';
import { refusalOf } from '../plan/guard.ts';
import { denyPlan, type PlanInput, planExperiment } from '../plan/plan.ts';
import { adoptAll, injectAll, recoverAll } from './act.ts';
import { type Committed, commit } from './commit.ts';
import type { ReconcileDeps } from './deps.ts';
import { gather } from './gather.ts';
import { injectionsOf, type Prepared, prepareAll } from './prepare.ts';
import { lookUpProvenance } from './provenance.ts';

/** What a pass came to. `again`: something was done, so look once more; `after`: ms until time alone needs another pass. */
export interface PassResult {
  again: boolean;
  after: number | undefined;
  injected: number;
  /** The object is gone: nothing of this name is left. */
  forgotten: boolean;
  /** Why nothing started, where something was to. */
  refusal: Refusal | undefined;
}

/** Passes that may see the world change under them before they give way to the next. */
const MOST_TRIES = 8;
/** ms before a fault that a target refused is offered again. */
const SKIPPED_RETRY = 5000;

/** One pass over one experiment: observe, plan, guard, write, act. */
export async function reconcile(deps: ReconcileDeps, name: string, look: boolean): Promise<PassResult> {
  const observations = look ? await observe(deps, name) : new Map<number, Observation>();
  const uid = randomUUID();
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const input = gather(deps, name, uid, observations);
    const plan = planExperiment(input);
    if (plan.lookups.length > 0) {
      await deps.hosts.resolve(plan.lookups);
      continue;
    }
    const ready = await prepareOrDeny(deps, input, plan);
    // Preparing took time: what was decided must still be what would be decided, to the last target.
    const now = gather(deps, name, uid, observations);
    const latest = planExperiment(now);
    const injecting = injectionsOf(plan).length + injectionsOf(latest).length > 0;
    if (injecting && !sameActions(plan, latest)) continue;
    return act(deps, now, ready.refusal ? denyPlan(now, ready.refusal) : latest, ready);
  }
  return { again: true, after: undefined, injected: 0, forgotten: false, refusal: undefined };
}

interface Ready {
  prepared: Prepared[];
  skipped: number;
  /** Why some of the injections are to be tried again. */
  failure?: unknown;
  /** A fault's own word, having looked at its target, that it can't have it. */
  refusal?: Refusal;
}

async function prepareOrDeny(deps: ReconcileDeps, input: PlanInput, plan: Plan): Promise<Ready> {
  try {
    return await prepareAll(deps, input, plan);
  } catch (error) {
    const starting = plan.actions.some(({ kind }) => kind === 'start');
    if (!starting || !(error instanceof SquallError) || !error.terminal) throw error;
    return { refusal: refusalOf(error), prepared: [], skipped: 0 };
  }
}

async function act(
  deps: ReconcileDeps,
  input: PlanInput,
  plan: Plan,
  { prepared, skipped, failure, refusal }: Ready,
): Promise<PassResult> {
  const finishing = plan.actions.some(({ kind }) => kind === 'finish');
  if (prepared.length > 0) deps.at('before-intent');
  if (finishing) deps.at('before-finish');
  const committed = commitOrRecover(deps, input, plan, prepared);
  lookUpProvenance(deps, plan);
  if (finishing) {
    deps.at('after-finish');
    for (const { id } of input.run?.targets ?? []) deps.hosts.forget(id);
  }
  // What can't go in just now must not keep in the world what is to come out.
  const failed = await putIn(deps, input, plan, committed);
  const wait = await recoverAll(deps, plan, input.run?.recoveryTimeout ?? 0);
  if (failed ?? failure) throw failed ?? failure;
  const done = plan.actions.length - skipped;
  const again = !refusal && wait === undefined && done > 0;
  const waits = [wait, plan.wakeAfter, skipped > 0 || refusal ? SKIPPED_RETRY : undefined].filter(
    (ms) => ms !== undefined,
  );
  return {
    again,
    after: waits.length > 0 ? Math.min(...waits) : undefined,
    injected: committed.length,
    forgotten: plan.actions.some(({ kind }) => kind === 'forget'),
    refusal: plan.refusal,
  };
}

/** Resolves with what went wrong. */
async function putIn(
  deps: ReconcileDeps,
  input: PlanInput,
  plan: Plan,
  committed: readonly Committed[],
): Promise<unknown> {
  try {
    adoptAll(deps, plan);
    await injectAll(deps, input, committed);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** No write, no injection; but what takes faults out goes on without one. */
function commitOrRecover(
  deps: ReconcileDeps,
  input: PlanInput,
  plan: Plan,
  prepared: readonly Prepared[],
): Committed[] {
  try {
    return commit(deps, input, plan, prepared);
  } catch (error) {
    const recovers = plan.actions.some(({ kind }) => kind === 'recover');
    if (!(error instanceof SquallError) || error.code !== 'SQ305' || !recovers) throw error;
    deps.log.error(
      { experiment: input.name, error: error.message },
      'journal not writable: recovering all the same',
    );
    return [];
  }
}

/** Alike in everything but the clock. */
function sameActions(a: Plan, b: Plan): boolean {
  const facts = ({ actions }: Plan) =>
    actions.map((action) => {
      if (action.kind === 'inject') return { ...action, target: [action.target.id, action.target.startedAt] };
      if (action.kind === 'recover' || action.kind === 'adopt')
        return { kind: action.kind, id: action.effect.id };
      return action;
    });
  return sameJson(facts(a), facts(b));
}

/** Looks at each fault of the running run in the world itself. */
async function observe(deps: ReconcileDeps, name: string): Promise<Map<number, Observation>> {
  const { run, effects } = gather(deps, name, '');
  const found = new Map<number, Observation>();
  if (!run || run.endedAt !== null) return found;
  const standing = effects.filter(
    ({ phase, fault }) => phase === 'injected' && faultKind(fault.type).nature === 'state',
  );
  await eachOf(standing, 8, async (effect) => {
    found.set(effect.id, await faultKind(effect.fault.type).observe(deps.faults, effect));
  });
  return found;
}
