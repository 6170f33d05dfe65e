import { CHAIN_PREFIX, type Mark, parseMark } from '../../core/marks.ts';
import { together } from '../../core/parallel.ts';
import type { Container } from '../../core/types.ts';
import { type Backend, type Family, saveAll } from '../../runtime/iptables.ts';
import { optionOf, type SavedTable } from '../../runtime/iptables-save.ts';
import type { Netns, NetnsPort } from '../../runtime/netns.ts';
import { remove } from './apply.ts';

/** A chain of Squall's, as found in a namespace. */
export interface SeenMark {
  chain: string;
  family: Family;
  backend: Backend;
  /** What it says of itself; undefined where the comment is gone or not ours: not to be removed then. */
  mark: Mark | undefined;
}

type Subject = Pick<Container, 'id' | 'name' | 'pid'>;

/**
 * Every chain named `SQ-...` in the container's namespace, of any family and back end. Only looks. Throws SQ307 where it is not
 * running, SQ302 where the namespace is not its own.
 */
export function readMarks(netns: NetnsPort, container: Subject): Promise<SeenMark[]> {
  return netns.enter(container, (ns) => readFamilies(ns, container.pid));
}

/** Removes those of `chains` that carry a mark when looked at again, with their jumps. Returns the names that were removed. */
export async function removeChains(
  netns: NetnsPort,
  container: Subject,
  chains: readonly Pick<SeenMark, 'chain' | 'family' | 'backend'>[],
): Promise<string[]> {
  if (chains.length === 0) return [];
  return netns.enter(container, async (ns) => {
    const seen = await readFamilies(ns, container.pid);
    const doomed = seen.filter(({ mark, ...at }) => mark && chains.some((chain) => same(chain, at)));
    const places = Map.groupBy(doomed, ({ family, backend }) => `${family} ${backend}`);
    await together(
      [...places.values()].map(async (group) => {
        const [first] = group;
        if (!first) return;
        const own = group.map(({ chain }) => chain);
        await remove({ ns, family: first.family, backend: first.backend, own });
      }),
    );
    return [...new Set(doomed.map(({ chain }) => chain))];
  });
}

async function readFamilies(ns: Netns, pid: number): Promise<SeenMark[]> {
  return (await together(([4, 6] as const).map((family) => readFamily(ns, family, pid)))).flat();
}

async function readFamily(ns: Netns, family: Family, pid: number): Promise<SeenMark[]> {
  const found = await saveAll(ns, family, pid);
  return found.flatMap(({ backend, tables }) =>
    marksOf(tables).map((seen) => ({ ...seen, family, backend })),
  );
}

/** Pure: chains and marks in a filter table; a chain that was flushed is explained by its jump. */
export function marksOf(tables: readonly SavedTable[]): Pick<SeenMark, 'chain' | 'mark'>[] {
  const table = tables.find(({ name }) => name === 'filter');
  const chains = [...(table?.chains.keys() ?? [])].filter((name) => name.startsWith(CHAIN_PREFIX));
  return chains.map((chain) => {
    const speaks = table?.rules.filter(
      ({ chain: on, args }) => on === chain || optionOf(args, '-j') === chain,
    );
    const marks = speaks?.map(({ args }) => parseMark(optionOf(args, '--comment') ?? ''));
    return { chain, mark: marks?.find((mark) => mark !== undefined) };
  });
}

function same(a: Pick<SeenMark, 'chain' | 'family' | 'backend'>, b: typeof a): boolean {
  return a.chain === b.chain && a.family === b.family && a.backend === b.backend;
}
