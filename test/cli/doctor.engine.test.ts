import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FAULTS } from '../../src/faults/index.ts';
import type { FaultVerdict } from '../../src/report/doctor.ts';
import type { Check } from '../../src/runtime/doctor-check.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { type Scratch, scratch, squall } from './fixture.ts';

let lab: Lab;
let place: Scratch;

before(async () => {
  lab = await openLab('doctor');
  place = scratch();
});

after(async () => {
  await lab.close();
  place.remove();
});

async function doctor(...args: string[]) {
  const { code, out } = await squall(['doctor', '-o', 'json', '--state', join(place.dir, 'state'), ...args]);
  const { checks, faults } = JSON.parse(out) as { checks: Check[]; faults: FaultVerdict[] };
  return { code, check: (id: string) => checks.find((one) => one.id === id), faults };
}

/** Whether the machine that runs this can do it: each by other means than the doctor's. */
function machineHas(): Record<'ifb' | 'classifier' | 'netem' | 'tbf', boolean> {
  const works = (script: string) => spawnSync('unshare', ['--net', 'sh', '-ec', script]).status === 0;
  return {
    ifb: works('ip link add any type ifb && ip -d link show any | grep -w ifb'),
    // Classic BPF that takes every packet: the same modules, without the eBPF program.
    classifier: works(
      "tc qdisc add dev lo clsact && tc filter add dev lo ingress bpf bytecode '1,6 0 0 1' action mirred egress redirect dev lo",
    ),
    netem: works('tc qdisc add dev lo root netem loss 1%'),
    tbf: works('tc qdisc add dev lo root tbf rate 8mbit burst 20k limit 30k'),
  };
}

describe('doctor on this host', () => {
  it('finds by trying what packet-level faults have here', async () => {
    const { check, faults } = await doctor();
    const has = machineHas();
    assert.equal(check('iproute2')?.state, 'ok');
    for (const [id, there] of Object.entries(has)) {
      assert.equal(check(id)?.state, there ? 'ok' : 'missing', id);
      if (!there) assert.match(check(id)?.mend ?? '', /modprobe|modules/);
    }
    const lacking = Object.entries(has).flatMap(([id, there]) => (there ? [] : [id]));
    for (const { type, needs = [] } of FAULTS) {
      const verdict = faults.find(({ fault }) => fault === type);
      const blocked = needs.filter((id) => lacking.includes(id));
      assert.equal(verdict?.state === 'missing', blocked.length > 0, type);
      if (blocked.length > 0) assert.deepEqual(verdict?.because, blocked);
    }
    const loss = faults.find(({ fault }) => fault === 'network-loss');
    assert.equal(loss?.state, has.ifb && has.classifier && has.netem ? 'ok' : 'warn');
  });

  it('finds that all else works, by trying', async () => {
    await lab.run({ name: 'patient' });
    const { code, check, faults } = await doctor();
    assert.equal(code, 0);
    const shaped = FAULTS.filter(({ needs = [] }) => needs.includes('iproute2')).map(({ type }) => type);
    assert.deepEqual(
      faults.filter(({ fault, state }) => state !== 'ok' && !['network-loss', ...shaped].includes(fault)),
      [],
    );
    assert.match(check('engine')?.found ?? '', /^Docker \S+, API 1\.\d+, at unix:/);
    assert.match(check('processes')?.found ?? '', /^[1-9]\d* of \d+ running containers' processes are seen$/);
    assert.match(check('match-time')?.found ?? '', /IPv4 (nft|legacy).*IPv6/);
  });

  it('tells a missing engine and exits with 1', async () => {
    const { code, check, faults } = await doctor('--docker-host', `unix://${join(place.dir, 'none.sock')}`);
    assert.equal(code, 1);
    assert.equal(check('engine')?.state, 'missing');
    assert.match(check('engine')?.mend ?? '', /start Docker/i);
    assert.equal(check('iptables')?.state, 'ok');
    assert.ok(faults.every(({ state }) => state === 'missing'));
  });

  it('tells it as a table too', async () => {
    const { code, out } = await squall(['doctor', '--state', join(place.dir, 'state')]);
    assert.equal(code, 0);
    assert.match(out, /^CHECK +STATE +FOUND\nengine +ok /);
    assert.match(out, /\nnetwork-block +ok /);
  });
});
