import { hash } from '../core/canonical.ts';
import { LABEL_PROJECT, LABEL_SERVICE } from '../core/marks.ts';
import type { Container, LabelExpression, Mode, Selector } from '../core/types.ts';

/** Whether all that the selector gives matches. An empty selector matches nothing: it never means everything. */
export function matches(selector: Selector, container: Container): boolean {
  const { project, services, names, labels, labelExpressions, images, networks } = selector;
  const tests: boolean[] = [];
  if (project !== undefined) tests.push(container.labels[LABEL_PROJECT] === project);
  if (services) tests.push(holds(services, container.labels[LABEL_SERVICE]));
  if (names) tests.push(names.some((name) => nameMatches(name, container.name)));
  if (labels) tests.push(all(Object.entries(labels), ([key, value]) => container.labels[key] === value));
  if (labelExpressions)
    tests.push(all(labelExpressions, (expression) => expressionHolds(expression, container)));
  if (images) tests.push(images.some((glob) => globMatches(glob, container.image)));
  if (networks) tests.push(container.attachments.some(({ network }) => networks.includes(network)));
  return tests.length > 0 && tests.every(Boolean);
}

/** An empty list of conditions holds for nothing: it never means everything. */
function all<T>(conditions: readonly T[], test: (condition: T) => boolean): boolean {
  return conditions.length > 0 && conditions.every(test);
}

function holds(list: readonly string[], value: string | undefined): boolean {
  return value !== undefined && list.includes(value);
}

/** `/regular expression/` or the exact name. */
function nameMatches(pattern: string, name: string): boolean {
  if (pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/'))
    return new RegExp(pattern.slice(1, -1)).test(name);
  return pattern === name;
}

function expressionHolds({ key, operator, values = [] }: LabelExpression, { labels }: Container): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** `*` stands for any run of characters. */
export function globMatches(glob: string, text: string): boolean {
  const source = glob
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${source}$`).test(text);
}

/**
 * How many of `available` the mode wants. `one` and `{count}` want that many even where fewer are there (the caller says so);
 * percentages round down; `maxPercent` draws a number up to that share from the seed.
 */
export function wanted(mode: Mode, available: number, seed: string): number {
  if (mode === 'all') return available;
  if (mode === 'one') return 1;
  if ('count' in mode) return mode.count;
  if ('percent' in mode) return Math.floor((available * mode.percent) / 100);
  const most = Math.floor((available * mode.maxPercent) / 100);
  return most === 0 ? 0 : 1 + (Number.parseInt(hash(`${seed}/share`, 8), 16) % most);
}

/** The candidates in the seed's order: the same seed and names always give the same order, whoever else is there. */
export function shuffle<T extends { id: string; name: string }>(candidates: readonly T[], seed: string): T[] {
  return candidates
    .map((candidate) => ({ candidate, rank: hash(`${seed}/${candidate.name}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ candidate }) => candidate);
}
