import { type Clock, remaining } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { eachOf } from '../core/parallel.ts';
import type { Effect } from '../core/types.ts';
import type { FaultContext, Recovery } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Journal } from '../journal/journal.ts';
import { emit, type NewEvent } from './events.ts';
import type { Metrics } from './metrics.ts';
import type { AtStep } from './steps.ts';

/** What recovering needs; the daemon, the sentinel and an offline halt each bring their own. */
export interface RecoveryDeps {
  journal: Journal;
  clock: Clock;
  log: Log;
  /** `daemon`, `sentinel` or `halt`, with the process id. */
  claimant: string;
  faults: FaultContext;
  at: AtStep;
  metrics?: Metrics;
}

/** `lost`: somebody else has claimed it, or it moved on; look again. Not `recorded`: done, but the journal does not know. */
export type RecoveryOutcome =
  | { state: 'recovered'; recorded: boolean }
  | { state: 'waiting'; retryAfter: number; reason: string }
  | { state: 'failed'; reason: string }
  | { state: 'lost' };

/** What one try came to. */
export interface Recovered {
  effect: Effect;
  outcome: RecoveryOutcome;
}

const RETRY = 250;
const AT_ONCE = 16;

/**
 * Undoes one effect: claim by compare-and-set, undo, mark. Where the journal can't be written it undoes all the same: a full disk
 * must not keep a fault alive. `recoveryTimeout` in ms from the first try; after it the effect is marked failed.
 */
export async function recoverEffect(
  deps: RecoveryDeps,
  effect: Effect,
  recoveryTimeout: number,
): Promise<RecoveryOutcome> {
  const { journal, clock, at } = deps;
  at('before-recover');
  const claimed = claim(deps, effect);
  if (!claimed) return { state: 'lost' };
  at('after-claim');
  const kind = faultKind(effect.fault.type);
  const outcome = await undo(deps, claimed);
  at('after-recover');
  if (outcome.done) {
    const event = eventOf(deps, effect, 'Recovered', kind.type);
    const recorded = tryWrite(deps, () => {
      journal.effects.recovered(claimed, clock.now());
      emit(deps, event);
    });
    at('after-recovered-mark');
    measure(deps, claimed);
    return { state: 'recovered', recorded };
  }
  const since = clock.boot() - (claimed.recoveringBoot ?? clock.boot());
  if (since < recoveryTimeout) {
    return { state: 'waiting', retryAfter: outcome.retryAfter, reason: outcome.waiting };
  }
  const reason = `not recovered in time: ${outcome.waiting}`;
  const event = eventOf(deps, effect, 'RecoverFailed', `${kind.type}: ${reason}`);
  tryWrite(deps, () => {
    journal.effects.failed(claimed, reason);
    emit(deps, { ...event, warning: true });
  });
  return { state: 'failed', reason };
}

/**
 * Recovers many: targets side by side, the effects of one target in the order given (the reverse of how they went in). One that has to
 * wait, for a healthcheck say, does not hold up the next: it may be that one's network it waits for.
 */
export async function recoverEffects(
  deps: RecoveryDeps,
  effects: readonly Effect[],
  timeoutOf: (effect: Effect) => number,
): Promise<Recovered[]> {
  const targets = [...Map.groupBy(effects, ({ target }) => target.id).values()];
  const outcomes = await eachOf(targets, AT_ONCE, async (ofTarget) => {
    const found: Recovered[] = [];
    for (const effect of ofTarget) {
      found.push({ effect, outcome: await recoverEffect(deps, effect, timeoutOf(effect)) });
    }
    return found;
  });
  return outcomes.flat();
}

function eventOf({ claimant }: RecoveryDeps, effect: Effect, reason: string, message: string): NewEvent {
  const role = claimant.split(':')[0];
  const by = role === 'daemon' ? '' : `, by the ${role}`;
  const { experiment, runId: run, target } = effect;
  return { experiment, run, target: target.name, reason, message: `${message}${by}` };
}

async function undo(deps: RecoveryDeps, effect: Effect): Promise<Recovery> {
  try {
    return await faultKind(effect.fault.type).recover(deps.faults, effect);
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ307')
      return { done: true, how: 'the target is gone' };
    deps.log.warn(
      { experiment: effect.experiment, target: effect.target.name, error: describeError(error) },
      'recovery will be tried again',
    );
    return { done: false, retryAfter: RETRY, waiting: describeError(error) };
  }
}

/** The effect as claimed; the effect as it is where the journal can't be written; undefined where somebody else has it. */
function claim({ journal, clock, claimant, log }: RecoveryDeps, effect: Effect): Effect | undefined {
  const [now, boot] = [clock.now(), clock.boot()];
  try {
    return journal.transaction(() => journal.effects.claim(effect, { claimant, now, boot }));
  } catch (error) {
    log.error({ error: describeError(error) }, 'journal not writable: recovering without a claim');
    return {
      ...effect,
      phase: 'recovering',
      recoveringAt: effect.recoveringAt ?? now,
      recoveringBoot: effect.recoveringBoot ?? boot,
    };
  }
}

/** True where it was written. */
function tryWrite({ log, journal }: RecoveryDeps, work: () => void): boolean {
  try {
    journal.transaction(work);
    return true;
  } catch (error) {
    log.error({ error: describeError(error) }, 'journal not writable: the recovery is not recorded');
    return false;
  }
}

function measure({ metrics, clock, journal }: RecoveryDeps, effect: Effect): void {
  if (!metrics) return;
  const type = effect.fault.type;
  metrics.recover.observe({ type }, (clock.now() - (effect.recoveringAt ?? clock.now())) / 1000);
  const run = journal.runs.get(effect.runId);
  const late = run ? -remaining(clock, run.deadline) : 0;
  if (late >= 0) metrics.overrun.observe(late / 1000);
}
