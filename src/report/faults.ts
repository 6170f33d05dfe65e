import type { Json } from '../core/canonical.ts';
import type { FaultSpec } from '../core/types.ts';
import { clean } from './clean.ts';

/** Characters of all parameters in a table. */
const LONGEST = 60;

/** The parameters of a fault on one line, for people: `direction: egress, to service redis, cidr 10.0.0.0/8`. */
export function faultParameters(fault: FaultSpec): string {
  const all = Object.entries(fault).flatMap(([key, value]) =>
    key === 'type' || value === undefined ? [] : [parameter(key, value)],
  );
  return clean(all.join(', '));
}

/** The same for a table: at most 60 characters. */
export function shortParameters(fault: FaultSpec): string {
  const characters = [...faultParameters(fault)];
  return characters.length <= LONGEST ? characters.join('') : `${characters.slice(0, LONGEST - 1).join('')}…`;
}

function parameter(key: string, value: Json): string {
  const isNested = typeof value === 'object' && value !== null && [value].flat().some(isObject);
  return isNested ? `${key} ${words(value)}` : `${key}: ${words(value)}`;
}

/** `service redis, cidr 10.0.0.0/8` of a list, `service redis project shop` of one object. */
function words(value: Json | undefined): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(words).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key} ${words(one)}`)
    .join(' ');
}

function isObject(value: Json): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
