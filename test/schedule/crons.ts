import fc from 'fast-check';

/** A cron expression and, worked out apart from the sources, what it allows. */
export interface Written {
  text: string;
  minutes: Set<number>;
  hours: Set<number>;
  daysOfWeek: Set<number>;
  everyHours: boolean;
}

const span = (from: number, to: number, by = 1) =>
  Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);

function field(high: number, most: number): fc.Arbitrary<{ text: string; values: number[] }> {
  const value = fc.integer({ min: 0, max: most });
  const list = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
  const step = fc.integer({ min: 1, max: high });
  return fc.oneof(
    fc.constant({ text: '*', values: span(0, high) }),
    step.map((by) => ({ text: `*/${by}`, values: span(0, high, by) })),
    list.map((values) => ({ text: values.join(','), values })),
    fc.tuple(value, value).map(([a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      return { text: `${from}-${to}`, values: span(from, to) };
    }),
  );
}

/** Expressions of whole minutes that like the small hours, where clocks are changed. */
export const written: fc.Arbitrary<Written> = fc
  .record({ minute: field(59, 59), hour: field(23, 4), day: fc.oneof(fc.constant(undefined), fc.nat(6)) })
  .map(({ minute, hour, day }) => ({
    text: `${minute.text} ${hour.text} * * ${day ?? '*'}`,
    minutes: new Set(minute.values),
    hours: new Set(hour.values),
    daysOfWeek: new Set(day === undefined ? span(0, 6) : [day]),
    everyHours: /[*/]/.test(hour.text) || hour.values.length === 24,
  }));

/** Six fields of any kind, days of the month and of the week both given among them. */
export const anyCron: fc.Arbitrary<string> = fc
  .tuple(
    field(59, 59),
    field(59, 59),
    field(23, 23),
    fc.constantFrom('*', '*/2', '1', '29', '31', '1,15', '1-31', '10-20/3', '28/2'),
    fc.constantFrom('*', '*', '2', 'feb-apr', '*/5', '4,jun,9'),
    fc.constantFrom('*', '*', '0', '7', 'mon-fri', '*/3', '5,sun', '0-6', '1-7'),
  )
  .map(([second, minute, hour, ...days]) => [second.text, minute.text, hour.text, ...days].join(' '));

/** The clock on the wall, read apart from the sources. */
export interface Wall {
  /** `2026-03-29` */
  date: string;
  hour: number;
  minute: number;
  second: number;
  dayOfWeek: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

export function wallOf(at: number, timeZone: string): Wall {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
    formats.set(timeZone, format);
  }
  const [date = '', time = ''] = format.format(at).split(' ');
  const [hour = 0, minute = 0, second = 0] = time.split(':').map(Number);
  return { date, hour, minute, second, dayOfWeek: new Date(`${date}T00:00:00Z`).getUTCDay() };
}

/** ms since 1970 that the wall shows, as if it were UTC. */
export function wallMs(at: number, timeZone: string): number {
  const { date, hour, minute, second } = wallOf(at, timeZone);
  return Date.parse(`${date}T00:00:00Z`) + ((hour * 60 + minute) * 60 + second) * 1000;
}
