import ipaddr from 'ipaddr.js';
import { parseDuration } from '../core/duration.ts';
import { nearMiss } from '../core/near-miss.ts';
import { parseRate, parseSize } from '../core/units.ts';
import { timeZoneProblem } from '../core/zone.ts';
import { parseSignal, SIGNAL_NAMES } from '../runtime/signals.ts';

/** A `format` that schemas may name. */
export interface Format {
  /** What a person should write, after "expected". */
  expected: string;
  test(text: string): boolean;
  /** For a value that fails: what is wrong in particular, and what to do. */
  why?(text: string): string | undefined;
}

/** Every format of the manifests' schemas, fault kinds' included. */
export const FORMATS = {
  duration: {
    expected: 'a duration above zero such as 500ms, 30s or 1m30s',
    test: (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms > 0 && Number.isFinite(ms);
    },
    why: (text) => (/^[0-9]+$/.test(text) && Number(text) > 0 ? `Add a unit: ${text}s` : undefined),
  },
  'duration-or-zero': {
    expected: 'a duration such as 0s, 500ms or 30s',
    test: (text) => parseDuration(text) !== undefined,
    why: (text) => (/^[0-9]+$/.test(text) ? `Add a unit: ${text}s` : undefined),
  },
  interval: {
    expected: 'a duration of 1s at least such as 10s or 1m30s',
    test: (text) => (parseDuration(text) ?? 0) >= 1000,
    why: (text) => (/^[0-9]+$/.test(text) && Number(text) > 0 ? `Add a unit: ${text}s` : undefined),
  },
  signal: {
    expected: 'a signal such as SIGTERM, TERM or 15',
    test: (text) => parseSignal(text) !== undefined,
    why: whyNoSignal,
  },
  cidr: {
    expected: 'an address range such as 10.0.0.0/8 or fd00::/8',
    test: isCidr,
    why: (text) => {
      if (!ipaddr.isValid(text)) return undefined;
      return `A single address is ${text}/${text.includes(':') ? 128 : 32}`;
    },
  },
  'port-range': {
    expected: 'a port or a range such as 8000-8010, from 1 to 65535',
    test: (text) => {
      const [, low, high = low] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(text) ?? [];
      return low !== undefined && Number(low) >= 1 && Number(low) <= Number(high) && Number(high) <= 65_535;
    },
  },
  rate: {
    expected: 'a rate in bits per second such as 512kbit, 10mbit or 1gbit',
    test: (text) => parseRate(text) !== undefined,
    why: whyNoRate,
  },
  size: {
    expected: 'a size in bytes such as 1500B, 32KiB or 1MB',
    test: (text) => parseSize(text) !== undefined,
    why: (text) => (/^[0-9]+$/.test(text) && Number(text) > 0 ? `Add a unit: ${text}B` : undefined),
  },
  cron: {
    expected: 'a cron expression such as "0 2 * * *" or "@daily"',
    // what is wrong within the fields is told afterwards, by what runs them
    test: (text) => /^@[a-z]+$/.test(text.trim()) || [5, 6].includes(text.trim().split(/\s+/).length),
    why: (text) => {
      const { length } = text.trim().split(/\s+/);
      return `It has five fields, or six with seconds; this one has ${length}`;
    },
  },
  'time-zone': {
    expected: 'an IANA time zone such as Europe/Zurich or UTC',
    test: (text) => timeZoneProblem(text) === undefined,
    why: (text) => {
      const near = nearMiss(text, Intl.supportedValuesOf('timeZone'));
      return near === undefined ? undefined : `Did you mean "${near}"?`;
    },
  },
  'week-days': {
    expected: 'a day of the week such as mon, or a span such as mon-fri',
    test: (text) => /^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$/.test(text),
    why: (text) => (/[A-Z]/.test(text) ? `In lower case: ${text.toLowerCase()}` : undefined),
  },
  'day-time': {
    expected: 'a time of day such as 09:00, up to 24:00',
    test: (text) => /^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$/.test(text),
    why: (text) => (/^[0-9]:[0-5][0-9]$/.test(text) ? `With two digits: 0${text}` : undefined),
  },
  dates: {
    expected: 'a date such as 2026-12-24, or a span such as 2026-12-20/2027-01-03',
    test: (text) => {
      const [first = '', last = first, ...more] = text.split('/');
      return more.length === 0 && isDate(first) && isDate(last) && first <= last;
    },
  },
  'regex-or-name': {
    expected: "a container's name, or a /regular expression/",
    test: (text) => whyNoPattern(text) === undefined,
    why: whyNoPattern,
  },
  'regex-or-text': {
    expected: 'text to contain, or a /regular expression/',
    test: (text) => whyNoSearch(text) === undefined,
    why: whyNoSearch,
  },
} satisfies Record<string, Format>;

/** The format by its name; undefined for one that is not ours. */
export function formatOf(name: string): Format | undefined {
  return Object.hasOwn(FORMATS, name) ? FORMATS[name as keyof typeof FORMATS] : undefined;
}

function isDate(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false;
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(ms) && new Date(ms).toISOString().startsWith(text);
}

function whyNoSignal(text: string): string | undefined {
  if (/^(SIG)?(STOP|TSTP|TTIN|TTOU)$/i.test(text)) return 'Use container-pause to stop processes for a while';
  if (/^[0-9]+$/.test(text)) return `Write the number without quotes: ${Number(text)}`;
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const near = SIGNAL_NAMES.includes(name) ? name : nearMiss(name, SIGNAL_NAMES);
  return near === undefined ? `Known: ${SIGNAL_NAMES.join(', ')}` : `Did you mean "${near}"?`;
}

function whyNoRate(text: string): string | undefined {
  if (/^[0-9.]+$/.test(text)) return `Add a unit: ${text}bit, ${text}kbit or ${text}mbit`;
  const [, amount, prefix] = /^([0-9.]+) ?([kmg]?)(bps|bits?|bit\/s)$/i.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const written = `${amount}${prefix?.toLowerCase()}bit`;
  return parseRate(written) === undefined ? undefined : `In bits per second: ${written}`;
}

function isCidr(text: string): boolean {
  return /^[0-9a-fA-F:.]+\/[0-9]{1,3}$/.test(text) && ipaddr.isValidCIDR(text) && !/^[0-9]+\//.test(text);
}

/** Longer ones are not about names, which hold a few dozen characters. */
const LONGEST_PATTERN = 200;

function whyNoPattern(text: string): string | undefined {
  if (text.length > LONGEST_PATTERN) return `Keep it under ${LONGEST_PATTERN} characters`;
  if (!text.includes('/')) {
    if (text.includes('*'))
      return `Write /^${text.replaceAll(/\.?\*/g, '.*')}$/ where * should stand for anything`;
    return text === '' ? 'An empty name matches nothing' : undefined;
  }
  if (text.length < 3 || !text.startsWith('/') || !text.endsWith('/'))
    return 'A regular expression stands between two slashes; a name holds none';
  return whyNoRegex(text.slice(1, -1));
}

function whyNoSearch(text: string): string | undefined {
  if (text === '') return 'An empty text is in everything';
  if (/^\/.+\/[dgimsuvy]{1,3}$/.test(text))
    return 'A regular expression ends with its slash: flags are not supported';
  if (text.length < 3 || !text.startsWith('/') || !text.endsWith('/')) return undefined;
  if (text.length > LONGEST_PATTERN) return `Keep it under ${LONGEST_PATTERN} characters`;
  return whyNoRegex(text.slice(1, -1));
}

function whyNoRegex(source: string): string | undefined {
  try {
    new RegExp(source);
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /, 'It does not compile: ');
  }
  if (/\\[1-9]|\\k</.test(source)) return 'Back references are refused: they can take forever';
  if (repeatsARepeat(source)) return 'A repeated group that repeats inside can take forever: unfold it';
  return undefined;
}

/**
 * Whether a group that is repeated without bound holds something that is repeated or alternates: `(a+)+`, `(a|a)*`. Those are the ones
 * whose time doubles with each character. Refuses a few harmless ones too.
 */
function repeatsARepeat(source: string): boolean {
  const bare = source.replaceAll(/\\./gs, 'x').replaceAll(/\[[^\]]*\]/g, 'x');
  const open: boolean[] = [];
  for (let index = 0; index < bare.length; index++) {
    const char = bare[index];
    if (char === '(') open.push(false);
    else if (char === ')') {
      const loose = open.pop() ?? false;
      if (loose && /^([*+]|\{\d+,\d*\}|\{\d{2,}\})/.test(bare.slice(index + 1))) return true;
      if (loose && open.length > 0) open[open.length - 1] = true;
    } else if (open.length > 0 && /^([*+|]|\{\d+,\d*\})/.test(bare.slice(index)))
      open[open.length - 1] = true;
  }
  return false;
}
