import { CronTime } from 'cron';
import { DAY, timeZoneProblem, type Zone, zoneOf } from '../core/zone.ts';
import { type CronFields, readFields, splitFields } from './fields.ts';

/** The times of a cron expression in a time zone. */
export interface Cron {
  /** The first slot strictly after `after` (wall ms, UTC); undefined where there is none within 8 years (30 February). */
  next(after: number): number | undefined;
}

const DEFAULT_ZONE = 'UTC';

/**
 * Undefined, or what is wrong with the expression: for the manifest's error message. The dialect is that of the `cron` package, with
 * the @words of crontab(5) and without what nobody can mean though the package lets it pass (a month's name for an hour, a step longer
 * than its field).
 */
export function cronProblem(cron: string, timeZone: string = DEFAULT_ZONE): string | undefined {
  const fields = readFields(cron);
  if ('problem' in fields) return fields.problem;
  return packageProblem(cron) ?? timeZoneProblem(timeZone);
}

/** What the package itself says: nothing is taken for an expression that it would refuse. */
function packageProblem(cron: string): string | undefined {
  const { valid, error } = CronTime.validateCronExpression((splitFields(cron) as string[]).join(' '));
  return valid ? undefined : (error?.message ?? 'the expression is not understood');
}

/**
 * The slots of an expression that `cronProblem` accepts; throws a TypeError on any other. The `cron` package has a say in what an
 * expression is, and in UTC these are its times. They are not taken from it because its walk asks the system's clock how far it may
 * look, fires the second of a repeated time when it is asked between the two, comes out of a gap at the wrong time where January is
 * summer, and takes half a millisecond a night.
 *
 * - Day of month and day of week both given: either matches (crontab(5)).
 * - A fixed time that daylight saving skips comes once, the moment the clock goes on; one that it repeats comes the first time only.
 * - With a wildcard or step in the hour field the time that elapses counts: what is skipped does not come, what is repeated comes
 *   twice. That is Vixie cron's rule (cron(8)), but for the minute field, which it looks at too: a step of minutes in a fixed hour
 *   comes in one hour of each night here, never in none or two.
 */
export function parseCron(cron: string, timeZone: string = DEFAULT_ZONE): Cron {
  const fields = readFields(cron);
  const problem = 'problem' in fields ? fields.problem : timeZoneProblem(timeZone);
  if ('problem' in fields || problem !== undefined)
    throw new TypeError(`not a cron expression: ${JSON.stringify(cron)}: ${problem}`);
  const zone = zoneOf(timeZone);
  return { next: (after) => (fields.everyHours ? nextElapsed : nextOnWall)(fields, zone, after) };
}

/** Wall time by wall time: instants never run backwards along it, as a repeated time counts where it comes first. */
function nextOnWall(fields: CronFields, zone: Zone, after: number): number | undefined {
  let wall: number | undefined = after + zone.offset(after);
  for (;;) {
    wall = nextWall(fields, wall);
    if (wall === undefined) return undefined;
    const at = zone.instant(wall);
    if (at > after) return at;
  }
}

/** Stretch by stretch between changes of the offset: within one, wall time and elapsed time are the same. */
function nextElapsed(fields: CronFields, zone: Zone, after: number): number | undefined {
  let from = after + 1;
  for (;;) {
    const offset = zone.offset(from);
    const wall = nextWall(fields, from + offset - 1) ?? Number.POSITIVE_INFINITY;
    const change = zone.change(from, from + DAY);
    if (wall - offset < (change ?? from + DAY)) return wall - offset;
    if (change === undefined && wall === Number.POSITIVE_INFINITY) return undefined;
    // No wall time up to `wall` matches, so no instant does either, but for those that a change just ahead repeats.
    from = change ?? Math.max(from + DAY, wall - 2 * DAY);
  }
}

const YEARS_AHEAD = 8;

/** The first matching wall time strictly after another, whatever the zone; undefined past the eighth year from there. */
function nextWall(fields: CronFields, after: number): number | undefined {
  const from = (Math.floor(after / 1000) + 1) * 1000;
  const first = Math.floor(from / DAY);
  const lastYear = new Date(from).getUTCFullYear() + YEARS_AHEAD;
  for (let day = first; ; day++) {
    const date = new Date(day * DAY);
    if (date.getUTCFullYear() > lastYear) return undefined;
    if (!dayMatches(fields, date)) continue;
    const time = timeOfDay(fields, day === first ? (from - day * DAY) / 1000 : 0);
    if (time !== undefined) return day * DAY + time * 1000;
  }
}

function dayMatches({ months, daysOfMonth, daysOfWeek }: CronFields, date: Date): boolean {
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const inMonth = daysOfMonth.includes(date.getUTCDate());
  const inWeek = daysOfWeek.includes(date.getUTCDay());
  return daysOfMonth.length < 31 && daysOfWeek.length < 7 ? inMonth || inWeek : inMonth && inWeek;
}

/** Seconds since midnight of the first matching time at `from` (of the same unit) or later. */
function timeOfDay({ hours, minutes, seconds }: CronFields, from: number): number | undefined {
  const [hour, minute, second] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60];
  const earliest = (minutes[0] as number) * 60 + (seconds[0] as number);
  for (const h of hours.filter((one) => one >= hour)) {
    if (h > hour) return h * 3600 + earliest;
    for (const m of minutes.filter((one) => one >= minute)) {
      if (m > minute) return h * 3600 + m * 60 + (seconds[0] as number);
      const s = seconds.find((one) => one >= second);
      if (s !== undefined) return h * 3600 + m * 60 + s;
    }
  }
  return undefined;
}

/** The latest slot at or before `until`; undefined where there is none for eight years. */
export function latestSlot(cron: Cron, until: number): number | undefined {
  const comes = (after: number): number | undefined => {
    const slot = cron.next(after);
    return slot === undefined || slot > until ? undefined : slot;
  };
  let back = 1000;
  let slot = comes(until - back);
  while (slot === undefined) {
    back *= 2;
    if (back > 2 * YEARS_AHEAD * 366 * DAY) return undefined;
    slot = comes(until - back);
  }
  for (let high = until; high - slot > 1; ) {
    const middle = Math.floor((slot + high) / 2);
    const later = comes(middle);
    if (later === undefined) high = middle;
    else slot = later;
  }
  return slot;
}

/** How many slots come after `after`, up to and with `until`. Counts to `most` and no further. */
export function countSlots(cron: Cron, after: number, until: number, most: number): number {
  let count = 0;
  for (let slot = cron.next(after); slot !== undefined && slot <= until && count < most; ) {
    count += 1;
    slot = cron.next(slot);
  }
  return count;
}
