import { KINDS, type Kind, type ObjectId, objectId, parseObjectId } from '../core/kinds.ts';
import type { SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';

/** What hangs on an object, by name. */
export interface Owned {
  scenarios: string[];
  experiments: string[];
}

type Records = Pick<Journal, 'experiments' | 'spawned'>;

/** What a Schedule or Scenario has started, and what that has started. */
export function ownedBy(journal: Records, id: ObjectId): Owned {
  const { kind, name } = parseObjectId(id);
  if (kind !== 'Schedule' && kind !== 'Scenario') return { scenarios: [], experiments: [] };
  const fired = kind === 'Schedule' ? journal.spawned.of({ kind, name }) : [];
  const scenarios = fired.filter((one) => one.kind === 'Scenario').map((one) => one.name);
  const owners = new Set<ObjectId>([id, ...scenarios.map((one) => objectId('Scenario', one))]);
  return { scenarios, experiments: experimentsOf(journal, owners) };
}

/** Whom a hold of an object reaches: it, its copies, and what it or they have started. */
export function reachOf(journal: Records, id: ObjectId): Owned {
  const { kind, name } = parseObjectId(id);
  if (kind === 'Experiment') {
    const copies = journal.experiments.all().filter(({ copyOf }) => copyOf === name);
    return { scenarios: [], experiments: [name, ...copies.map((one) => one.name)] };
  }
  if (kind !== 'Scenario') return ownedBy(journal, id);
  const copies = journal.spawned.all().filter((one) => one.kind === 'Scenario' && one.copyOf === name);
  const scenarios = [name, ...copies.map((one) => one.name)];
  const owners = new Set(scenarios.map((one) => objectId('Scenario', one)));
  return { scenarios, experiments: experimentsOf(journal, owners) };
}

function experimentsOf({ experiments }: Records, owners: ReadonlySet<ObjectId>): string[] {
  return experiments
    .all()
    .filter(({ owner }) => owner && owners.has(objectId(owner.kind, owner.name)))
    .map(({ name }) => name);
}

/** Tells of an event whether it is about the object or about what that has started, as far as it is remembered. */
export function concerning(journal: Records, id: ObjectId): (event: SquallEvent) => boolean {
  const { scenarios, experiments } = ownedBy(journal, id);
  const objects = new Set<ObjectId>([id, ...scenarios.map((name) => objectId('Scenario', name))]);
  for (const name of experiments) objects.add(objectId('Experiment', name));
  return (event) => {
    const subject = subjectOf(event);
    return subject !== undefined && objects.has(subject);
  };
}

/** What an event is about; undefined where that is everything. */
export function subjectOf({
  object,
  experiment,
}: Pick<SquallEvent, 'object' | 'experiment'>): ObjectId | undefined {
  return object ?? (experiment === null ? undefined : objectId('Experiment', experiment));
}

/** `schedule/nightly` or `Schedule/nightly`; undefined for what is neither. */
export function readObjectId(text: string): ObjectId | undefined {
  const { kind: word, name } = parseObjectId(text as ObjectId);
  const kind = KINDS.find((one: Kind) => one.toLowerCase() === word.toLowerCase());
  return kind && name !== '' ? objectId(kind, name) : undefined;
}
