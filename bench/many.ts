import { now } from '../test/lab/child-io.ts';
import { openSite } from '../test/lab/daemon.ts';
import { type Lab, openLab } from '../test/lab/lab.ts';
import { echoServer, type Pinger, pinger } from '../test/lab/traffic.ts';
import { until } from '../test/lab/until.ts';
import { type Floor, openFloor } from './floor.ts';
import type { Loop } from './loop.ts';
import { cutOff, uniqueProject } from './pair.ts';
import { withLog } from './path.ts';
import type { Measure } from './stats.ts';

const TARGETS = 20;
const NAME = 'many';
const FILE = 'many.json';
/** ms: twenty probers share the processors with what they measure. */
const INTERVAL = 10;
const PAIR = {
  name: NAME,
  project: uniqueProject(NAME),
  client: 'client',
  server: 'server',
  intervalMs: INTERVAL,
};

/** From one manifest written to the last of 20 targets' first lost packet, and back; and the same for 20 bare commands started at once. */
export async function measureMany(loop: Loop): Promise<Measure[]> {
  const lab = await openLab('many');
  const site = openSite('many');
  try {
    const { pings, floors } = await openTargets(lab, site.dir);
    const last = async (what: 'waitForLoss' | 'waitForReply', act: () => unknown): Promise<number> => {
      const seen = Promise.all(pings.map((ping) => ping[what]()));
      const from = now();
      await act();
      return Math.max(...(await seen)) - from;
    };
    const bare = (act: keyof Floor) => () => Promise.all(floors.map((floor) => floor[act]()));
    const daemon = await site.start();
    const values: Record<string, number[]> = { commit: [], remove: [], block: [], unblock: [] };
    const iteration = async () => {
      values.block?.push(await last('waitForLoss', bare('block')));
      values.unblock?.push(await last('waitForReply', bare('unblock')));
      values.commit?.push(await last('waitForLoss', () => site.write(FILE, cutOff(NAME, '60s', PAIR))));
      await until('all injections to be recorded', () =>
        site.effects(NAME).every(({ phase }) => phase === 'injected'),
      );
      values.remove?.push(await last('waitForReply', () => site.remove(FILE)));
      await until('the experiment to be forgotten', () => site.experiment(NAME) === undefined);
    };
    await loop(() => iteration().catch(withLog(daemon)));
    return measuresOf(values);
  } finally {
    await site.close();
    await lab.close();
  }
}

async function openTargets(lab: Lab, dir: string): Promise<{ pings: Pinger[]; floors: Floor[] }> {
  const network = await lab.network();
  const run = (service: string, name: string) => lab.run({ name, network, project: PAIR.project, service });
  const server = await run(PAIR.server, PAIR.server);
  const address = await server.ip4();
  const { port } = await echoServer(server);
  const targets = Array.from({ length: TARGETS }, async (_, index) => {
    const client = await run(PAIR.client, `${PAIR.client}-${index}`);
    const pings = await pinger(client, address, { port, intervalMs: INTERVAL });
    return { pings, floor: await openFloor(dir, client, address) };
  });
  const opened = await Promise.all(targets);
  return { pings: opened.map(({ pings }) => pings), floors: opened.map(({ floor }) => floor) };
}

function measuresOf(values: Record<string, number[]>): Measure[] {
  const measure = (key: string, name: string, what: string, floor?: string): Measure => ({
    ...{ name: `${name}-${TARGETS}`, what, values: values[key] ?? [] },
    ...(floor !== undefined && { floor: `${floor}-${TARGETS}` }),
  });
  return [
    measure('commit', 'commit', `manifest written -> last of ${TARGETS} targets cut off`, 'floor-block'),
    measure('remove', 'remove', `manifest removed -> last of ${TARGETS} targets back`, 'floor-unblock'),
    measure('block', 'floor-block', `${TARGETS} bare commands at once -> last target cut off`),
    measure('unblock', 'floor-unblock', `${TARGETS} bare commands at once -> last target back`),
  ];
}
