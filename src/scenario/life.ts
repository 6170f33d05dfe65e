import { type Manifest, type ObjectId, type ObjectRecord, objectId } from '../core/kinds.ts';
import type { Hold } from '../core/types.ts';
import { inheritedHold } from '../reconcile/inherited.ts';
import type { ObjectDeps } from '../reconcile/objects.ts';
import type { Ending, ScenarioRun, ScenarioState } from './state.ts';

/** What a person sees of it. */
export type Status = Pick<ObjectRecord, 'phase' | 'reason' | 'message'>;

/** What keeps it from running. */
export interface Held {
  phase: 'Halted' | 'Suspended';
  reason: string;
  /** `halted by a person` */
  what: string;
  /** The command that lifts it. */
  lift: string;
}

/** A halt of everything, its own hold, that of the scenario it is a copy of, or that of the schedule that fired it. */
export function heldBy(
  deps: ObjectDeps,
  { name, hold }: ObjectRecord<'Scenario'>,
  { owner, copyOf }: Manifest<'Scenario'>,
): Held | undefined {
  if (deps.halt.read())
    return {
      phase: 'Halted',
      reason: 'HaltedAll',
      what: 'all chaos is halted',
      lift: 'squall resume --all',
    };
  const id = objectId('Scenario', name);
  if (hold) return held(hold, id, id);
  const copied = copyOf === undefined ? undefined : deps.journal.objects.get('Scenario', copyOf);
  if (copied?.hold) return held(copied.hold, objectId('Scenario', copied.name), id);
  const inherited = inheritedHold(deps, { owner: owner ?? null, copyOf: null });
  return inherited && held(inherited.hold, inherited.by, id);
}

function held(hold: Hold, by: ObjectId, id: ObjectId): Held {
  const phase = hold === 'halted' ? 'Halted' : 'Suspended';
  const what = `${by === id ? '' : `${by} is `}${hold} by a person`;
  return { phase, reason: phase, what, lift: `squall resume ${by.toLowerCase()}` };
}

/**
 * Why a run that is under way must end. One that was halted does not go on when the hold is lifted, as an experiment would: what the
 * services went through meanwhile is not what the next step was written for.
 */
export function stopOf(
  record: ObjectRecord<'Scenario'>,
  { owner }: Manifest<'Scenario'>,
  run: ScenarioRun,
  hold: Held | undefined,
): Ending | undefined {
  const again = `\`squall run scenario/${record.name}\` starts another run`;
  if (hold) return { phase: 'Halted', reason: hold.reason, message: `${hold.what}; ${again}` };
  if (record.spec.suspend && !run.template && !owner)
    return { phase: 'Halted', reason: 'Suspended', message: `spec.suspend is true; ${again}` };
  if (run.generation === record.generation) return undefined;
  return { phase: 'Aborted', reason: 'Edited', message: 'the manifest was edited: it runs anew' };
}

/** Why a run starts that nobody has started yet; or how the scenario stands where none does. */
export function startOrRest(
  { spec, generation }: ObjectRecord<'Scenario'>,
  { owner, stale, conflict }: Manifest<'Scenario'>,
  { run, runRequested }: ScenarioState,
  hold: Held | undefined,
): { trigger: string } | Status {
  if (conflict) return { phase: 'Invalid', reason: 'NameTaken', message: conflict };
  // What a schedule fired is for its time, and for no later one: held then, it ends at once.
  if (owner && run === null) return { trigger: `${owner.kind.toLowerCase()}/${owner.name}` };
  // Whoever fired it reads from this that it has ended.
  if (owner && run?.ending && runRequested === null) return run.ending;
  if (hold) {
    const { phase, reason, what, lift } = hold;
    return { phase, reason, message: `${what}: \`${lift}\` lifts it` };
  }
  if (runRequested === null) {
    if (spec.suspend && !owner)
      return { phase: 'Suspended', reason: 'Suspended', message: 'spec.suspend is true' };
    if (run?.ending && run.generation === generation) return run.ending;
  }
  if (stale) return { phase: 'Invalid', reason: 'Stale', message: stale };
  return { trigger: runRequested ?? 'manifest' };
}
