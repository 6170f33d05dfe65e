import { nearMiss } from './near-miss.ts';

/** ms of a day by UTC. */
export const DAY = 86_400_000;

/**
 * The clock on the wall of a place. A *wall time* is what that clock shows, as ms since 1970 as if it showed UTC; an instant is ms since
 * the epoch. Holds for zones that change at most once in two days, as all of today's do.
 */
export interface Zone {
  /** ms that the wall is ahead of UTC at an instant. */
  offset(at: number): number;
  /** The first instant after `from`, `to` included, from which the wall is set differently. Not for spans of more than two days. */
  change(from: number, to: number): number | undefined;
  /** The instant of a wall time: the first of two where it comes twice, and the moment of the change where it is skipped. */
  instant(wall: number): number;
}

const NOT_NAMES = /^[+-]|^(local|system|default)$/i;

/** Undefined for a name of the IANA time zone database that this Node.js knows, else what is wrong. */
export function timeZoneProblem(timeZone: string): string | undefined {
  if (!NOT_NAMES.test(timeZone) && canFormat(timeZone)) return undefined;
  const near = nearMiss(timeZone, Intl.supportedValuesOf('timeZone'));
  const hint = near === undefined ? '' : `. Did you mean ${near}?`;
  return `expected an IANA name such as Europe/Zurich or UTC, found ${JSON.stringify(timeZone.slice(0, 60))}${hint}`;
}

function canFormat(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone });
    return true;
  } catch {
    return false;
  }
}

const zones = new Map<string, Zone>();

/** The zone of an IANA name. Throws a RangeError for one that `timeZoneProblem` refuses. */
export function zoneOf(timeZone: string): Zone {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const zone = createZone(timeZone);
  zones.set(timeZone, zone);
  return zone;
}

/** A day by UTC: its offsets, and where within it they change. */
interface Offsets {
  before: number;
  /** Infinity where nothing changes. */
  change: number;
  after: number;
}

/** Days that are remembered for each zone: about thirteen years. */
const MOST_DAYS = 5000;

function createZone(timeZone: string): Zone {
  const read = wallReader(timeZone);
  const days = new Map<number, Offsets>();

  function offsetsOf(day: number): Offsets {
    const known = days.get(day);
    if (known !== undefined) return known;
    if (days.size >= MOST_DAYS) days.clear();
    const offsets = readDay(read, day * DAY);
    days.set(day, offsets);
    return offsets;
  }

  function offset(at: number): number {
    const { before, change, after } = offsetsOf(Math.floor(at / DAY));
    return at < change ? before : after;
  }

  function change(from: number, to: number): number | undefined {
    for (let day = Math.floor(from / DAY); day * DAY <= to; day++) {
      const { change: at } = offsetsOf(day);
      if (at > from && at <= to) return at;
    }
    return undefined;
  }

  function instant(wall: number): number {
    const early = offset(wall - DAY);
    if (offset(wall - early) === early) return wall - early;
    const late = offset(wall + DAY);
    if (offset(wall - late) === late) return wall - late;
    return change(wall - DAY, wall + DAY) ?? wall - late;
  }

  return { offset, change, instant };
}

/** The offset of an instant, asked of the runtime: some microseconds. */
type Reader = (at: number) => number;

function readDay(read: Reader, start: number): Offsets {
  const before = read(start);
  const after = read(start + DAY);
  if (before === after) return { before, change: Number.POSITIVE_INFINITY, after };
  let low = start;
  let high = start + DAY;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (read(middle) === before) low = middle;
    else high = middle;
  }
  return { before, change: high, after };
}

function wallReader(timeZone: string): Reader {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (format.resolvedOptions().timeZone === 'UTC') return () => 0;
  return (at) => {
    const second = Math.floor(at / 1000) * 1000;
    const [month = 1, day, year = 1970, hour, minute, s] = (format.format(second).match(/\d+/g) ?? []).map(
      Number,
    );
    return Date.UTC(year, month - 1, day, hour, minute, s) - second;
  };
}
