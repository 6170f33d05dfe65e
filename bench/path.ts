import { now } from '../test/lab/child-io.ts';
import { type Daemon, openSite, type Site } from '../test/lab/daemon.ts';
import { until } from '../test/lab/until.ts';
import { type Floor, openFloor } from './floor.ts';
import type { Loop } from './loop.ts';
import { cutOff, openPair, type Pair, uniqueProject } from './pair.ts';
import type { Measure } from './stats.ts';
import { breakdown, type Span, traceEnvironment } from './trace.ts';

/** ms: the 99th percentile from a file on disk to its effect on packets. */
const AIM = 120;
const NAME = 'bench';
const FILE = 'bench.json';
const PAIR = { name: NAME, project: uniqueProject(NAME), client: 'client', server: 'server', intervalMs: 1 };

interface Values {
  commit: number[];
  remove: number[];
  floorBlock: number[];
  floorBlockExit: number[];
  floorUnblock: number[];
  floorUnblockExit: number[];
}

/**
 * From a manifest written to the first packet lost, and from its removal to the first packet through; between them the bare command
 * that is the floor for both. All by the packets of one prober. `trace`: text that says where the time goes.
 */
export async function measurePath(
  loop: Loop,
  withTrace: boolean,
): Promise<{ measures: Measure[]; trace: string | undefined }> {
  const pair = await openPair(PAIR);
  const site = openSite(NAME);
  try {
    const floor = await openFloor(site.dir, pair.client, pair.address);
    const daemon = await site.start({ env: withTrace ? traceEnvironment(site.dir) : {} });
    await cycle(site, pair).catch(withLog(daemon)); // the first time loads code and fills caches: not what is asked
    const values = noValues();
    const spans: Span[] = [];
    await loop(async () => {
      await floorCycle(floor, pair, values);
      const { commit, remove } = await cycle(site, pair).catch(withLog(daemon));
      values.commit.push(commit.to - commit.from);
      values.remove.push(remove.to - remove.from);
      spans.push(commit, remove);
    });
    return { measures: measuresOf(values), trace: withTrace ? breakdown(site.dir, spans) : undefined };
  } finally {
    await site.close();
    await pair.close();
  }
}

/** The failure with the end of what the daemon said. */
export function withLog(daemon: Daemon): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`the daemon's log ends:\n${daemon.log().slice(-3000)}`, { cause });
  };
}

function noValues(): Values {
  return {
    commit: [],
    remove: [],
    floorBlock: [],
    floorBlockExit: [],
    floorUnblock: [],
    floorUnblockExit: [],
  };
}

async function floorCycle(floor: Floor, { pings }: Pair, values: Values): Promise<void> {
  const lost = pings.waitForLoss();
  const block = await floor.block();
  values.floorBlock.push((await lost) - block.startedAt);
  values.floorBlockExit.push(block.endedAt - block.startedAt);
  const answered = pings.waitForReply();
  const unblock = await floor.unblock();
  values.floorUnblock.push((await answered) - unblock.startedAt);
  values.floorUnblockExit.push(unblock.endedAt - unblock.startedAt);
}

/** The file is written and removed; both as ms since the epoch, from the call that did it to the packet that showed it. */
async function cycle(site: Site, { pings }: Pair): Promise<{ commit: Span; remove: Span }> {
  const lost = pings.waitForLoss();
  const written = now();
  site.write(FILE, cutOff(NAME, '60s', PAIR));
  const commit = { what: 'commit', from: written, to: await lost };
  await until('the injection to be recorded', () =>
    site.effects(NAME).every(({ phase }) => phase === 'injected'),
  );
  const answered = pings.waitForReply();
  const removed = now();
  site.remove(FILE);
  const remove = { what: 'remove', from: removed, to: await answered };
  await until('the experiment to be forgotten', () => site.experiment(NAME) === undefined);
  return { commit, remove };
}

function measuresOf(values: Values): Measure[] {
  const bare = 'a bare nsenter iptables-restore';
  return [
    { name: 'commit', what: 'manifest written -> first packet lost', floor: 'floor-block', aim: AIM },
    { name: 'remove', what: 'manifest removed -> first packet through', floor: 'floor-unblock', aim: AIM },
    { name: 'floor-block', what: `${bare} -> first packet lost` },
    { name: 'floor-block-exit', what: `${bare} that blocks -> its exit` },
    { name: 'floor-unblock', what: `${bare} -> first packet through` },
    { name: 'floor-unblock-exit', what: `${bare} that unblocks -> its exit` },
  ].map((measure) => ({ ...measure, values: valuesOf(values, measure.name) }));
}

function valuesOf(values: Values, name: string): number[] {
  const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return values[key as keyof Values];
}
