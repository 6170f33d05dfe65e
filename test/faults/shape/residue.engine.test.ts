import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Effect } from '../../../src/core/types.ts';
import type { FaultContext, World } from '../../../src/faults/fault.ts';
import { networkBandwidth } from '../../../src/faults/network-bandwidth.ts';
import { deviceNamesOf, filterHandle, PREF } from '../../../src/faults/shape/lane.ts';
import { readDevices, removeDevices } from '../../../src/faults/shape/sweep.ts';
import { type Lab, type LabContainer, openLab } from '../../lab/lab.ts';
import {
  again,
  context,
  inject,
  inNetns,
  intend,
  observe,
  observed,
  recover,
  recoverAll,
  recoverFully,
  snapshot,
  strike,
  worldOf,
} from '../net-support.ts';
import { assertShare, devicesIn, type Path, share } from '../shape-support.ts';

const FAULT = {
  type: 'network-bandwidth',
  direction: 'both',
  to: [{ service: 'redis' }],
  rate: '8mbit',
};
const NOTHING = { done: true, how: 'no filters were there' };

let lab: Lab;
let network: string;
let web: LabContainer;
let redis: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('residue');
  network = await lab.network({ ipv6: true });
  [web, redis] = (await Promise.all(
    ['web', 'redis'].map((service) => lab.run({ network, project: 'shop', service })),
  )) as [LabContainer, LabContainer];
  world = await worldOf([web, redis]);
});
afterEach(recoverAll);
after(() => lab?.close());

/** Runs a line of ip or tc in the target's namespace. `EGRESS` and `INGRESS` stand for the effect's devices. */
async function line(effect: Effect, text: string): Promise<void> {
  const [egress = '', ingress = ''] = deviceNamesOf(effect);
  const words = text.replace('EGRESS', egress).replace('INGRESS', ingress).split(' ');
  await inNetns(web, ...words);
}

async function assertLimited(): Promise<void> {
  const out = { from: web, to: redis, address: await redis.ip4(network), proto: 'udp' } as const;
  const back: Path = { from: redis, to: web, address: await web.ip6(network), proto: 'udp' };
  assertShare(await share(out), true, 'out');
  assertShare(await share(back), true, 'in');
}

/**
 * A context whose process dies after so many lines of ip(8) and tc(8) that change something. `died` tells whether it came to that.
 */
function mortal(lines: number): { context: FaultContext; died(): boolean } {
  let left = lines;
  let died = false;
  const enter: FaultContext['netns']['enter'] = (container, use) =>
    context.netns.enter(container, (ns) =>
      use({
        ...ns,
        run: async (program, args, stdin) => {
          if (died) throw new Error('dead');
          if (stdin === undefined || args.includes('-j')) return ns.run(program, args, stdin);
          const all = stdin.split('\n').filter((text) => text !== '');
          const some = all.slice(0, left);
          left -= some.length;
          died = some.length < all.length;
          if (!died) return ns.run(program, args, stdin);
          if (some.length > 0) await ns.run(program, args, `${some.join('\n')}\n`);
          throw new Error('dies');
        },
      }),
    );
  return { context: { ...context, netns: { enter } }, died: () => died };
}

describe('a process that dies between any two lines', () => {
  it('of an injection: the next one recovers, or goes on', async () => {
    const was = await snapshot(web);
    let lines = 0;
    for (; ; lines++) {
      const { context: dying, died } = mortal(lines);
      const effect = await intend(FAULT, web, world);
      await networkBandwidth.inject(dying, effect).catch(() => {});
      if (!died()) {
        await recoverFully(effect);
        break;
      }
      assert.notEqual(await observe(effect), 'present', `${lines} lines`);
      await recoverFully(effect);
      assert.equal(await snapshot(web), was, `recovered after ${lines} lines`);
      assert.deepEqual(await recover(effect), NOTHING);

      const other = await intend(FAULT, web, world);
      await networkBandwidth.inject(mortal(lines).context, other).catch(() => {});
      const resumed = await again(other, web);
      await inject(resumed);
      assert.equal(await observe(resumed), 'present', `resumed after ${lines} lines`);
      await recoverFully(resumed);
      assert.equal(await snapshot(web), was, `resumed after ${lines} lines, and recovered`);
    }
    // Two devices of two or three lines, their qdiscs, a clsact, two filters.
    assert.ok(lines >= 9, `${lines} lines`);
  });

  it('of a recovery: the next one ends it', async () => {
    const was = await snapshot(web);
    let lines = 0;
    for (; ; lines++) {
      const { context: dying, died } = mortal(lines);
      const effect = await strike(FAULT, web, world);
      await networkBandwidth.recover(dying, effect).catch(() => {});
      if (!died()) break;
      await recoverFully(effect);
      assert.equal(await snapshot(web), was, `${lines} lines`);
    }
    assert.ok(lines >= 4, `${lines} lines`);
    assert.equal(await snapshot(web), was);
  });
});

describe('recovery', () => {
  const STATES: [what: string, make: (effect: Effect) => Promise<void>][] = [
    ['nothing', async () => {}],
    ['a device alone', (effect) => line(effect, 'ip link add name EGRESS type ifb')],
    ['a clsact alone', (effect) => line(effect, 'tc qdisc add dev eth0 clsact')],
    [
      'a device whose alias somebody changed',
      async (effect) => {
        await inject(effect);
        await line(effect, 'ip link set dev EGRESS alias x');
      },
    ],
    [
      'filters whose devices somebody removed',
      async (effect) => {
        await inject(effect);
        await line(effect, 'ip link del dev EGRESS');
        await line(effect, 'ip link del dev INGRESS');
      },
    ],
    [
      'one filter of two',
      async (effect) => {
        await inject(effect);
        await line(effect, 'tc filter del dev eth0 ingress');
      },
    ],
    [
      'one filter of two, without its device',
      async (effect) => {
        await inject(effect);
        await line(effect, 'tc filter del dev eth0 egress');
        await line(effect, 'ip link del dev EGRESS');
        await line(effect, 'ip link del dev INGRESS');
      },
    ],
    [
      'devices whose filters somebody removed',
      async (effect) => {
        await inject(effect);
        await line(effect, 'tc qdisc del dev eth0 clsact');
      },
    ],
    [
      'a device that is down',
      async (effect) => {
        await inject(effect);
        await line(effect, 'ip link set dev INGRESS down');
      },
    ],
    [
      'nothing any more',
      async (effect) => {
        await inject(effect);
        await line(effect, 'tc qdisc del dev eth0 clsact');
        await line(effect, 'ip link del dev EGRESS');
        await line(effect, 'ip link del dev INGRESS');
      },
    ],
  ];
  for (const [what, make] of STATES) {
    it(`from ${what}, and once more from nothing`, async () => {
      const was = await snapshot(web);
      const effect = await intend(FAULT, web, world);
      await make(effect);
      await recoverFully(effect);
      assert.equal(await snapshot(web), was);
      assert.deepEqual(await recover(effect), NOTHING);
    });
  }

  it('from half, beside another that stays', async () => {
    const stays = await strike({ ...FAULT, ports: [7001] }, web, world);
    const stands = await snapshot(web);
    const effect = await strike({ ...FAULT, ports: [7002] }, web, world);
    const one = `pref ${PREF} handle ${filterHandle(deviceNamesOf(effect)[0] ?? '')} bpf`;
    await line(effect, `tc filter del dev eth0 egress protocol all ${one}`);
    await recoverFully(effect);
    assert.equal(await snapshot(web), stands);
    assert.equal(await observe(stays), 'present');
  });

  it('of a target that stopped or restarted is done', async () => {
    const short = await lab.run({ network, project: 'shop', service: 'short' });
    const effect = await strike(FAULT, short, await worldOf([short, redis]));
    await short.restart();
    assert.equal(await observe(effect), 'gone');
    assert.equal((await recover(effect)).done, true);
    await short.stop();
    assert.equal(await observe(effect), 'gone');
    assert.equal((await recover(effect)).done, true);
    await assert.rejects(inject(effect), { code: 'SQ307' });
    await short.remove();
  });

  it('does not enter a container that took over the pid', async () => {
    const effect = await strike(FAULT, web, world);
    const theirs = await strike(FAULT, redis, await worldOf([web, redis]), {
      runId: effect.runId,
      resolved: { v4: ['192.0.2.1'], v6: [], any: false, missing: [], networks: [network] },
    });
    const stands = await snapshot(redis);
    const undo = { ...(effect.undo as object), pid: await redis.pid() };
    await recover({ ...effect, undo });
    assert.equal(await snapshot(redis), stands);
    assert.equal(await observe({ ...effect, undo }), 'gone');
    await recoverFully(theirs);
    await recoverFully(effect);
  });

  it('waits for packets that are in the device, for a second at the most', async () => {
    const effect = await strike(
      { ...FAULT, direction: 'egress', rate: '200kbit', limit: '1MiB' },
      web,
      world,
    );
    const address = await redis.ip4(network);
    await share({ from: web, to: redis, address, proto: 'udp' }, 2e6);
    const first = await recover(effect);
    assert.ok(!first.done && /\d+ packets to leave the device/.test(first.waiting), JSON.stringify(first));
    assertShare(await share({ from: web, to: redis, address, proto: 'udp' }), false, 'meanwhile');
    const begun = performance.now();
    await recoverFully(effect);
    const took = performance.now() - begun;
    assert.ok(took > 900 && took < 2000, `${took} ms`);
    assert.deepEqual(await devicesIn(web), []);
  });
});

describe('drift', () => {
  const CHANGES: [what: string, lines: string[], seen?: 'absent'][] = [
    ['a qdisc deleted', ['tc qdisc del dev EGRESS root']],
    ['another qdisc', ['tc qdisc replace dev INGRESS root handle 3: bfifo']],
    ['a filter deleted', ['tc filter del dev eth0 egress']],
    ['a clsact deleted', ['tc qdisc del dev eth0 clsact']],
    ['a device set down, where packets are lost', ['ip link set dev EGRESS down']],
    ['a device deleted, where packets are lost', ['ip link del dev INGRESS']],
    ['both devices deleted', ['ip link del dev EGRESS', 'ip link del dev INGRESS'], 'absent'],
    ['another alias', ['ip link set dev EGRESS alias theirs']],
    [
      'everything removed',
      ['tc qdisc del dev eth0 clsact', 'ip link del dev EGRESS', 'ip link del dev INGRESS'],
      'absent',
    ],
  ];
  for (const [what, lines, seen = 'drifted'] of CHANGES) {
    it(`${what}: seen, and mended`, async () => {
      const was = await snapshot(web);
      const effect = await strike(FAULT, web, world);
      const stands = await snapshot(web);
      for (const text of lines) await line(effect, text);
      assert.equal(await observe(effect), seen);
      await inject(await again(effect, web));
      assert.equal(await observe(effect), 'present');
      assert.equal(withoutIndexes(await snapshot(web)), withoutIndexes(stands));
      await assertLimited();
      await recoverFully(effect);
      assert.equal(await snapshot(web), was);
    });
  }
});

/** What is made anew has other numbers. */
function withoutIndexes(facts: string): string {
  return facts.replace(/\b(bpf chain 0 handle 0x\S+) .*/g, '$1').replace(/\bindex \d+/g, 'index N');
}

describe('the sweep', () => {
  it('reads who made a device, for what and until when', async () => {
    const effect = await strike(FAULT, web, world);
    const { instance, experiment, runId: run, deadline } = effect;
    const mark = { instance, experiment, run, deadline: deadline.wall };
    const seen = await readDevices(context.netns, await observed(web));
    const expected = deviceNamesOf(effect).map((device) => ({ device, mark }));
    assert.deepEqual(
      seen.toSorted((a, b) => a.device.localeCompare(b.device)),
      expected.toSorted((a, b) => a.device.localeCompare(b.device)),
    );
  });

  it('removes what is named and marked with its filters, and nothing else', async () => {
    const was = await snapshot(web);
    const kept = await strike({ ...FAULT, ports: [7001] }, web, world);
    await inNetns(web, 'ip', 'link', 'add', 'name', 'sq-unmarked', 'type', 'ifb');
    const stands = await snapshot(web);
    const orphan = await strike({ ...FAULT, ports: [7002] }, web, world);
    const container = await observed(web);
    const named = [...deviceNamesOf(orphan), 'sq-unmarked', 'eth0'];
    const removed = await removeDevices(context.netns, container, named);
    assert.deepEqual(removed.sort(), deviceNamesOf(orphan).sort());
    assert.equal(withoutIndexes(await snapshot(web)), withoutIndexes(stands));
    assert.equal(await observe(kept), 'present');
    const seen = await readDevices(context.netns, container);
    assert.deepEqual(
      seen.find(({ device }) => device === 'sq-unmarked'),
      {
        device: 'sq-unmarked',
        mark: undefined,
      },
    );
    await recoverFully(kept);
    await inNetns(web, 'ip', 'link', 'del', 'dev', 'sq-unmarked');
    assert.equal(await snapshot(web), was);
  });

  it('takes the clsact with the last of them', async () => {
    const was = await snapshot(web);
    const orphan = await strike(FAULT, web, world);
    await removeDevices(context.netns, await observed(web), deviceNamesOf(orphan));
    assert.equal(await snapshot(web), was);
  });
});
