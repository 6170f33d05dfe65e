import type { ObjectRecord, Owner, Spawned } from '../core/kinds.ts';
import type { Journal } from '../journal/journal.ts';
import { type OwnedRun, slotName } from './decide.ts';

/** Something that a schedule started, and what has become of it. */
export interface Fired extends OwnedRun {
  kind: Spawned['kind'];
  /** A run of it has begun: until then it may be waiting for a container, or be denied. */
  started: boolean;
  /** Wall ms at which it was fired. */
  createdAt: number;
  /** Why it has not. */
  why: string;
  /** A person fired it, at no time of the schedule's own: it begins at once or not at all. */
  byHand: boolean;
}

const ENDED = new Set(['Completed', 'Failed', 'Aborted', 'Halted']);

/** All that this very schedule started: what it still wants, and what is on its way out. */
export function firedBy(journal: Journal, { name, uid }: ObjectRecord<'Schedule'>): Fired[] {
  const mine = journal.spawned.of({ kind: 'Schedule', name }).filter(({ owner }) => owner.uid === uid);
  const wanted = mine.map((spawned) => statusOf(journal, spawned));
  const names = new Set(mine.map((spawned) => spawned.name));
  // of a scenario that was released: its object is gone at once, its experiments recover still
  const isLeft = (owner: Owner | null) =>
    owner?.kind === 'Scenario' &&
    owner.name === slotName(name, slotOf(owner.name)) &&
    !journal.objects.get('Scenario', owner.name);
  const leaving = journal.experiments
    .all()
    .filter(({ owner, name: own }) => (owner?.uid === uid && !names.has(own)) || isLeft(owner))
    .map(
      (record): Fired => ({
        kind: 'Experiment',
        name: record.name,
        slot: slotOf(record.name),
        createdAt: record.createdAt,
        active: true,
        endedAt: null,
        started: true,
        why: '',
        byHand: false,
      }),
    );
  return [...wanted, ...leaving];
}

function statusOf(journal: Journal, { kind, name, slot, createdAt }: Spawned): Fired {
  const base = { kind, name, slot: slot ?? createdAt, createdAt, byHand: slot === null };
  if (kind === 'Scenario') {
    const record = journal.objects.get('Scenario', name);
    const ended = record !== undefined && ENDED.has(record.phase);
    const started = ended || record?.phase === 'Running' || record?.phase === 'Recovering';
    return {
      ...base,
      active: !ended,
      endedAt: ended ? record.updatedAt : null,
      started,
      why: record?.message ?? '',
    };
  }
  const record = journal.experiments.get(name);
  const run = record?.runId ? journal.runs.get(record.runId) : undefined;
  const endedAt = run?.endedAt ?? null;
  return {
    ...base,
    active: endedAt === null,
    endedAt,
    started: run !== undefined,
    why: record?.message ?? '',
  };
}

/** Wall ms: the seconds that a name ends in. */
function slotOf(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1)) * 1000;
}
