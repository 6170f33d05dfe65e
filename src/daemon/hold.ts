import type { Clock } from '../core/clock.ts';
import { objectId, parseObjectId } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import type { Effect, ExperimentRecord, Hold } from '../core/types.ts';
import type { HaltFile } from '../journal/halt-file.ts';
import type { Journal } from '../journal/journal.ts';
import { emit } from '../reconcile/events.ts';
import { inheritedHold } from '../reconcile/inherited.ts';
import { type RecoveryDeps, recoverEffects } from '../reconcile/recovery.ts';
import type { ActId, HoldResult } from '../server/control.ts';
import { reachOf } from '../server/owned.ts';

interface HoldDeps {
  journal: Journal;
  halt: HaltFile;
  clock: Clock;
  log: Log;
}

/** Names of all that a hold reaches, as they were when it was set. */
export interface Concerned {
  experiments: string[];
  schedules: string[];
  scenarios: string[];
  /** Those of the experiments that people are told of: without what a schedule or scenario started and has ended. */
  told: string[];
}

/**
 * Remembers a hold (or lifts it) for one object or for all. To halt all is the halt file, set before anything else and without the
 * journal's help; lifting `all` lifts single holds too. Returns whom it concerns.
 */
export function setHold(deps: HoldDeps, what: ActId | 'all', hold: Hold | null): Concerned {
  const { journal, halt } = deps;
  if (what === 'all' && hold !== 'suspended') halt.set(hold !== null);
  const concerned = concernedBy(journal, what, hold);
  if (what !== 'all' || hold !== 'halted') journal.transaction(() => write(deps, what, hold));
  const reason = hold === null ? 'Resumed' : hold === 'halted' ? 'Halted' : 'Suspended';
  const { kind, name } = what === 'all' ? {} : parseObjectId(what);
  emit(deps, {
    experiment: kind === 'Experiment' ? (name ?? null) : null,
    object: kind === 'Experiment' || what === 'all' ? null : what,
    reason,
    message: what === 'all' ? 'all experiments, by a person' : 'by a person',
  });
  return concerned;
}

/** Whom a hold of this, or its end, reaches now. */
export function concernedBy(journal: Journal, what: ActId | 'all', hold: Hold | null): Concerned {
  if (what === 'all') {
    const records = journal.experiments.all();
    return {
      experiments: records.map(({ name }) => name),
      schedules: journal.objects.all('Schedule').map(({ name }) => name),
      scenarios: journal.objects.all('Scenario').map(({ name }) => name),
      told: records.filter((record) => !isHistory(journal, record)).map(({ name }) => name),
    };
  }
  const { kind, name: own } = parseObjectId(what);
  const { experiments, scenarios } = reachOf(journal, what);
  const records = experiments.map((name) => journal.experiments.get(name)).filter((one) => one !== undefined);
  const told = records.filter(
    (record) =>
      (kind === 'Experiment' && record.name === own) ||
      (!isHistory(journal, record) && (hold !== null || inheritedHold({ journal }, record) !== undefined)),
  );
  return {
    experiments: records.map(({ name }) => name),
    schedules: kind === 'Schedule' ? [own] : [],
    scenarios,
    told: told.map(({ name }) => name),
  };
}

/** Started by a schedule or scenario, and over. */
function isHistory({ runs }: Journal, { owner, runId }: ExperimentRecord): boolean {
  return owner !== null && runId !== null && runs.get(runId)?.endedAt !== null;
}

function write({ journal, clock }: HoldDeps, what: ActId | 'all', hold: Hold | null): void {
  const updatedAt = clock.now();
  const { kind, name = '' } = what === 'all' ? {} : parseObjectId(what);
  // To suspend all loosens no halt.
  const next = (before: Hold | null) =>
    what === 'all' && hold !== null && before === 'halted' ? before : hold;
  const experiments = what === 'all' ? journal.experiments.all() : [journal.experiments.get(name)];
  if (what === 'all' || kind === 'Experiment')
    for (const one of experiments)
      if (one) journal.experiments.put({ ...one, hold: next(one.hold), updatedAt });
  for (const one of journal.objects.all()) {
    const meant = what === 'all' ? one.kind !== 'Policy' : objectId(one.kind, one.name) === what;
    if (meant) journal.objects.put({ ...one, hold: next(one.hold), updatedAt });
  }
}

/** A suspended schedule only starts nothing more. */
export function recovers(what: ActId | 'all', hold: Hold | null): boolean {
  return hold === 'halted' || (hold === 'suspended' && !what.startsWith('Schedule/'));
}

/** What is to be told of a hold; `left` is what of these experiments is still in the world, where they are to be recovered. */
export function holdResult(
  what: ActId | 'all',
  hold: Hold | null,
  { told, schedules, scenarios }: Concerned,
  left: HoldResult['left'],
): HoldResult {
  const ends = hold === null ? !what.startsWith('Scenario/') : recovers(what, hold);
  return { experiments: ends ? told : [], schedules, scenarios, left };
}

/** What the journal says is in the world of these experiments; of all, forgotten ones too, where none are named. */
export function leftOf(journal: Journal, experiments: readonly string[] | undefined): HoldResult['left'] {
  return liveOf(journal, experiments).map(({ target, fault, error, phase }) => ({
    target: target.name,
    fault: fault.type,
    error: error ?? `still ${phase}`,
  }));
}

function liveOf({ effects }: Journal, experiments: readonly string[] | undefined): Effect[] {
  if (!experiments) return effects.live();
  const names = new Set(experiments);
  return effects.live().filter(({ experiment }) => names.has(experiment));
}

/** ms between tries. */
const RETRY = 100;

/**
 * Recovers without a plan, until all is recovered or given up, or `limit` ms are over. What is left is told by the tries, not by the
 * journal: that may not be writable. `experiments`: as of `leftOf`.
 */
export async function recoverHeld(
  deps: RecoveryDeps,
  experiments: readonly string[] | undefined,
  limit: number,
): Promise<HoldResult['left']> {
  const { journal, clock } = deps;
  const until = clock.boot() + limit;
  const left: HoldResult['left'] = [];
  let open = liveOf(journal, experiments).reverse();
  while (open.length > 0) {
    const tried = await recoverEffects(
      deps,
      open,
      ({ runId }) => journal.runs.get(runId)?.recoveryTimeout ?? 0,
    );
    const late = clock.boot() >= until;
    open = [];
    for (const { effect, outcome } of tried) {
      const now = journal.effects.get(effect.id) ?? effect;
      if (outcome.state === 'recovered' || now.phase === 'recovered') continue;
      const error = outcome.state === 'lost' ? 'somebody else is recovering it' : outcome.reason;
      if (late || outcome.state === 'failed')
        left.push({ target: effect.target.name, fault: effect.fault.type, error });
      else open.push(now);
    }
    if (open.length > 0) await new Promise<void>((resolve) => clock.after(RETRY, resolve));
  }
  return left;
}
