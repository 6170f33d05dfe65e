import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronTime } from 'cron';
import fc from 'fast-check';
import { countSlots, latestSlot, parseCron } from '../../src/schedule/slots.ts';
import { anyCron, type Written, wallMs, wallOf, written } from './crons.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Summer time of an hour, of half an hour, of two; changes at midnight; summer in January; winter time by law; a day left out. */
const CHANGES: [zone: string, around: string][] = [
  ['Europe/Zurich', '2026-03-29T01:00Z'],
  ['Europe/Zurich', '2026-10-25T01:00Z'],
  ['America/New_York', '2026-03-08T07:00Z'],
  ['America/New_York', '2026-11-01T06:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30Z'],
  ['Antarctica/Troll', '2026-03-29T01:00Z'],
  ['Antarctica/Troll', '2026-10-25T01:00Z'],
  ['America/Santiago', '2026-04-05T03:00Z'],
  ['America/Santiago', '2026-09-06T04:00Z'],
  ['Europe/Dublin', '2026-03-29T01:00Z'],
  ['Europe/Dublin', '2026-10-25T01:00Z'],
  ['America/St_Johns', '2026-11-01T04:30Z'],
  ['Pacific/Apia', '2011-12-30T10:00Z'],
];
const ZONES = [...new Set(CHANGES.map(([zone]) => zone)), 'UTC', 'Asia/Kathmandu'];

const zone = fc.constantFrom(...ZONES);
const change = fc.constantFrom(...CHANGES);
/** Any moment of 2024 to 2028, or one near a change. */
const moment = fc.oneof(
  fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2029, 0) }),
  fc
    .tuple(change, fc.integer({ min: -26 * HOUR, max: 26 * HOUR }))
    .map(([[, around], by]) => Date.parse(around) + by),
);

function slots(cron: string, timeZone: string, from: string, count: number): string[] {
  const { next } = parseCron(cron, timeZone);
  const all: string[] = [];
  for (let at = next(Date.parse(from)); at !== undefined && all.length < count; at = next(at))
    all.push(new Date(at).toISOString().replace(':00.000Z', 'Z'));
  return all;
}

describe('the slots of an expression', () => {
  const known: [why: string, cron: string, zone: string, from: string, want: string[]][] = [
    ['come strictly after', '0 2 * * *', 'UTC', '2026-05-01T02:00Z', ['2026-05-02T02:00Z']],
    [
      'come within the same second not',
      '0 2 * * *',
      'UTC',
      '2026-05-01T01:59:59.999Z',
      ['2026-05-01T02:00Z'],
    ],
    [
      'have seconds with six fields',
      '*/20 59 23 31 12 *',
      'UTC',
      '2026-12-31T23:59:10Z',
      ['2026-12-31T23:59:20.000Z', '2026-12-31T23:59:40.000Z', '2027-12-31T23:59Z'],
    ],
    ['know leap days', '0 0 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T00:00Z', '2032-02-29T00:00Z']],
    [
      'know that 2100 has none',
      '0 0 29 2 *',
      'UTC',
      '2096-01-01T00:00Z',
      ['2096-02-29T00:00Z', '2104-02-29T00:00Z'],
    ],
    ['end where no date fits', '0 0 30 2 *', 'UTC', '2026-01-01T00:00Z', []],
    ['end where no date fits, by elapsed time too', '0 * 31 4 *', 'Europe/Zurich', '2026-01-01T00:00Z', []],
    [
      'match a day of the month or of the week, where both are given',
      '0 12 13 * fri',
      'UTC',
      '2026-02-10T00:00Z',
      [
        '2026-02-13T12:00Z',
        '2026-02-20T12:00Z',
        '2026-02-27T12:00Z',
        '2026-03-06T12:00Z',
        '2026-03-13T12:00Z',
      ],
    ],
    [
      'that daylight saving skips come once, right after the gap',
      '30 2 * * *',
      'Europe/Zurich',
      '2026-03-27T12:00Z',
      ['2026-03-28T01:30Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    ],
    [
      'that are skipped together with one at the gap’s end come once',
      '0,30 2,3 * * *',
      'Europe/Zurich',
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00Z', '2026-03-29T01:30Z', '2026-03-30T00:00Z'],
    ],
    [
      'that daylight saving repeats come the first time only',
      '30 2 * * *',
      'Europe/Zurich',
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ],
    [
      'are not looked for in the past, asked in the repeated hour',
      '45 2 * * *',
      'Europe/Zurich',
      '2026-10-25T01:10Z',
      ['2026-10-26T01:45Z'],
    ],
    [
      'skipped where summer is in January come right after the gap',
      '10 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T12:00Z',
      ['2026-10-03T15:30Z', '2026-10-04T15:10Z'],
    ],
    [
      'skipped at midnight stay on their day',
      '15 0 * * *',
      'America/Santiago',
      '2026-09-05T12:00Z',
      ['2026-09-06T04:00Z', '2026-09-07T03:15Z'],
    ],
    [
      'of every half hour pass over a gap',
      '*/30 * * * *',
      'Europe/Zurich',
      '2026-03-29T00:00Z',
      ['2026-03-29T00:30Z', '2026-03-29T01:00Z', '2026-03-29T01:30Z'],
    ],
    [
      'of every hour come in both of a repeated one',
      '0 * * * *',
      'Europe/Zurich',
      '2026-10-24T23:30Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      'of every hour written as a span do too',
      '0 0-23 * * *',
      'Europe/Zurich',
      '2026-10-24T23:30Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      'of a step of hours miss one that is skipped',
      '0 */2 * * *',
      'Europe/Zurich',
      '2026-03-28T22:30Z',
      ['2026-03-28T23:00Z', '2026-03-29T02:00Z', '2026-03-29T04:00Z'],
    ],
    [
      'of a step of hours come in both of a repeated one, however it is written',
      '0 2/12 * * *',
      'Europe/Zurich',
      '2026-10-24T23:30Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T13:00Z'],
    ],
    [
      'of a step from a number on go to the end of the field',
      '5/20 2 * * *',
      'UTC',
      '2026-05-01T00:00Z',
      ['2026-05-01T02:05Z', '2026-05-01T02:25Z', '2026-05-01T02:45Z', '2026-05-02T02:05Z'],
    ],
    [
      'of a step of minutes in a fixed hour come in one of two',
      '*/30 2 * * *',
      'Europe/Zurich',
      '2026-10-24T12:00Z',
      ['2026-10-25T00:00Z', '2026-10-25T00:30Z', '2026-10-26T01:00Z'],
    ],
    [
      '@hourly go by elapsed time',
      '@hourly',
      'America/New_York',
      '2026-11-01T05:30Z',
      ['2026-11-01T06:00Z', '2026-11-01T07:00Z'],
    ],
    ['@daily are midnights', '@daily', 'America/New_York', '2026-11-01T05:30Z', ['2026-11-02T05:00Z']],
    ['@midnight are too', '@midnight', 'UTC', '2026-11-01T05:30Z', ['2026-11-02T00:00Z']],
    ['@weekly are Sundays', '@weekly', 'UTC', '2026-11-02T05:30Z', ['2026-11-08T00:00Z']],
    ['@monthly are firsts', '@monthly', 'UTC', '2026-11-02T05:30Z', ['2026-12-01T00:00Z']],
    ['@yearly are first of January', '@yearly', 'UTC', '2026-11-02T05:30Z', ['2027-01-01T00:00Z']],
    ['@annually are too', '@annually', 'UTC', '2026-11-02T05:30Z', ['2027-01-01T00:00Z']],
  ];
  for (const [why, cron, timeZone, from, want] of known)
    it(why, () => {
      assert.deepEqual(slots(cron, timeZone, from, Math.max(1, want.length)), want);
    });

  it('are in UTC where no zone is given', () => {
    assert.equal(parseCron('0 2 * * *').next(0), 2 * HOUR);
  });

  it('come after what was asked for, in order, and are their own neighbours', () => {
    fc.assert(
      fc.property(anyCron, zone, moment, fc.nat(3 * DAY), (cron, timeZone, after, by) => {
        const { next } = parseCron(cron, timeZone);
        const slot = next(after);
        if (slot === undefined) return;
        assert.ok(slot > after && slot % 1000 === 0);
        assert.equal(next(slot - 1), slot);
        const later = next(after + by);
        assert.ok(later === undefined || later >= slot);
        assert.equal(next(after + (slot - after - 1) * (by / (3 * DAY))), slot);
      }),
      { numRuns: 500 },
    );
  });

  it('show what the expression says on the wall, but for the end of a gap', () => {
    fc.assert(
      fc.property(written, zone, moment, (cron, timeZone, after) => {
        const slot = parseCron(cron.text, timeZone).next(after);
        assert.ok(slot !== undefined);
        if (matches(cron, slot, timeZone)) return;
        assert.ok(!cron.everyHours, `${cron.text} at ${new Date(slot).toISOString()}`);
        assert.ok(skipped(slot, timeZone).some((wall) => allows(cron, wall)));
      }),
      { numRuns: 500 },
    );
  });

  it('are those that a walk minute by minute finds, around each change', () => {
    fc.assert(
      fc.property(
        written,
        change,
        fc.integer({ min: -5 * HOUR, max: 5 * HOUR }),
        (cron, [timeZone, at], by) => {
          const around = Date.parse(at);
          const { next } = parseCron(cron.text, timeZone);
          const slot = next(around + by) as number;
          const want = walk(cron, timeZone, around + by, around + 30 * HOUR);
          if (want === undefined) assert.ok(slot > around + 30 * HOUR);
          else assert.equal(new Date(slot).toISOString(), new Date(want).toISOString(), cron.text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are those of the cron package, in UTC', () => {
    const past = fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2026, 0) });
    fc.assert(
      fc.property(anyCron, past, (cron, after) => {
        assert.equal(parseCron(cron).next(after), byPackage(cron, after));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a year of nights', () => {
  for (const timeZone of ['Europe/Zurich', 'America/New_York', 'Australia/Lord_Howe'])
    for (const year of [2026, 2028])
      it(`has one on each day of ${year} in ${timeZone}`, () => {
        const { next } = parseCron('30 2 * * *', timeZone);
        const days: string[] = [];
        const started = performance.now();
        for (let at = Date.UTC(year - 1, 11, 30); days.at(-1) !== `${year + 1}-01-01`; ) {
          at = next(at) as number;
          days.push(wallOf(at, timeZone).date);
        }
        assert.ok(performance.now() - started < 500);
        const nights = days.filter((day) => day.startsWith(`${year}`));
        assert.equal(nights.length, year === 2028 ? 366 : 365);
        assert.equal(new Set(nights).size, nights.length);
      });
});

describe('latestSlot and countSlots', () => {
  it('find what walking forward finds', () => {
    fc.assert(
      fc.property(written, zone, moment, fc.nat(3 * DAY), (written, timeZone, after, by) => {
        const cron = parseCron(written.text, timeZone);
        const all: number[] = [];
        for (let at = cron.next(after); at !== undefined && at <= after + by; at = cron.next(at))
          all.push(at);
        assert.equal(countSlots(cron, after, after + by, 10_000), all.length);
        assert.equal(countSlots(cron, after, after + by, 7), Math.min(7, all.length));
        const latest = latestSlot(cron, after + by) as number;
        if (all.length > 0) assert.equal(latest, all.at(-1));
        else assert.ok(latest <= after && (cron.next(latest) as number) > after + by);
      }),
      { numRuns: 100 },
    );
  });

  it('find nothing where there is nothing', () => {
    const never = parseCron('0 0 30 2 *');
    assert.equal(latestSlot(never, Date.UTC(2026, 0)), undefined);
    assert.equal(countSlots(never, 0, Date.UTC(2026, 0), 10), 0);
  });
});

/** Undefined where it gives up: a date that never comes. */
function byPackage(cron: string, after: number): number | undefined {
  const time = new CronTime(cron, 'UTC');
  try {
    return time.getNextDateFrom(new Date(after), 'UTC').toMillis();
  } catch {
    return undefined;
  }
}

function allows(cron: Written, wall: number): boolean {
  const date = new Date(wall);
  return (
    cron.minutes.has(date.getUTCMinutes()) &&
    cron.hours.has(date.getUTCHours()) &&
    cron.daysOfWeek.has(date.getUTCDay()) &&
    date.getUTCSeconds() === 0
  );
}

function matches(cron: Written, at: number, timeZone: string): boolean {
  return allows(cron, wallMs(at, timeZone));
}

/** The whole minutes that the wall leaves out just before an instant. */
function skipped(at: number, timeZone: string): number[] {
  const before = wallMs(at - 60_000, timeZone) + 60_000;
  const after = wallMs(at, timeZone);
  return Array.from(
    { length: Math.max(0, (after - before) / 60_000) },
    (_, index) => before + index * 60_000,
  );
}

/** By definition: the first whole minute after `after` that the wall shows so (for the first time), or that ends a gap with such a one. */
function walk(cron: Written, timeZone: string, after: number, until: number): number | undefined {
  let latest = Number.NEGATIVE_INFINITY;
  for (let at = Math.floor(after / 60_000) * 60_000 - 27 * HOUR; at <= until; at += 60_000) {
    const wall = wallMs(at, timeZone);
    const again = wall <= latest;
    const gap = latest !== Number.NEGATIVE_INFINITY && wall > latest + 60_000;
    latest = Math.max(latest, wall);
    if (at <= after) continue;
    if (cron.everyHours ? allows(cron, wall) : !again && allows(cron, wall)) return at;
    if (!cron.everyHours && gap && skipped(at, timeZone).some((one) => allows(cron, one))) return at;
  }
  return undefined;
}
