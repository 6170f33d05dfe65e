import { type Json, sameJson } from '../../core/canonical.ts';
import { formatPath, type PathStep } from '../../manifests/problem.ts';
import type { FieldChange } from '../../report/plan-check.ts';

/**
 * What differs, field by field. Lists of objects are compared element by element: what both begin and end with is taken for the same, and
 * what lies between is paired where it is as many. Other lists are values.
 */
export function diffFields(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly PathStep[],
): FieldChange[] {
  if (before === undefined || after === undefined)
    return before === after ? [] : [changeOf(path, before, after)];
  if (sameJson(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => diffFields(own(before, key), own(after, key), [...path, key]));
  }
  if (Array.isArray(before) && Array.isArray(after) && [...before, ...after].every(isRecord))
    return diffLists(before, after, path);
  return [changeOf(path, before, after)];
}

function diffLists(before: readonly Json[], after: readonly Json[], path: readonly PathStep[]) {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && sameJson(before[head], after[head])) head += 1;
  let tail = 0;
  while (tail < most - head && sameJson(before.at(-1 - tail), after.at(-1 - tail))) tail += 1;
  const gone = before.slice(head, before.length - tail);
  const come = after.slice(head, after.length - tail);
  const at = (index: number) => [...path, head + index];
  if (gone.length === come.length)
    return gone.flatMap((item, index) => diffFields(item, come[index], at(index)));
  return [
    ...gone.map((item, index) => changeOf(at(index), item, undefined)),
    ...come.map((item, index) => changeOf(at(index), undefined, item)),
  ];
}

function changeOf(path: readonly PathStep[], from: Json | undefined, to: Json | undefined): FieldChange {
  return {
    path: formatPath(path),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
}

function isRecord(value: Json): value is { [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(record: { [key: string]: Json | undefined }, key: string): Json | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
