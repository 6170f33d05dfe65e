import type { ObjectKind } from '../../core/kinds.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Names } from './model.ts';

/** A word that may be typed, and what shells show beside it. */
export interface Candidate {
  word: string;
  note: string;
}

type Source = (journal: Journal) => Candidate[];

const objectsOf =
  (kind: ObjectKind): Source =>
  (journal) =>
    journal.objects.all(kind).map(({ name, phase }) => ({ word: name, note: phase }));

/** Runs are many: the newest. */
const MOST_RUNS = 300;

/** By the plural that `squall get` takes. */
const SOURCES: Record<string, Source> = {
  experiments: (journal) => journal.experiments.all().map(({ name, phase }) => ({ word: name, note: phase })),
  schedules: objectsOf('Schedule'),
  scenarios: objectsOf('Scenario'),
  policies: objectsOf('Policy'),
  runs: (journal) =>
    journal.runs.list({ limit: MOST_RUNS }).map(({ id, phase }) => ({ word: id, note: phase })),
  events: (journal) => namesIn(journal, 'experiments'), // those of these experiments
};

/** Kinds as `describe` takes them, and their plurals. */
const DESCRIBED = {
  experiment: 'experiments',
  schedule: 'schedules',
  scenario: 'scenarios',
  policy: 'policies',
};

/** Those that can be run and held; experiments by their names alone. */
const HELD = { schedule: 'schedules', scenario: 'scenarios' };

/**
 * What may stand where such names are expected. `kinds`: words that `get` takes, each with the plural that it stands for; `given`: the
 * words before. `KIND/NAME` is completed to names with their kind.
 */
export function candidatesOf(
  of: Names,
  journal: Journal | undefined,
  kinds: Readonly<Record<string, string>>,
  { typed, given }: { typed: string; given: readonly string[] },
): Candidate[] {
  const names = (plural: string) => (journal ? namesIn(journal, plural) : []);
  const slash = typed.indexOf('/');
  const withKind = (plural: string) =>
    names(plural).map(({ word, note }) => ({ word: `${typed.slice(0, slash)}/${word}`, note }));
  if (of === 'kinds') {
    if (slash > 0) return withKind(kinds[typed.slice(0, slash)] ?? '');
    return [...new Set(Object.values(kinds))].map((word) => ({ word, note: '' }));
  }
  if (of === 'held' || of === 'documents') {
    const idsOf = (all: Record<string, string>) =>
      Object.entries(all).flatMap(([kind, plural]) =>
        names(plural).map(({ word, note }) => ({ word: `${kind}/${word}`, note })),
      );
    if (of === 'documents') return idsOf(DESCRIBED);
    if (slash > 0)
      return withKind(kinds[typed.slice(0, slash)] ?? '').filter(({ word }) => !given.includes(word));
    return [...names('experiments'), ...idsOf(HELD)].filter(({ word }) => !given.includes(word));
  }
  if (of === 'of-kind') return names(kinds[(given[0] ?? '').replace(/\/.*/, '')] ?? '');
  if (of !== 'described') return names(of);
  if (slash > 0) return withKind(kinds[typed.slice(0, slash)] ?? '');
  if (given.length > 0) return given.length === 1 ? names(kinds[given[0] ?? ''] ?? '') : [];
  const words = Object.keys(DESCRIBED).map((word) => ({ word, note: '' }));
  return [...names('experiments'), ...words];
}

function namesIn(journal: Journal, plural: string): Candidate[] {
  return Object.hasOwn(SOURCES, plural) ? (SOURCES[plural]?.(journal) ?? []) : [];
}
