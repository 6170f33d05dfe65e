import { type Mark, parseMark } from '../../core/marks.ts';
import { normalCidr } from './addresses.ts';

/** A rule taken apart, so that what was written and what iptables-save prints of it compare equal. */
export interface Facts {
  /** Everything but the two times below. */
  key: string;
  datestop: string | undefined;
  mark: Mark | undefined;
}

const PROTOCOLS: Record<string, string> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '58': 'ipv6-icmp',
  icmpv6: 'ipv6-icmp',
};

/**
 * Back ends and versions print one rule differently: implied matches (`-m tcp`), prefix lengths, numbers for names, order, rounded
 * probabilities.
 */
export function factsOf(args: readonly string[]): Facts {
  const parts: string[] = [];
  let datestop: string | undefined;
  let mark: Mark | undefined;
  for (const { name, value } of options(args)) {
    const seen = name === '--comment' ? parseMark(value) : undefined;
    if (name === '--datestop') datestop = value;
    else if (seen) {
      mark = seen;
      parts.push(`mark ${seen.instance} ${seen.experiment} ${seen.run}`);
    } else if (name !== '-m' && !(isAddress(name) && value.endsWith('/0'))) {
      parts.push(`${name} ${normalValue(name, value)}`);
    }
  }
  return { key: parts.sort().join(' | '), datestop, mark };
}

function options(args: readonly string[]): { name: string; value: string }[] {
  const found: { name: string; value: string }[] = [];
  let not = '';
  for (const arg of args) {
    const last = found.at(-1);
    if (arg === '!') not = '! ';
    else if (arg.startsWith('-')) {
      found.push({ name: not + arg, value: '' });
      not = '';
    } else if (last) last.value = last.value ? `${last.value} ${arg}` : arg;
  }
  return found;
}

function isAddress(name: string): boolean {
  return name === '-d' || name === '-s';
}

function normalValue(name: string, value: string): string {
  if (isAddress(name)) return normalCidr(value)?.address ?? value;
  if (name === '-p') return PROTOCOLS[value] ?? value;
  // xt_statistic keeps 31 bits; iptables prints the quotient with 11 digits.
  if (name === '--probability') return String(Math.round(Number(value) * 2 ** 31));
  return value;
}
