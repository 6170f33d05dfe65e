import { formatMark, type Mark } from '../../core/marks.ts';
import type { Family } from '../../runtime/iptables.ts';
import type { Filter } from './filter.ts';
import type { ResolvedPeers } from './peers.ts';
import { portChunks } from './ports.ts';

/** What an effect wants to stand in the filter table of one family. Rules are argument lists, without `-A CHAIN`. */
export interface Wanted {
  chains: Map<string, string[][]>;
  jumps: Jump[];
}

export interface Jump {
  parent: 'OUTPUT' | 'INPUT';
  chain: string;
  args: string[];
}

/** What happens to the packets that match, by family. */
export type Verdict = (family: Family) => string[][];

export interface Rendering {
  /** `chainBase` of the effect. */
  base: string;
  mark: Mark;
  filter: Filter;
  peers: ResolvedPeers;
  verdict: Verdict;
  /** True where the verdict answers the sender: what it answers must get out of the other direction's chain. */
  answers: boolean;
}

/** Every chain an effect may have, whatever its direction. */
export function chainNames(base: string): string[] {
  return ['o', 'ov', 'i', 'iv'].map((suffix) => base + suffix);
}

/** Nothing at all: what a recovered effect wants. */
export function nothing(): Wanted {
  return { chains: new Map(), jumps: [] };
}

/**
 * Pure: the rules of one family. The jump carries the deadline and stands before everything else; its chain picks the packets, and
 * a second one holds the verdict, so that all peers of a direction share one counter (every nth packet).
 */
export function renderRules(rendering: Rendering, family: Family): Wanted {
  const wanted = nothing();
  if (rendering.filter.egress) addDirection(wanted, rendering, family, 'egress');
  if (rendering.filter.ingress) addDirection(wanted, rendering, family, 'ingress');
  return wanted;
}

/**
 * A deadline as `--datestop` takes it (iptables-extensions(8), time): UTC, whole seconds, and inclusive, which is why the last
 * second that is to match is the one before the deadline, rounded up.
 */
export function datestop(deadline: number): string {
  return new Date((Math.ceil(deadline / 1000) - 1) * 1000).toISOString().slice(0, 19);
}

function addDirection(wanted: Wanted, rendering: Rendering, family: Family, way: 'egress' | 'ingress'): void {
  const egress = way === 'egress';
  const chain = rendering.base + (egress ? 'o' : 'i');
  const verdictChain = `${chain}v`;
  const mark = ['-m', 'comment', '--comment', formatMark(rendering.mark)];
  const matches = matchesOf(rendering, family, egress);
  const escapes =
    matches.length > 0
      ? [...escapesOf(rendering, family, egress), ...sparedOf(rendering, family, egress)]
      : [];
  wanted.chains.set(chain, [
    mark,
    ...escapes.map((match) => [...match, '-j', 'RETURN']),
    ...matches.map((match) => [...match, '-j', verdictChain]),
  ]);
  wanted.chains.set(verdictChain, [mark, ...(matches.length > 0 ? rendering.verdict(family) : [])]);
  wanted.jumps.push({
    parent: egress ? 'OUTPUT' : 'INPUT',
    chain,
    args: [
      ...['!', egress ? '-o' : '-i', 'lo'],
      ...['-m', 'time', '--datestop', datestop(rendering.mark.deadline)],
      ...mark,
      ...['-j', chain],
    ],
  });
}

/** One match for each address and group of ports. */
function matchesOf({ filter, peers }: Rendering, family: Family, egress: boolean): string[][] {
  const addresses = peers.any ? [undefined] : family === 4 ? peers.v4 : peers.v6;
  return addresses.flatMap((address) => {
    const host = address === undefined || address.endsWith('/0') ? [] : other(address, egress);
    return protocolMatches(filter, family).map((match) => [...host, ...match]);
  });
}

/** Packets to or from the address, on the other side. */
function other(address: string, egress: boolean): string[] {
  return [egress ? '-d' : '-s', address];
}

function protocolMatches(filter: Filter, family: Family): string[][] {
  if (filter.protocols.length === 0) return [[]];
  return filter.protocols.flatMap((protocol) => {
    if (protocol === 'icmp') return [['-p', icmp(family)]];
    return pairs(portChunks(filter.ports), portChunks(filter.sourcePorts)).map(([dports, sports]) => [
      ...['-p', protocol],
      ...(dports === undefined ? [] : ['-m', 'multiport', '--dports', dports]),
      ...(sports === undefined ? [] : ['-m', 'multiport', '--sports', sports]),
    ]);
  });
}

function pairs(a: readonly string[], b: readonly string[]): [string | undefined, string | undefined][] {
  const all = (list: readonly string[]) => (list.length > 0 ? list : [undefined]);
  return all(a).flatMap((one) =>
    all(b).map((other): [string | undefined, string | undefined] => [one, other]),
  );
}

/** Router and neighbour discovery (RFC 4861): without it IPv6 stops altogether, peers that no one named included. */
const DISCOVERY = ['133', '134', '135', '136', '137'];

function escapesOf({ filter, answers }: Rendering, family: Family, egress: boolean): string[][] {
  const hitsIcmp = filter.protocols.length === 0 || filter.protocols.includes('icmp');
  const type = family === 4 ? '--icmp-type' : '--icmpv6-type';
  const escapes: string[][] = [];
  if (family === 6 && hitsIcmp) {
    escapes.push(...DISCOVERY.map((number) => ['-p', icmp(family), '-m', 'icmp6', type, number]));
  }
  // What the ingress chain answers leaves through OUTPUT, where the egress chain would swallow it.
  if (answers && egress && filter.ingress) {
    escapes.push(['-p', 'tcp', '-m', 'tcp', '--tcp-flags', 'RST', 'RST']);
    if (hitsIcmp)
      escapes.push(['-p', icmp(family), '-m', family === 4 ? 'icmp' : 'icmp6', type, UNREACHABLE[family]]);
  }
  return escapes;
}

function sparedOf({ peers: { spared } }: Rendering, family: Family, egress: boolean): string[][] {
  const addresses = (family === 4 ? spared?.v4 : spared?.v6) ?? [];
  return addresses.map((address) => other(address, egress));
}

/** Port unreachable (RFC 792, RFC 4443). */
const UNREACHABLE = { 4: '3/3', 6: '1/4' } as const;

function icmp(family: Family): string {
  return family === 4 ? 'icmp' : 'ipv6-icmp';
}
