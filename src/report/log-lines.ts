import { clean } from './clean.ts';
import { formatJsonLine } from './json.ts';
import type { Style } from './style.ts';

/** One line of a log: JSON as pino writes it, or what else got there (what Node says of a crash, say). */
export interface LogLine {
  text: string;
  /** Undefined where it is no JSON object. */
  fields: Record<string, unknown> | undefined;
  /** ms since the epoch; undefined where it tells none. */
  time: number | undefined;
  /** pino's number, https://getpino.io/#/docs/api?id=loggerlevels-object. What is no JSON counts as an error: nothing else gets there. */
  level: number;
}

export const LEVEL_NUMBERS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
export type LevelName = keyof typeof LEVEL_NUMBERS;

export function parseLogLine(text: string): LogLine {
  const fields = objectIn(text);
  if (!fields) return { text, fields, time: undefined, level: LEVEL_NUMBERS.error };
  const { level } = fields;
  return {
    text,
    fields,
    time: timeIn(fields),
    level: typeof level === 'number' ? level : LEVEL_NUMBERS.info,
  };
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function timeIn({ time }: Record<string, unknown>): number | undefined {
  const ms = typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** The same object on one line, without what could steer a terminal; what is no JSON becomes the message of one. */
export function formatLogJson({ text, fields }: LogLine): string {
  return formatJsonLine(fields ?? { level: LEVEL_NUMBERS.error, msg: text });
}

/** `TIME LEVEL message key=value ...` with a line end, for people; what is null says nothing. A stack follows on lines of its own. */
export function formatLogLine({ text, fields, level }: LogLine, style: Style): string {
  if (!fields) return `${clean(text)}\n`;
  const { time, level: _, msg, stack, ...rest } = fields;
  const named = nameOf(level);
  const parts = [
    style.dim(clean(String(time ?? '-'))),
    paintLevel(style, named)(named.toUpperCase().padEnd(5)),
    clean(String(msg ?? '')),
    ...Object.entries(rest)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => `${style.dim(`${clean(key)}=`)}${shown(value)}`),
  ];
  return `${[parts.filter((part) => part !== '').join(' '), ...stackOf(stack)].join('\n')}\n`;
}

function nameOf(level: number): LevelName {
  const names = Object.entries(LEVEL_NUMBERS) as [LevelName, number][];
  return names.findLast(([, number]) => number <= level)?.[0] ?? 'trace';
}

function paintLevel(style: Style, name: LevelName): (text: string) => string {
  if (name === 'error' || name === 'fatal') return style.bad;
  if (name === 'warn') return style.busy;
  return name === 'info' ? style.good : style.dim;
}

/** Text as it is where it is one plain word, else as JSON. */
function shown(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=\\{}[\]]+$/.test(value)) return clean(value);
  return clean(JSON.stringify(value) ?? '');
}

function stackOf(stack: unknown): string[] {
  if (stack === undefined) return [];
  return String(stack)
    .split('\n')
    .map((line) => `    ${clean(line.trim())}`);
}
