import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
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

describe('doctor on this host', () => {
  it('finds that every fault works, by trying', async () => {
    await lab.run({ name: 'patient' });
    const { code, check, faults } = await doctor();
    assert.equal(code, 0);
    assert.deepEqual(
      faults.filter(({ state }) => state !== 'ok'),
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
    assert.match(out, /\nnetwork-loss +ok /);
  });
});
