import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { type Loop, openLoop } from '../lab/loop.ts';
import { until } from '../lab/until.ts';
import { openWire, type Wire } from '../lab/wire.ts';

const HOUR = 3600;

/** Steps this kernel's wall clock, which is no one else's. */
function step(seconds: number): void {
  const to = Math.round(Date.now() / 1000) + seconds;
  const { status, stderr } = spawnSync('date', ['-s', `@${to}`], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

describe('a wall clock that is really stepped, on a kernel of its own', () => {
  let wire: Wire<'target' | 'peer'>;
  let loop: Loop;
  before(async () => {
    wire = await openWire({ target: {}, peer: {} });
    const docker = {} as ReconcileDeps['faults']['docker']; // faults of the network never ask it
    loop = openLoop(systemClock, { docker, inventory: wire.inventory });
  });
  after(async () => {
    await loop.close();
    await wire.close();
  });

  const block = (duration: string) => ({
    duration,
    targets: { select: { names: ['target'] }, mode: 'all' as const },
    faults: [{ type: 'network-block', direction: 'both', to: [{ cidr: `${wire.cells.peer.ip4}/32` }] }],
  });
  const blocked = async () => !(await wire.cells.target.pings(wire.cells.peer.ip4));
  const upFor = () => systemClock.boot();

  test('a running block stands through steps forward and back, and ends at its time by boot time', async () => {
    assert.equal(await blocked(), false);
    const began = upFor();
    loop.declare('stepped', block('15s'));
    await loop.controller.idle();
    assert.equal(await blocked(), true);
    step(HOUR);
    await until('the rule to be rewritten', blocked, 3000);
    step(-2 * HOUR);
    await until('both steps to be seen', () => loop.steps.length === 2, 3000);
    assert.equal(
      await blocked(),
      true,
      'the kernel was told an end that is two hours away; it must still be the right one',
    );
    await until('the traffic to flow', async () => !(await blocked()), 30_000);
    const took = upFor() - began;
    assert.ok(took >= 14_900 && took < 15_000 + 4000, `${took} ms of 15 s`);
    await until('the run to be over', () => loop.journal.runs.list()[0]?.phase === 'Completed');
  });

  test('with nobody there to rewrite it, a step forward ends a block early: the promise that the documents make no more of', async () => {
    loop.declare('alone', block('60s'));
    await loop.controller.idle();
    assert.equal(await blocked(), true);
    await loop.controller.drain();
    step(HOUR);
    assert.equal(await blocked(), false);
  });
});
