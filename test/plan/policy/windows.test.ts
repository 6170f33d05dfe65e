import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TimeWindow } from '../../../src/core/kinds.ts';
import { openUntil, type WindowsSpec, windowsOf } from '../../../src/plan/policy/windows.ts';

const MINUTE = 60_000;
const at = (text: string) => Date.parse(text);

/** `open until 2026-11-24T17:00Z`, or `shut` for ever. */
function say(spec: WindowsSpec, now: string): string {
  const { open, until } = openUntil(windowsOf(spec), at(now));
  const end = Number.isFinite(until)
    ? ` until ${new Date(until).toISOString().replace(':00.000Z', 'Z')}`
    : ' for good';
  return `${open ? 'open' : 'shut'}${end}`;
}

const OFFICE: TimeWindow = { days: ['mon-fri'], from: '09:00', to: '17:00' };
const NIGHT: TimeWindow = { from: '22:00', to: '06:00' };

// 2026-11-24 is a Tuesday.
const CASES: [what: string, spec: WindowsSpec, now: string, said: string][] = [
  ['within an allowed window', { allow: [OFFICE] }, '2026-11-24T12:00Z', 'open until 2026-11-24T17:00Z'],
  ['at its first moment', { allow: [OFFICE] }, '2026-11-24T09:00Z', 'open until 2026-11-24T17:00Z'],
  ['at its last moment', { allow: [OFFICE] }, '2026-11-24T17:00Z', 'shut until 2026-11-25T09:00Z'],
  ['before it', { allow: [OFFICE] }, '2026-11-24T08:59Z', 'shut until 2026-11-24T09:00Z'],
  ['over a weekend', { allow: [OFFICE] }, '2026-11-27T18:00Z', 'shut until 2026-11-30T09:00Z'],
  ['in a window over midnight', { allow: [NIGHT] }, '2026-11-24T23:00Z', 'open until 2026-11-25T06:00Z'],
  ['in it after midnight', { allow: [NIGHT] }, '2026-11-25T01:00Z', 'open until 2026-11-25T06:00Z'],
  [
    'over midnight, by the day it began on',
    { allow: [{ ...NIGHT, days: ['fri'] }] },
    '2026-11-28T05:59Z',
    'open until 2026-11-28T06:00Z',
  ],
  [
    'not on the night before the day it begins on',
    { allow: [{ ...NIGHT, days: ['fri'] }] },
    '2026-11-27T05:00Z',
    'shut until 2026-11-27T22:00Z',
  ],
  [
    'on days over the end of a week',
    { allow: [{ days: ['sat-mon'] }] },
    '2026-11-29T12:00Z',
    'open until 2026-12-01T00:00Z',
  ],
  [
    'without times: all day',
    { allow: [{ days: ['tue'] }] },
    '2026-11-24T00:00Z',
    'open until 2026-11-25T00:00Z',
  ],
  ['to midnight', { allow: [{ from: '20:00' }] }, '2026-11-24T21:00Z', 'open until 2026-11-25T00:00Z'],
  [
    'to 24:00',
    { allow: [{ from: '20:00', to: '24:00' }] },
    '2026-11-24T21:00Z',
    'open until 2026-11-25T00:00Z',
  ],
  ['from midnight', { allow: [{ to: '06:00' }] }, '2026-11-24T05:00Z', 'open until 2026-11-24T06:00Z'],
  [
    'from and to alike: a whole day from there on',
    { allow: [{ days: ['mon'], from: '09:00', to: '09:00' }] },
    '2026-11-24T08:59Z',
    'open until 2026-11-24T09:00Z',
  ],
  ['every day, all day: always', { allow: [{ from: '00:00' }] }, '2026-11-24T08:59Z', 'open for good'],
  ['within one that is denied', { deny: [OFFICE] }, '2026-11-24T12:00Z', 'shut until 2026-11-24T17:00Z'],
  ['outside of it', { deny: [OFFICE] }, '2026-11-27T17:00Z', 'open until 2026-11-30T09:00Z'],
  [
    'where denied and allowed',
    { allow: [OFFICE], deny: [{ from: '12:00', to: '13:00' }] },
    '2026-11-24T12:30Z',
    'shut until 2026-11-24T13:00Z',
  ],
  [
    'before what is denied within what is allowed',
    { allow: [OFFICE], deny: [{ from: '12:00', to: '13:00' }] },
    '2026-11-24T09:30Z',
    'open until 2026-11-24T12:00Z',
  ],
  [
    'over windows that follow each other',
    { allow: [OFFICE, { days: ['tue'], from: '17:00', to: '20:00' }] },
    '2026-11-24T12:00Z',
    'open until 2026-11-24T20:00Z',
  ],
  [
    'on the days of a span of dates',
    { deny: [{ dates: ['2026-12-20/2027-01-03'] }] },
    '2026-12-24T12:00Z',
    'shut until 2027-01-04T00:00Z',
  ],
  [
    'long before it',
    { deny: [{ dates: ['2028-12-20/2029-01-03'] }] },
    '2026-12-24T12:00Z',
    'open until 2028-12-20T00:00Z',
  ],
  ['after the last date', { allow: [{ dates: ['2026-11-23'] }] }, '2026-11-24T12:00Z', 'shut for good'],
  [
    'on a day of the week within dates',
    { allow: [{ dates: ['2026-11-20/2026-11-30'], days: ['sat'] }] },
    '2026-11-24T12:00Z',
    'shut until 2026-11-28T00:00Z',
  ],
  [
    'after the last such day',
    { allow: [{ dates: ['2026-11-20/2026-11-30'], days: ['sat'] }] },
    '2026-11-29T00:00Z',
    'shut for good',
  ],
  [
    'in a zone',
    { timeZone: 'America/New_York', allow: [OFFICE] },
    '2026-11-24T13:59Z',
    'shut until 2026-11-24T14:00Z',
  ],
  [
    'in the zone of the window itself',
    { timeZone: 'America/New_York', allow: [{ ...OFFICE, timeZone: 'Asia/Kolkata' }] },
    '2026-11-24T04:00Z',
    'open until 2026-11-24T11:30Z',
  ],
];

describe('windows', () => {
  for (const [what, spec, now, said] of CASES)
    it(`${what}: ${said.split(' ')[0]}`, () => {
      assert.equal(say(spec, now), said);
    });

  it('tell by a kept answer what they would tell anew', () => {
    const spec: WindowsSpec = { allow: [OFFICE] };
    const windows = windowsOf(spec);
    for (const now of ['2026-11-24T12:00Z', '2026-11-24T16:59Z', '2026-11-24T17:00Z', '2026-11-24T12:00Z'])
      assert.deepEqual(openUntil(windows, at(now)), openUntil(windowsOf({ allow: [OFFICE] }), at(now)));
  });
});

// 2026-03-29 02:00 -> 03:00 (01:00Z), 2026-10-25 03:00 -> 02:00 (01:00Z).
const ZURICH = { timeZone: 'Europe/Zurich' };
const DAYLIGHT: typeof CASES = [
  [
    'a window of an hour that is skipped',
    { ...ZURICH, allow: [{ from: '02:00', to: '03:00' }] },
    '2026-03-28T12:00Z',
    'shut until 2026-03-30T00:00Z',
  ],
  [
    'a window that begins within the hour that is skipped',
    { ...ZURICH, allow: [{ from: '02:30', to: '05:00' }] },
    '2026-03-29T00:59Z',
    'shut until 2026-03-29T01:00Z',
  ],
  [
    'a window over the hour that is skipped',
    { ...ZURICH, allow: [NIGHT] },
    '2026-03-29T00:00Z',
    'open until 2026-03-29T04:00Z',
  ],
  [
    'an allowed window that ends within the hour that comes twice: at the first end',
    { ...ZURICH, allow: [{ from: '22:00', to: '02:30' }] },
    '2026-10-25T00:00Z',
    'open until 2026-10-25T00:30Z',
  ],
  [
    'an allowed window that begins there: at the second beginning',
    { ...ZURICH, allow: [{ from: '02:30', to: '05:00' }] },
    '2026-10-25T00:45Z',
    'shut until 2026-10-25T01:30Z',
  ],
  [
    'an allowed window within the hour that comes twice: not that night',
    { ...ZURICH, allow: [{ from: '02:10', to: '02:20' }] },
    '2026-10-25T00:15Z',
    'shut until 2026-10-26T01:10Z',
  ],
  [
    'a denied window that ends there: at the second end',
    { ...ZURICH, deny: [{ from: '22:00', to: '02:30' }] },
    '2026-10-25T00:45Z',
    'shut until 2026-10-25T01:30Z',
  ],
  [
    'a denied window that begins there: at the first beginning',
    { ...ZURICH, deny: [{ from: '02:30', to: '05:00' }] },
    '2026-10-25T00:00Z',
    'open until 2026-10-25T00:30Z',
  ],
  [
    'the same time of day on both sides of the change',
    { ...ZURICH, allow: [OFFICE] },
    '2026-10-23T16:00Z',
    'shut until 2026-10-26T08:00Z',
  ],
  [
    'half an hour of daylight saving',
    { timeZone: 'Australia/Lord_Howe', allow: [{ from: '03:00', to: '04:00' }] },
    '2026-10-03T12:00Z',
    'shut until 2026-10-03T16:00Z',
  ],
];

describe('daylight saving', () => {
  for (const [what, spec, now, said] of DAYLIGHT)
    it(`${what}: ${said.split(' ')[0]}`, () => {
      assert.equal(say(spec, now), said);
    });
});

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const time = fc.integer({ min: 0, max: 48 }).map((half) => {
  return `${String(Math.floor(half / 2)).padStart(2, '0')}:${half % 2 === 0 ? '00' : '30'}`;
});
const window: fc.Arbitrary<TimeWindow> = fc.record(
  {
    days: fc.array(
      fc
        .tuple(fc.constantFrom(...DAYS), fc.constantFrom(...DAYS))
        .map(([a, b]) => (a === b ? a : `${a}-${b}`)),
      { minLength: 1, maxLength: 2 },
    ),
    from: time,
    to: time,
    dates: fc.constantFrom(['2026-11-24'], ['2026-11-20/2026-11-26', '2026-12-01/2026-12-31']),
  },
  { requiredKeys: [] },
);
const spec: fc.Arbitrary<WindowsSpec> = fc.record(
  {
    allow: fc.array(window, { minLength: 1, maxLength: 3 }),
    deny: fc.array(window, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);

const DAY = 24 * 60;

/** Straight from the words of the reference, for UTC: minutes since 1970. */
function naive({ allow, deny = [] }: WindowsSpec, now: number): boolean {
  const inside = ({ days, from = '00:00', to = '24:00', dates }: TimeWindow) => {
    const [start, end] = [from, to].map((text) => {
      const [hours, minutes] = text.split(':').map(Number);
      return (hours ?? 0) * 60 + (minutes ?? 0);
    }) as [number, number];
    const length = end > start ? end - start : end + DAY - start;
    return [0, 1, 2].some((back) => {
      const day = Math.floor(now / DAY) - back;
      const begins = day * DAY + start;
      return on(day, days, dates) && begins <= now && now < begins + length;
    });
  };
  return (allow?.some(inside) ?? true) && !deny.some(inside);
}

function on(day: number, days: string[] | undefined, dates: string[] | undefined): boolean {
  const date = new Date(day * DAY * MINUTE);
  const weekday = date.getUTCDay();
  const isOn = (text: string) => {
    const [first, last] = text.split('-').map((name) => DAYS.indexOf(name)) as [number, number?];
    if (last === undefined) return weekday === first;
    return first <= last ? weekday >= first && weekday <= last : weekday >= first || weekday <= last;
  };
  const iso = date.toISOString().slice(0, 10);
  const within = (text: string) => {
    const [first = '', last = first] = text.split('/');
    return first <= iso && iso <= last;
  };
  return (days?.some(isOn) ?? true) && (dates?.some(within) ?? true);
}

describe('any windows', () => {
  it('are open when the words say so, until the words say otherwise', () => {
    const start = at('2026-11-22T00:00Z') / MINUTE;
    fc.assert(
      fc.property(spec, fc.integer({ min: 0, max: 6 * DAY }), (given, minutes) => {
        const now = start + minutes;
        const { open, until } = openUntil(windowsOf(given), now * MINUTE);
        assert.equal(open, naive(given, now));
        const end = Math.min(until / MINUTE, now + 60 * DAY);
        for (let minute = now; minute < end; minute += 30) assert.equal(naive(given, minute), open);
        if (until / MINUTE < now + 60 * DAY) assert.equal(naive(given, until / MINUTE), !open);
      }),
      { numRuns: 300 },
    );
  });

  it('are asked fast', () => {
    const windows = Array.from({ length: 20 }, (): WindowsSpec => ({ ...ZURICH, allow: [OFFICE, NIGHT] }));
    const started = performance.now();
    for (const one of windows) openUntil(windowsOf(one), at('2026-11-24T12:00Z'));
    assert.ok((performance.now() - started) / windows.length < 20, 'ms each');
  });
});
