import { now } from '../test/lab/child-io.ts';
import { openSite } from '../test/lab/daemon.ts';
import { openLab } from '../test/lab/lab.ts';
import { echoServer, pinger } from '../test/lab/traffic.ts';
import { until } from '../test/lab/until.ts';
import { type Floor, openFloor } from './floor.ts';
import { cutOff } from './pair.ts';
import type { Measure } from './stats.ts';

const TARGETS = 20;
/** ms: twenty probers share the processors with what they measure. */
const INTERVAL = 10;
const PAIR = { name: 'many', project: 'many', client: 'client', server: 'server', intervalMs: INTERVAL };

/** From one manifest written to the last of 20 targets' first lost packet, and the same for 20 bare commands started at once. */
export async function measureMany(count: number, progress: (done: number) => void): Promise<Measure[]> {
  const lab = await openLab('many');
  const site = openSite('many');
  try {
    const network = await lab.network();
    const run = (service: string, name: string) => lab.run({ name, network, project: PAIR.project, service });
    const server = await run(PAIR.server, PAIR.server);
    const clients = await Promise.all(
      Array.from({ length: TARGETS }, (_, index) => run(PAIR.client, `${PAIR.client}-${index}`)),
    );
    const address = await server.ip4();
    const { port } = await echoServer(server);
    const pings = await Promise.all(
      clients.map((client) => pinger(client, address, { port, intervalMs: INTERVAL })),
    );
    const floors = await Promise.all(clients.map((client) => openFloor(site.dir, client, address)));
    const all = (what: 'waitForLoss' | 'waitForReply') => Promise.all(pings.map((ping) => ping[what]()));
    const last = async (what: 'waitForLoss' | 'waitForReply', act: () => unknown): Promise<number> => {
      const seen = all(what);
      const from = now();
      await act();
      return Math.max(...(await seen)) - from;
    };
    const every = (act: keyof Floor) => () => Promise.all(floors.map((floor) => floor[act]()));
    await all('waitForReply');
    await site.start();
    const values = { floor: [] as number[], commit: [] as number[], remove: [] as number[] };
    for (let done = 0; done < count; done++) {
      values.floor.push(await last('waitForLoss', every('block')));
      await last('waitForReply', every('unblock'));
      values.commit.push(
        await last('waitForLoss', () => site.write('many.json', cutOff('many', '60s', PAIR))),
      );
      await until('all injections to be recorded', () =>
        site.effects('many').every(({ phase }) => phase === 'injected'),
      );
      values.remove.push(await last('waitForReply', () => site.remove('many.json')));
      await until('the experiment to be forgotten', () => site.experiment('many') === undefined);
      progress(done + 1);
    }
    const floor = `floor-${TARGETS}`;
    return [
      {
        name: `commit-${TARGETS}`,
        what: `manifest written -> last of ${TARGETS} targets cut`,
        floor,
        values: values.commit,
      },
      {
        name: `remove-${TARGETS}`,
        what: `manifest removed -> last of ${TARGETS} targets back`,
        floor,
        values: values.remove,
      },
      { name: floor, what: `${TARGETS} bare commands at once -> last target cut`, values: values.floor },
    ];
  } finally {
    await site.close();
    await lab.close();
  }
}
