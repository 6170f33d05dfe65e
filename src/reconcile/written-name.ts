import type { Owner } from '../core/kinds.ts';
import type { ExperimentRecord } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';

/** What a schedule adds to its own name: the seconds of a time, or the number of a start by hand. */
const ADDED = /-(\d{9,}|manual-\d+)$/;

/**
 * The name that a person wrote, for what is counted without end: that of the experiment which this one is a copy of, or of the schedule or
 * scenario that owns it. Names that owners make are as many as the times they fire.
 */
export function writtenName(
  { journal }: { journal: Pick<Journal, 'spawned'> },
  { name, owner, copyOf }: Pick<ExperimentRecord, 'name' | 'owner' | 'copyOf'>,
): string {
  return copyOf ?? (owner ? ownerName(journal, owner) : name);
}

function ownerName(journal: Pick<Journal, 'spawned'>, { kind, name }: Owner): string {
  return kind === 'Schedule' ? name : writtenScenario({ journal }, name);
}

/** The same of a scenario. */
export function writtenScenario(
  { journal: { spawned } }: { journal: Pick<Journal, 'spawned'> },
  name: string,
): string {
  const made = spawned.get('Scenario', name);
  if (made) return made.copyOf ?? made.owner.name;
  return name.replace(ADDED, ''); // a schedule may have let go of it already
}
