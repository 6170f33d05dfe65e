import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createNetns } from '../../src/runtime/netns.ts';
import { exchange, type FlowOptions, openStream, spread, stream } from './measure.ts';
import { throughput, udpThroughput } from './throughput.ts';
import { connects } from './traffic.ts';
import { type Cell, openWire, type Wire } from './wire.ts';

/** Every measure against a truth that tc makes and, where it counts, tells. */
describe('measures on a wire', () => {
  let wire: Wire<'client' | 'server'>;
  let client: Cell;
  let server: Cell;
  const shaped: Cell[] = [];
  before(async () => {
    wire = await openWire({ client: { addresses: 2 }, server: { networks: ['wire', 'other'] } });
    ({ client, server } = wire.cells);
    // Neighbours are known from now on: what tc counts is what is measured.
    for (const address of addresses()) assert.ok(await client.pings(address));
  });
  afterEach(async () => {
    for (const cell of shaped.splice(0)) await cell.run('tc', ['qdisc', 'del', 'dev', 'eth0', 'root']);
  });
  after(() => wire.close());

  const addresses = () => [server.ip4, server.ip6];
  const shape = async (cell: Cell, ...qdisc: string[]) => {
    shaped.push(cell);
    await cell.run('tc', ['qdisc', 'add', 'dev', 'eth0', 'root', ...qdisc]);
  };
  const counts = async () => {
    const [root] = JSON.parse(await client.run('tc', ['-s', '-j', 'qdisc', 'show', 'dev', 'eth0']));
    return root as { packets: number; drops: number };
  };
  /** 200 datagrams, and what tc counted of them. */
  const streamAndCount = async (address: string, options: FlowOptions = {}) => {
    const was = await counts();
    const fast = { count: 200, intervalMs: 1, warmup: 0, timeoutMs: 200 };
    const result = await stream(client, server, address, { ...fast, ...options });
    const is = await counts();
    return { ...result, packets: is.packets - was.packets, drops: is.drops - was.drops };
  };
  const about = (actual: number, wanted: number, by: number, what: string) =>
    assert.ok(Math.abs(actual - wanted) <= by, `${what}: ${actual}, not ${wanted} ± ${by}`);

  test('nothing is nothing, by both families and from each address', async () => {
    const none = { refused: [], lost: [], duplicated: [], reordered: [], corrupted: 0 };
    for (const [address, source] of [
      [server.ip4, client.on('wire').ip4[1]],
      [server.ip6, client.on('wire').ip6[1]],
    ] as const) {
      assert.ok(source);
      const { there, back, rttMs } = await exchange(client, server, address, { count: 200, source });
      for (const { delayMs, arrivedMs, order, ...rest } of [there, back]) {
        assert.deepEqual(rest, { sent: 200, ...none });
        assert.deepEqual(order, [...Array(200).keys()]);
        assert.equal(arrivedMs.length, 200);
        assert.ok(spread(delayMs).median < 1, JSON.stringify(spread(delayMs)));
      }
      assert.ok(spread(rttMs).median < 2, JSON.stringify(spread(rttMs)));
    }
  });

  test('a delay is told by its direction', async () => {
    await shape(client, 'netem', 'delay', '40ms');
    await shape(server, 'netem', 'delay', '15ms');
    for (const address of addresses()) {
      const { there, back, rttMs } = await exchange(client, server, address, { intervalMs: 4 });
      for (const [delays, wanted] of [
        [there.delayMs, 40],
        [back.delayMs, 15],
        [rttMs, 55],
      ] as const) {
        const { min, median } = spread(delays);
        assert.ok(min >= wanted && min < wanted + 1, `the least delay: ${min}, not ${wanted}`);
        about(median, wanted + 1, 2, 'the median'); // a busy machine adds to it
      }
    }
  });

  test('lost are as many as tc dropped', async () => {
    await shape(client, 'netem', 'loss', '20%');
    for (const address of addresses()) {
      const { lost, duplicated, corrupted, drops } = await streamAndCount(address);
      assert.deepEqual([lost.length, duplicated, corrupted], [drops, [], 0]);
      assert.ok(drops > 0);
    }
  });

  test("what the sender's own kernel refuses is refused and lost", async () => {
    const every = ['-m', 'statistic', '--mode', 'nth', '--every', '5', '--packet', '0'];
    await client.run('iptables-legacy', ['-A', 'OUTPUT', '-p', 'udp', ...every, '-j', 'DROP']);
    const { refused, lost } = await streamAndCount(server.ip4, { count: 50 });
    await client.run('iptables-legacy', ['-F', 'OUTPUT']);
    assert.equal(refused.length, 10);
    assert.deepEqual(lost, refused);
  });

  test('duplicates are as many as tc sent too many', async () => {
    await shape(client, 'netem', 'duplicate', '10%');
    for (const address of addresses()) {
      const { sent, lost, duplicated, order, packets } = await streamAndCount(address);
      assert.deepEqual([lost, duplicated.length, order.length], [[], packets - sent, packets]);
      assert.ok(duplicated.length > 0);
    }
  });

  test('corruption is counted, and what is corrupted reaches nobody', async () => {
    await shape(client, 'netem', 'corrupt', '20%');
    for (const address of addresses()) {
      const { sent, lost, corrupted, duplicated } = await streamAndCount(address, {
        count: 300,
        bytes: 1000,
      });
      about(corrupted / sent, 0.2, 0.1, 'share corrupted');
      about(lost.length, corrupted, 0.1 * corrupted, 'lost');
      assert.deepEqual(duplicated, []);
    }
  });

  test('every fifth packet overtakes', async () => {
    await shape(client, 'netem', 'delay', '30ms', 'reorder', '100%', 'gap', '5');
    for (const address of addresses()) {
      const { lost, reordered, order } = await streamAndCount(address, { count: 200, intervalMs: 2 });
      assert.deepEqual([lost, order.length], [[], 200]);
      const early = order.filter((number, at) => order.slice(at).some((later) => later < number));
      about(early.length, 40, 3, 'overtaking');
      about(reordered.length, 160, 10, 'overtaken');
    }
  });

  test('a rate is a rate, of TCP and of UDP', async () => {
    const rate = 125_000;
    await shape(client, 'tbf', 'rate', '1mbit', 'burst', '4kb', 'latency', '200ms');
    const times = { durationMs: 1200, skipMs: 300 };
    const tcp = await throughput(client, server, server.ip4, times);
    about(tcp.bytesPerSecond / ((rate * 1448) / 1514), 1, 0.05, 'TCP');
    const udp = await udpThroughput(client, server, server.ip6, { offered: 2 * rate, ...times });
    about(udp.bytesPerSecond / ((rate * 1200) / 1262), 1, 0.05, 'UDP');
  });

  test('a flow goes on until it is stopped, and tells when things changed', async () => {
    const flow = await openStream(client, server, server.ip4, { intervalMs: 1 });
    await shape(client, 'netem', 'delay', '30ms');
    const { sent, lost, delayMs } = await flow.stop();
    assert.deepEqual([lost, delayMs.length], [[], sent]);
    assert.ok((delayMs[0] ?? 99) < 20 && (delayMs.at(-1) ?? 0) >= 29, `${delayMs[0]} to ${delayMs.at(-1)}`);
  });

  test('a cell is a container to the code of faults, and its other network is another one', async () => {
    await createNetns().enter(server.container, async (ns) => {
      const { stdout } = await ns.run('ip', ['-o', 'addr']);
      for (const { ip4 = '', ip6 = '' } of server.container.attachments)
        assert.ok(stdout.includes(`${ip4}/`) && stdout.includes(`${ip6}/`), stdout);
    });
    await assert.rejects(client.run('ip', ['route', 'get', server.on('other').ip4[0]]));
    assert.equal(await connects(client, server.ip6, 9), 'refused');
  });
});
