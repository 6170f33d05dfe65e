import { nearMiss } from '../core/near-miss.ts';

/** What a cron expression says, by field. Each list is sorted, holds each value once, and is never empty. */
export interface CronFields {
  seconds: number[];
  minutes: number[];
  hours: number[];
  /** From 1. */
  daysOfMonth: number[];
  /** From 1. */
  months: number[];
  /** 0 is Sunday; there is no 7. */
  daysOfWeek: number[];
  /** The hour field has a wildcard or a step, or allows every hour: these times go by what elapses, not by the clock on the wall. */
  everyHours: boolean;
}

interface Rule {
  name: string;
  low: number;
  high: number;
  /** Words for the values from `low` on. */
  words?: readonly string[];
  /** What to write, after "expected". */
  expected: string;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const RULES = [
  { name: 'second', low: 0, high: 59, expected: '0 to 59' },
  { name: 'minute', low: 0, high: 59, expected: '0 to 59' },
  { name: 'hour', low: 0, high: 23, expected: '0 to 23' },
  { name: 'day of month', low: 1, high: 31, expected: '1 to 31' },
  { name: 'month', low: 1, high: 12, words: MONTHS, expected: '1 to 12 or jan to dec' },
  {
    name: 'day of week',
    low: 0,
    high: 7,
    words: DAYS,
    expected: '0 to 7 (0 and 7 are Sunday) or sun to sat',
  },
] as const satisfies Rule[];

const HOUR = 2;

/** Words that stand for a whole expression: crontab(5), without @reboot, which names no time. */
const PRESETS: Record<string, string> = {
  '@annually': '0 0 0 1 1 *',
  '@yearly': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
};

/**
 * The six fields of an expression of five or six, or of a word such as `@daily`, second first; else what is wrong. Case and the number
 * of blanks don't count.
 */
export function splitFields(cron: string): string[] | { problem: string } {
  const text = cron.trim();
  if (text.startsWith('@')) return PRESETS[text.toLowerCase()]?.split(' ') ?? { problem: unknownWord(text) };
  if (/^(cron_)?tz=/i.test(text))
    return { problem: `expected only the fields, found ${shown(cron)}: the zone goes to timeZone` };
  const fields = text === '' ? [] : text.split(/\s+/);
  if (fields.length === 6) return fields;
  if (fields.length === 5) return ['0', ...fields];
  const want = 'five fields (minute, hour, day of month, month, day of week), or six with the second first';
  return { problem: `expected ${want}, found ${fields.length === 0 ? 'empty text' : fields.length}` };
}

function unknownWord(text: string): string {
  const known = Object.keys(PRESETS);
  const near = nearMiss(text, known);
  return `expected fields or one of ${known.join(', ')}, found ${shown(text)}${near ? `. Did you mean ${near}?` : ''}`;
}

/** What an expression allows, or what is wrong with it: which field, what was expected there, what was found. */
export function readFields(cron: string): CronFields | { problem: string } {
  const texts = splitFields(cron);
  if ('problem' in texts) return texts;
  const values: number[][] = [];
  for (const [index, rule] of RULES.entries()) {
    const read = readField(rule, texts[index] as string);
    if (typeof read === 'string') return { problem: `${rule.name}: ${read}` };
    values.push(read);
  }
  const [seconds = [], minutes = [], hours = [], daysOfMonth = [], months = [], week = []] = values;
  return {
    seconds,
    minutes,
    hours,
    daysOfMonth,
    months,
    daysOfWeek: inOrder(week.map((day) => day % 7)),
    everyHours: /[*/]/.test(texts[HOUR] as string) || hours.length === 24,
  };
}

/** The values that a field allows, or what is wrong with it. */
function readField(rule: Rule, text: string): number[] | string {
  const values: number[] = [];
  for (const entry of text.split(',')) {
    const read = readEntry(rule, entry);
    if (typeof read === 'string') return read;
    values.push(...read);
  }
  return inOrder(values);
}

const ENTRY = /^(?:(\*)|(\w+)(?:-(\w+))?)(?:\/(\d+))?$/;

function readEntry(rule: Rule, entry: string): number[] | string {
  const [match, any, first = '', last, step] = ENTRY.exec(entry) ?? [];
  if (match === undefined) return noEntry(rule, entry);
  const from = any ? rule.low : numberOf(rule, first);
  if (from === undefined) return noValue(rule, first);
  const to =
    any || (last === undefined && step) ? rule.high : last === undefined ? from : numberOf(rule, last);
  if (to === undefined) return noValue(rule, last ?? '');
  if (to < from) return backwards(rule, from, to, entry);
  const size = rule.high - rule.low + 1;
  const by = Number(step ?? 1);
  if (by < 1 || by > size) return `expected a step of 1 to ${size}, found ${shown(entry)}`;
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, index) => from + index * by);
}

function numberOf({ low, high, words = [] }: Rule, text: string): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  if (word >= 0) return low + word;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= low && value <= high ? value : undefined;
}

function noValue({ expected, words = [] }: Rule, text: string): string {
  const near = words.find((word) => text.toLowerCase().startsWith(word)) ?? nearMiss(text, words);
  return `expected ${expected}, found ${shown(text)}${near ? `. Did you mean ${near}?` : ''}`;
}

function noEntry({ expected }: Rule, entry: string): string {
  if (entry === '?') return `expected ${expected} or *, found "?": * stands for any`;
  const found = entry === '' ? 'an empty entry' : shown(entry);
  return `expected ${expected}, *, a span such as 1-5, a step such as */5, or a list of these with commas, found ${found}`;
}

function backwards({ low, high, name }: Rule, from: number, to: number, entry: string): string {
  const span = (a: number, b: number) => (a === b ? `${a}` : `${a}-${b}`);
  const sunday = name === 'day of week' && to === 0;
  const top = name === 'day of week' && !sunday ? high - 1 : high;
  const write = sunday ? span(from, top) : `${span(from, top)},${span(low, to)}`;
  return `a span runs upwards, found ${shown(entry)}: write ${write}`;
}

function inOrder(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

const LONGEST_SHOWN = 40;

function shown(text: string): string {
  return JSON.stringify(text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text);
}
