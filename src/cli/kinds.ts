import { SquallError } from '../core/errors.ts';
import { type Kind, type ObjectId, objectId } from '../core/kinds.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { ActId } from '../server/control.ts';

/** Words for a kind, kubectl's short ones too, and the plural that each stands for. */
export const KIND_WORDS: Record<string, string> = {
  experiments: 'experiments',
  experiment: 'experiments',
  exp: 'experiments',
  schedules: 'schedules',
  schedule: 'schedules',
  sched: 'schedules',
  scenarios: 'scenarios',
  scenario: 'scenarios',
  scn: 'scenarios',
  policies: 'policies',
  policy: 'policies',
  pol: 'policies',
  runs: 'runs',
  run: 'runs',
  events: 'events',
  event: 'events',
  ev: 'events',
  all: 'all',
};

const KINDS: Record<string, Kind> = {
  experiments: 'Experiment',
  schedules: 'Schedule',
  scenarios: 'Scenario',
  policies: 'Policy',
};

/** The plural that a word stands for. Throws SQ501 for a word that is none. */
export function pluralOf(word: string): string {
  const key = word.toLowerCase();
  const plural = Object.hasOwn(KIND_WORDS, key) ? KIND_WORDS[key] : undefined;
  if (plural) return plural;
  const near = nearMiss(word, Object.keys(KIND_WORDS));
  const known = [...new Set(Object.values(KIND_WORDS))].join(', ');
  throw new SquallError('SQ501', `there is no kind "${word}"`, {
    hint: near ? `Did you mean ${near}?` : `Known: ${known}`,
  });
}

/** The kind of document that a word stands for; undefined for runs, events and all. Throws SQ501 for a word that is none. */
export function documentKind(word: string): Kind | undefined {
  return KINDS[pluralOf(word)];
}

/** `schedule/nightly`, or the NAME alone where `otherwise` says what kind that is of. Throws SQ501. */
export function parseObject(text: string, otherwise?: Kind): ObjectId {
  const slash = text.indexOf('/');
  if (slash < 0 && otherwise && text !== '') return objectId(otherwise, text);
  const name = text.slice(slash + 1);
  const kind = slash > 0 ? documentKind(text.slice(0, slash)) : undefined;
  if (kind && name !== '' && !name.includes('/')) return objectId(kind, name);
  throw new SquallError('SQ501', `"${text}" names nothing`, { hint: 'Expected KIND/NAME: schedule/nightly' });
}

/** What can be run and held: `[KIND/]NAME`, an experiment where no kind is given. Throws SQ501. */
export function parseAct(text: string, verb: string): ActId {
  const id = parseObject(text, 'Experiment');
  if (!id.startsWith('Policy/')) return id as ActId;
  throw new SquallError('SQ501', `a Policy takes no ${verb}`, {
    hint: 'Change or remove its manifest: it counts at once',
  });
}
