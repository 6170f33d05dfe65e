import { CHAIN_PREFIX } from '../../core/marks.ts';
import { joinArgs, optionOf, type SavedRule, type SavedTable } from '../../runtime/iptables-save.ts';
import { factsOf } from './compare.ts';
import { DEADLINE_SLACK } from './deadline.ts';
import { datestop, type Jump, type Wanted } from './rules.ts';

/** What of `own` (chain names) stands in a filter table. */
export interface Standing {
  chains: Map<string, SavedRule[]>;
  /** Rules anywhere else that jump to one of the chains, with their place in their chain, from 0. */
  jumps: (SavedRule & { place: number; leads: boolean })[];
}

/** Reads the filter table. A jump leads when nothing but other jumps of Squall stands before it. */
export function standing(tables: readonly SavedTable[], own: readonly string[]): Standing {
  const table = tables.find(({ name }) => name === 'filter');
  const names = new Set(own);
  const found: Standing = { chains: new Map(), jumps: [] };
  for (const name of table?.chains.keys() ?? []) if (names.has(name)) found.chains.set(name, []);
  const places = new Map<string, { next: number; led: boolean }>();
  for (const rule of table?.rules ?? []) {
    const target = optionOf(rule.args, '-j') ?? optionOf(rule.args, '-g') ?? '';
    const at = places.get(rule.chain) ?? { next: 0, led: true };
    places.set(rule.chain, { next: at.next + 1, led: at.led && target.startsWith(CHAIN_PREFIX) });
    if (names.has(rule.chain)) found.chains.get(rule.chain)?.push(rule);
    else if (names.has(target)) found.jumps.push({ ...rule, place: at.next, leads: at.led });
  }
  return found;
}

/**
 * The transaction (iptables-restore, --noflush) that turns what stands into what is wanted; undefined where nothing differs. Chains
 * that are right already are not touched, so that their counters go on.
 */
export function converge(now: Standing, wanted: Wanted): string | undefined {
  const lines: string[] = [];
  const rewritten = [...wanted.chains].filter(([name, rules]) => !sameChain(now.chains.get(name), rules));
  const stale = [...now.chains.keys()].filter((name) => !wanted.chains.has(name));
  for (const name of [...rewritten.map(([name]) => name), ...stale]) lines.push(`:${name} - [0:0]`);
  for (const [name, rules] of rewritten) for (const rule of rules) lines.push(`-A ${name} ${joinArgs(rule)}`);
  for (const [name, rules] of wanted.chains) {
    const mark = rules[0];
    const isNew = rewritten.some(([other]) => other === name);
    if (mark && !isNew && !sameTimes(now.chains.get(name)?.[0], mark)) {
      lines.push(`-R ${name} 1 ${joinArgs(mark)}`);
    }
  }
  const kept = new Set<SavedRule>();
  const inserted: Jump[] = [];
  for (const jump of wanted.jumps) {
    const right = now.jumps.find((rule) => rule.leads && sameJump(rule, jump));
    if (right) kept.add(right);
    else inserted.push(jump);
  }
  for (const rule of now.jumps) if (!kept.has(rule)) lines.push(`-D ${rule.chain} ${rule.text}`);
  for (const { parent, args } of inserted) lines.push(`-I ${parent} 1 ${joinArgs(args)}`);
  for (const name of stale) lines.push(`-X ${name}`);
  return lines.length === 0 ? undefined : `*filter\n${lines.join('\n')}\nCOMMIT\n`;
}

/**
 * The transaction that writes all of it where nothing stands, and that fails as a whole where one of its chains does (iptables(8),
 * `-N`): it can't double a jump.
 */
export function creation({ chains, jumps }: Wanted): string {
  const lines = [
    ...[...chains.keys()].map((name) => `-N ${name}`),
    ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${joinArgs(rule)}`)),
    ...jumps.map(({ parent, args }) => `-I ${parent} 1 ${joinArgs(args)}`),
  ];
  return `*filter\n${lines.join('\n')}\nCOMMIT\n`;
}

/** The transaction that removes all of it, where it stands exactly like that, and that fails as a whole where it does not. */
export function removal({ chains, jumps }: Wanted): string {
  const names = [...chains.keys()];
  const lines = [
    ...jumps.map(({ parent, args }) => `-D ${parent} ${joinArgs(args)}`),
    ...names.map((name) => `-F ${name}`),
    ...names.map((name) => `-X ${name}`),
  ];
  return `*filter\n${lines.join('\n')}\nCOMMIT\n`;
}

/**
 * As `converge`, but every jump that stands is replaced: where it is gone by then (a recovery came first) the transaction fails,
 * and brings nothing back. Undefined where no jump stands.
 */
export function mending(now: Standing, wanted: Wanted): string | undefined {
  if (wanted.jumps.length > 0 && now.jumps.length === 0) return undefined;
  return converge({ ...now, jumps: now.jumps.map((jump) => ({ ...jump, leads: false })) }, wanted);
}

/** What stands, as something to want again: undoes a convergence that failed in the other family. */
export function asWanted(now: Standing): Wanted {
  const jumps = now.jumps
    .filter(({ chain }) => chain === 'OUTPUT' || chain === 'INPUT')
    .map(({ chain, args }) => ({
      parent: chain as Jump['parent'],
      chain: optionOf(args, '-j') ?? '',
      args,
    }));
  return {
    chains: new Map([...now.chains].map(([name, rules]) => [name, rules.map(({ args }) => args)])),
    jumps,
  };
}

/**
 * Whether what stands has the shape that was written, by places and counts only: no version of iptables prints so differently that
 * this fails.
 */
export function hasShape(now: Standing, wanted: Wanted): boolean {
  const chains = [...wanted.chains].every(([name, rules]) => now.chains.get(name)?.length === rules.length);
  const jumps = wanted.jumps.every(({ parent, chain }) =>
    now.jumps.some((rule) => rule.leads && rule.chain === parent && optionOf(rule.args, '-j') === chain),
  );
  return (
    chains && jumps && now.chains.size === wanted.chains.size && now.jumps.length === wanted.jumps.length
  );
}

/** Pure: present, drifted or absent. */
export function classify(now: Standing, wanted: Wanted): 'present' | 'drifted' | 'absent' {
  if (wanted.jumps.length > 0 && now.jumps.length === 0) return 'absent';
  return converge(now, wanted) === undefined ? 'present' : 'drifted';
}

function sameChain(now: readonly SavedRule[] | undefined, wanted: readonly string[][]): boolean {
  if (now?.length !== wanted.length) return false;
  return wanted.every((args, i) => factsOf(args).key === factsOf(now[i]?.args ?? []).key);
}

function sameTimes(rule: SavedRule | undefined, args: readonly string[]): boolean {
  const [now, wanted] = [factsOf(rule?.args ?? []).mark?.deadline, factsOf(args).mark?.deadline];
  return now !== undefined && wanted !== undefined && Math.abs(now - wanted) <= DEADLINE_SLACK;
}

function sameJump(rule: SavedRule, jump: Jump): boolean {
  if (rule.chain !== jump.parent || !sameTimes(rule, jump.args)) return false;
  const [now, wanted] = [factsOf(rule.args), factsOf(jump.args)];
  const deadline = wanted.mark?.deadline ?? 0;
  const ends = [-DEADLINE_SLACK, 0, DEADLINE_SLACK].map((slack) => datestop(deadline + slack));
  return now.key === wanted.key && ends.includes(now.datestop ?? '');
}
