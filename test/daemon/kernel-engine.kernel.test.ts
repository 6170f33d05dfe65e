import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Daemon, openSite, type Site } from '../lab/daemon.ts';
import { startKernelEngine } from '../lab/kernel-engine.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { exchange, type OneWay, spread, stream } from '../lab/measure.ts';
import { icmp } from '../lab/traffic.ts';
import { until } from '../lab/until.ts';

/** Every packet-level fault, each on a port of its own, and what tells that it is there. */
const PACKET_FAULTS: { fault: Record<string, unknown>; hit: (seen: OneWay) => boolean }[] = [
  { fault: { type: 'network-latency', delay: '60ms' }, hit: (seen) => spread(seen.delayMs).min > 50 },
  { fault: { type: 'network-loss', gemodel: { p: 50, r: 50 } }, hit: (seen) => seen.lost.length > 0 },
  { fault: { type: 'network-duplicate', percent: 50 }, hit: (seen) => seen.duplicated.length > 0 },
  { fault: { type: 'network-corrupt', percent: 50 }, hit: (seen) => seen.corrupted > 0 },
  {
    fault: { type: 'network-reorder', percent: 50, delay: '20ms' },
    hit: (seen) => seen.reordered.length > 0,
  },
  // 4 Mbit/s are sent.
  { fault: { type: 'network-bandwidth', rate: '64kbit' }, hit: (seen) => seen.lost.length > 0 },
];
const FIRST_PORT = 7101;
/** ms after the deadline at which all must be over; the promise is 1,000. */
const OVER_WITHIN = 500;

describe('a daemon and its engine on a kernel of their own', () => {
  let lab: Lab;
  let site: Site;
  let client: LabContainer;
  let server: LabContainer;
  let daemon: Daemon;
  before(async () => {
    await startKernelEngine();
    lab = await openLab('kernel');
    const network = await lab.network({ ipv6: true });
    client = await lab.run({ name: 'client', network });
    server = await lab.run({ name: 'server', network, service: 'server' });
    site = openSite('kernel');
    daemon = await site.start({ sentinel: false });
  });
  after(async () => {
    await site?.close();
    await lab?.close();
  });

  test('a fault is there with its manifest and gone with it, to the packet and by both families', async () => {
    const addresses = [await server.ip4(), await server.ip6()];
    const counts = async (pick: (way: OneWay) => unknown[]) => {
      const all = [];
      for (const to of addresses) {
        const { there } = await exchange(client, server, to, { count: 50, warmup: 0, timeoutMs: 200 });
        all.push(pick(there).length);
      }
      return all;
    };
    assert.equal(await icmp(client, 'server'), true, 'the engine answers for names');
    assert.deepEqual(await counts(({ lost }) => lost), [0, 0]);

    const fault = { type: 'network-block', direction: 'egress', to: [{ service: 'server' }] };
    site.write('block.json', experiment('block', client, [fault], { duration: '10m' }));
    await until('the block to be injected', () => site.effects('block')[0]?.phase === 'injected', 30_000);
    assert.deepEqual(await counts(({ refused }) => refused), [50, 50]);

    site.remove('block.json');
    await until('the block to be recovered', () => site.effects('block')[0]?.phase === 'recovered', 30_000);
    assert.deepEqual(await counts(({ lost }) => lost), [0, 0]);
  });

  test('killed while every packet-level fault runs: the kernel ends each of them within a second of the deadline', async (t) => {
    const address = await server.ip4();
    const look = async () => {
      const hits: string[] = [];
      for (const [index, { fault, hit }] of PACKET_FAULTS.entries()) {
        const options = { port: FIRST_PORT + index, count: 80, bytes: 1000, timeoutMs: 300 };
        if (hit(await stream(client, server, address, options))) hits.push(String(fault.type));
      }
      return hits;
    };
    assert.deepEqual(await look(), [], 'before');
    const faults = PACKET_FAULTS.map(({ fault }, index) => ({
      ...fault,
      direction: 'egress',
      to: [{ service: 'server' }],
      protocol: 'udp',
      ports: [FIRST_PORT + index],
    }));
    site.write('all.json', experiment('all', client, faults, { duration: '22s' }));
    const injected = () => site.effects('all').filter(({ phase }) => phase === 'injected').length;
    await until('all to be injected', () => injected() === faults.length, 30_000);
    await daemon.kill();
    const deadline = site.run('all')?.deadline.wall ?? 0;
    assert.deepEqual(
      await look(),
      PACKET_FAULTS.map(({ fault }) => fault.type),
    );
    t.diagnostic(`seen, with nobody running, until ${deadline - Date.now()} ms before the deadline`);
    assert.ok(Date.now() < deadline, 'there was time to see them');
    await until('the deadline', () => Date.now() >= deadline + OVER_WITHIN, 60_000, 20);
    assert.deepEqual(await look(), [], 'after');
    assert.equal(injected(), faults.length, 'nobody recovered them');
  });
});
