import type { PolicySpec, TimeWindow } from '../../core/kinds.ts';
import { DAY, type Zone, zoneOf } from '../../core/zone.ts';

export type WindowsSpec = NonNullable<PolicySpec['windows']>;

/** Whether chaos may run, and the next instant (wall ms) from which that is otherwise; Infinity where none is in sight. */
export interface Opening {
  open: boolean;
  until: number;
}

/** A window as it can be computed with. Days are counted from 1970-01-01, times are ms from their midnight. */
interface Span {
  zone: Zone;
  /** 0 is Sunday; undefined: every day. */
  weekdays: ReadonlySet<number> | undefined;
  /** First and last days; undefined: every day. */
  dates: [first: number, last: number][] | undefined;
  from: number;
  to: number;
  /** A window that denies is as long as the clock on the wall can make it, one that allows as short. */
  denies: boolean;
}

/** The windows of one Policy, ready to be asked; answers are kept, for each holds until the next change. */
export interface Windows {
  /** The zone in which a person thinks of them. */
  timeZone: string;
  allow: Span[] | undefined;
  deny: Span[];
  known: (Opening & { from: number })[];
}

const compiled = new WeakMap<WindowsSpec, Windows>();

/** Of a spec that matches its schema. */
export function windowsOf(spec: WindowsSpec): Windows {
  const known = compiled.get(spec);
  if (known) return known;
  const timeZone = spec.timeZone ?? 'UTC';
  const windows: Windows = {
    timeZone,
    allow: spec.allow?.map((window) => spanOf(window, timeZone, false)),
    deny: (spec.deny ?? []).map((window) => spanOf(window, timeZone, true)),
    known: [],
  };
  compiled.set(spec, windows);
  return windows;
}

/** Changes that are looked through for one after which it is otherwise: some years of windows that come every day. */
const MOST_CHANGES = 4000;
const MOST_KNOWN = 200;

/**
 * Within one of `allow` (where there is any) and none of `deny`. Where a clock on the wall shows an end of a window twice, or never
 * (daylight saving), the end counts that leaves less time to chaos.
 */
export function openUntil(windows: Windows, now: number): Opening {
  const found = windows.known.find(({ from, until }) => from <= now && now < until);
  if (found) return { open: found.open, until: found.until };
  const { open, next } = stateAt(windows, now);
  const until = nextChange(windows, open, next);
  windows.known = [{ open, from: now, until }, ...windows.known.slice(0, MOST_KNOWN - 1)];
  return { open, until };
}

/** The first of the instants from `next` on, at which something begins or ends, that makes a difference. */
function nextChange(windows: Windows, open: boolean, next: number): number {
  let at = next;
  for (let changes = 0; changes < MOST_CHANGES && Number.isFinite(at); changes += 1) {
    const later = stateAt(windows, at);
    if (later.open !== open) return at;
    at = later.next;
  }
  return Number.POSITIVE_INFINITY;
}

function stateAt({ allow, deny }: Windows, at: number): { open: boolean; next: number } {
  const allowed = allow?.map((span) => spanAt(span, at));
  const denied = deny.map((span) => spanAt(span, at));
  const open = (allowed?.some(({ inside }) => inside) ?? true) && !denied.some(({ inside }) => inside);
  return { open, next: Math.min(...[...(allowed ?? []), ...denied].map(({ next }) => next)) };
}

/** Whether the instant is within the window, and the next one at which it begins or ends. */
function spanAt(span: Span, at: number): { inside: boolean; next: number } {
  const today = Math.floor((at + span.zone.offset(at)) / DAY);
  let inside = false;
  let next = Number.POSITIVE_INFINITY;
  // One that began the day before yesterday may end today.
  for (let day = nextDay(span, today - 2); day !== undefined; day = nextDay(span, day + 1)) {
    const [start, end] = ends(span, day);
    if (start > at) return { inside, next: Math.min(next, start) };
    if (end <= at) continue;
    inside = true;
    next = Math.min(next, end);
  }
  return { inside, next };
}

function ends({ zone, from, to, denies }: Span, day: number): [start: number, end: number] {
  const [start, end] = [day * DAY + from, day * DAY + to];
  if (denies) return [zone.instant(start), lastInstant(zone, end)];
  return [lastInstant(zone, start), zone.instant(end)];
}

/** The later of the two instants at which the wall shows this; the only one otherwise. */
function lastInstant(zone: Zone, wall: number): number {
  const late = zone.offset(wall + DAY);
  return zone.offset(wall - late) === late ? wall - late : zone.instant(wall);
}

/** The first day from `day` on that the window begins on; undefined where none comes. */
function nextDay({ weekdays, dates }: Span, day: number): number | undefined {
  const spans = dates ?? [[day, day + 6] as const];
  const found = spans
    .map(([first, last]) => firstWeekday(weekdays, Math.max(first, day), last))
    .filter((one) => one !== undefined);
  return found.length > 0 ? Math.min(...found) : undefined;
}

function firstWeekday(
  weekdays: ReadonlySet<number> | undefined,
  first: number,
  last: number,
): number | undefined {
  for (let day = first; day <= Math.min(last, first + 6); day += 1)
    if (weekdays?.has(weekdayOf(day)) ?? true) return day;
  return undefined;
}

/** 0 is Sunday; 1970-01-01 was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function spanOf({ days, from, to, dates, timeZone }: TimeWindow, common: string, denies: boolean): Span {
  const start = timeOf(from ?? '00:00');
  const end = timeOf(to ?? '24:00');
  return {
    zone: zoneOf(timeZone ?? common),
    weekdays: days && new Set(days.flatMap(weekdaysOf)),
    dates: dates?.map(datesOf),
    from: start,
    to: end > start ? end : end + DAY,
    denies,
  };
}

/** `fri-mon` goes over the end of the week. */
function weekdaysOf(text: string): number[] {
  const [first = '', last = first] = text.split('-');
  const [low, high] = [WEEKDAYS.indexOf(first), WEEKDAYS.indexOf(last)];
  const length = ((high - low + 7) % 7) + 1;
  return Array.from({ length }, (_, index) => (low + index) % 7);
}

function datesOf(text: string): [first: number, last: number] {
  const [first = '', last = first] = text.split('/');
  return [dayOf(first), dayOf(last)];
}

function dayOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY;
}

function timeOf(text: string): number {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return (hours * 60 + minutes) * 60_000;
}
