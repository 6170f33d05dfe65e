import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { World } from '../../../src/faults/fault.ts';
import { type Lab, type LabContainer, openLab } from '../../lab/lab.ts';
import {
  edit,
  inNetns,
  intend,
  observe,
  recoverAll,
  recoverFully,
  snapshot,
  strike,
  worldOf,
} from '../net-support.ts';
import { assertShare, assertUntouched, devicesIn, flooding, type Path, share } from '../shape-support.ts';

const FAULT = { type: 'network-bandwidth', to: [{ service: 'redis' }], rate: '8mbit' };

let lab: Lab;
let red: string;
let blue: string;
/** web is on both networks: red is its eth0, blue its eth1. redis is on red, mail on blue. */
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('interfaces');
  [red, blue] = [await lab.network({ ipv6: true }), await lab.network({ ipv6: true })];
  web = await lab.run({ network: red, project: 'shop', service: 'web' });
  await web.connect(blue);
  redis = await lab.run({ network: red, project: 'shop', service: 'redis' });
  mail = await lab.run({ network: blue, project: 'shop', service: 'mail' });
  world = await worldOf([web, redis, mail]);
});
afterEach(recoverAll);
after(() => lab?.close());

/** A blank inside an argument is written as one that does not break. */
const tc = (container: LabContainer, command: string) =>
  inNetns(container, 'tc', ...command.split(' ').map((word) => word.replaceAll('\u00a0', ' ')));
const ip = (container: LabContainer, command: string) => inNetns(container, 'ip', ...command.split(' '));

async function toRedis(): Promise<Path> {
  return { from: web, to: redis, address: await redis.ip4(red), proto: 'udp' };
}

async function toMail(): Promise<Path> {
  return { from: web, to: mail, address: await mail.ip6(blue), proto: 'udp' };
}

describe('a container on two networks', () => {
  const filtersOn = async (dev: string) => {
    if (!(await tc(web, `qdisc show dev ${dev}`)).includes('clsact')) return 0;
    const shown = await tc(web, `filter show dev ${dev} egress`);
    return shown.split('\n').filter((line) => line.includes('handle 0x')).length;
  };
  const on = async (): Promise<[red: number, blue: number]> => [
    await filtersOn('eth0'),
    await filtersOn('eth1'),
  ];
  it('has the fault on the interface that leads to the peer alone', async () => {
    const was = await snapshot(web);
    for (const [service, place, path] of [
      ['redis', [1, 0], toRedis],
      ['mail', [0, 1], toMail],
    ] as const) {
      const effect = await strike({ ...FAULT, to: [{ service }] }, web, world);
      assert.deepEqual(await on(), place, service);
      assertShare(await share(await path()), true, service);
      await recoverFully(effect);
      assert.equal(await snapshot(web), was);
    }
  });

  it('has it on both where the peers are, and one rate for all', async () => {
    const was = await snapshot(web);
    const effect = await strike({ ...FAULT, to: [{ service: 'redis' }, { service: 'mail' }] }, web, world);
    assert.deepEqual(await on(), [1, 1]);
    assert.equal((await devicesIn(web)).length, 1);
    const shares = await Promise.all([share(await toRedis()), share(await toMail())]);
    assertShare(shares[0] + shares[1], true, 'both together');
    await recoverFully(effect);
    assert.equal(await snapshot(web), was);
  });

  it('has it on the named interface alone', async () => {
    const was = await snapshot(web);
    const effect = await strike({ ...FAULT, to: [{ any: true }], interface: 'eth1' }, web, world);
    assert.deepEqual(await on(), [0, 1]);
    const [flow, limited] = await Promise.all([flooding(await toRedis()), share(await toMail())]);
    assertUntouched(flow, 'the other interface');
    assertShare(limited, true, 'the named one');
    const stays = await strike({ ...FAULT, to: [{ service: 'mail' }], ports: [1] }, web, world);
    const moved = await edit(effect, { ...FAULT, to: [{ any: true }], interface: 'eth0' }, web, world);
    assert.deepEqual(await on(), [1, 1], 'as edited, and the other one stays');
    assert.equal(await observe(stays), 'present');
    await recoverFully(moved);
    await recoverFully(stays);
    assert.equal(await snapshot(web), was);
  });

  it('is refused where it has no such interface, naming those it has', async () => {
    const was = await snapshot(web);
    await assert.rejects(intend({ ...FAULT, interface: 'eth7' }, web, world), {
      code: 'SQ208',
      message: /no interface eth7/,
      hint: /eth0, eth1/,
    });
    assert.equal(await snapshot(web), was);
  });

  it('is refused where no interface leads to the peer', async () => {
    const island = await lab.run({ network: blue });
    await ip(island, 'route del default');
    await assert.rejects(
      intend({ ...FAULT, to: [{ cidr: '192.0.2.1/32' }] }, island, await worldOf([island])),
      { code: 'SQ209' },
    );
    await island.remove();
  });

  it('has it on an interface that comes later, and not on one that goes', async () => {
    const joins = await lab.run({ network: red });
    const everyone = { ...FAULT, to: [{ any: true }] };
    const effect = await strike(everyone, joins, await worldOf([joins]));
    await joins.connect(blue);
    assert.equal(await observe(effect), 'drifted');
    const more = await edit(effect, everyone, joins, await worldOf([joins]));
    assert.notDeepEqual(more.resolved, effect.resolved, 'the plan sees it');
    const path = { from: joins, to: mail, address: await mail.ip4(blue), proto: 'udp' as const };
    assertShare(await share(path), true, 'the new interface');
    await lab.docker.getNetwork(red).disconnect({ Container: joins.id });
    const less = await edit(more, everyone, joins, await worldOf([joins]));
    assert.equal(await observe(less), 'present');
    await recoverFully(less);
    assert.deepEqual(await devicesIn(joins), []);
    await joins.remove();
  });
});

describe('beside what others made', () => {
  /** Runs `use` with what these commands of tc make, and takes it away again. */
  async function beside(make: string[], take: string[], use: () => Promise<void>): Promise<void> {
    const was = await snapshot(web);
    try {
      for (const command of make) await tc(web, command);
      await use();
    } finally {
      for (const command of take) await tc(web, command);
    }
    assert.equal(await snapshot(web), was);
  }

  const REFUSED: [what: string, qdisc: string, filter?: string][] = [
    ['a filter', 'clsact', 'egress pref 7 protocol ip u32 match ip dport 9 0xffff flowid 1:1'],
    [
      'a filter that sends packets elsewhere',
      'clsact',
      'ingress protocol ip u32 match ip dport 9 0xffff action mirred egress redirect dev lo',
    ],
    [
      "a filter of Squall's own priority",
      'clsact',
      'egress pref 21329 protocol all bpf bytecode 1,6\u00a00\u00a00\u00a00 flowid 1:1',
    ],
    ['an ingress qdisc', 'ingress'],
  ];
  for (const [what, qdisc, filter] of REFUSED) {
    const make = [`qdisc add dev eth0 ${qdisc}`, ...(filter ? [`filter add dev eth0 ${filter}`] : [])];
    it(`${what}: refused, and left as it is`, () =>
      beside(make, [`qdisc del dev eth0 ${qdisc}`], async () => {
        const theirs = await snapshot(web);
        for (const direction of ['egress', 'ingress', 'both'])
          await assert.rejects(intend({ ...FAULT, direction }, web, world), {
            code: 'SQ208',
            message: /eth0 .* (filters|an ingress qdisc) .*that Squall did not make/,
          });
        assert.equal(await snapshot(web), theirs);
        const elsewhere = await strike({ ...FAULT, to: [{ service: 'mail' }] }, web, world);
        assertShare(await share(await toMail()), true, 'on the other interface');
        await recoverFully(elsewhere);
        assert.equal(await snapshot(web), theirs);
      }));
  }

  it('a filter that comes later stays, and so does what it hangs on', async () => {
    const was = await snapshot(web);
    const effect = await strike(FAULT, web, world);
    await tc(web, 'filter add dev eth0 egress protocol ip pref 7 u32 match ip dport 9 0xffff flowid 1:1');
    assert.equal(await observe(effect), 'present');
    await recoverFully(effect);
    assert.deepEqual(await devicesIn(web), []);
    assert.match(await tc(web, 'filter show dev eth0 egress'), /pref 7 u32/);
    await tc(web, 'qdisc del dev eth0 clsact');
    assert.equal(await snapshot(web), was);
  });

  it("an interface's own root qdisc works on, with the fault's own", () =>
    beside(
      ['qdisc add dev eth0 root handle 9: tbf rate 12mbit burst 20kb limit 300kb'],
      ['qdisc del dev eth0 root'],
      async () => {
        const theirs = await snapshot(web);
        const effect = await strike({ ...FAULT, ports: [5001], protocol: 'udp' }, web, world);
        assertShare(await share({ ...(await toRedis()), port: 5001 }), true, "the fault's path");
        const rest = await share({ ...(await toRedis()), port: 5002 });
        assert.ok(Math.abs(rest - 1.5) < 0.15, `${rest} of 8 Mbit/s, and the interface has 12`);
        await recoverFully(effect);
        assert.equal(await snapshot(web), theirs);
      },
    ));

  it('a device of their own stays', async () => {
    const was = await snapshot(web);
    await ip(web, 'link add name ifb7 type ifb');
    await ip(web, 'link set dev ifb7 alias theirs up');
    await tc(web, 'qdisc add dev ifb7 root handle 5: tbf rate 1mbit burst 10kb limit 10kb');
    const theirs = await snapshot(web);
    const effect = await strike(FAULT, web, world);
    assert.equal(await observe(effect), 'present');
    await recoverFully(effect);
    assert.equal(await snapshot(web), theirs);
    await ip(web, 'link del dev ifb7');
    assert.equal(await snapshot(web), was);
  });
});
