import { type ObjectId, objectId } from '../core/kinds.ts';
import type { ExperimentRecord, Hold } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';

/** A hold that reaches an experiment or scenario from what it is a copy of, or from its owner. */
export interface InheritedHold {
  hold: Hold;
  /** What is held: `Experiment/redis-unreachable`. */
  by: ObjectId;
}

/**
 * The hold of the experiment that this one is a copy of; or that of an owner, or of the scenario that an owner is a copy of, which a person
 * halted. A suspended owner lets go on what runs.
 */
export function inheritedHold(
  { journal }: { journal: Pick<Journal, 'experiments' | 'objects' | 'spawned'> },
  of: Pick<ExperimentRecord, 'owner' | 'copyOf'>,
): InheritedHold | undefined {
  const copied = of.copyOf === null ? undefined : journal.experiments.get(of.copyOf);
  if (copied?.hold) return { hold: copied.hold, by: objectId('Experiment', copied.name) };
  for (let owner = of.owner; owner; ) {
    const { kind, name } = owner;
    const spawned = kind === 'Scenario' ? journal.spawned.get(kind, name) : undefined;
    const held = [name, spawned?.copyOf ?? name].find(
      (one) => journal.objects.get(kind, one)?.hold === 'halted',
    );
    if (held !== undefined) return { hold: 'halted', by: objectId(kind, held) };
    owner = spawned?.owner ?? null;
  }
  return undefined;
}
