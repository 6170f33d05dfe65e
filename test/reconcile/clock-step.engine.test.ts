import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { createInventory } from '../../src/runtime/inventory.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { openLoop } from '../lab/loop.ts';

const run = promisify(execFile);
const HOUR = 3_600_000;

/** The end that the kernel was told, in ms since the epoch: the second after the inclusive datestop. */
async function kernelEnd(target: LabContainer): Promise<number> {
  const args = ['-t', String(await target.pid()), '-n', 'iptables-save', '-t', 'filter'];
  const { stdout } = await run('nsenter', args);
  const [, stamp] = /-A OUTPUT .*--datestop (\S+)/.exec(stdout) ?? [];
  return Date.parse(`${stamp}Z`) + 1000;
}

describe('a step of the wall clock, by an injected clock over real rules', () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('step');
  });
  after(() => lab.close());

  test('rewrites the kernel’s own end, forward and back, and the run still ends by boot time', async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, now: () => Date.now() + offset };
    const target = await lab.run({ network: await lab.network() });
    const docker = createDocker();
    const inventory = createInventory(docker, clock, createLog('silent'));
    await inventory.start();
    const loop = openLoop(clock, { docker, inventory });
    try {
      loop.declare('e', {
        duration: '60s',
        targets: { select: { names: [target.name] }, mode: 'all' },
        faults: [{ type: 'network-block', to: [{ cidr: '198.51.100.0/24' }] }],
      });
      await loop.controller.idle();
      const began = await kernelEnd(target);
      const deadline = loop.journal.runs.list()[0]?.deadline;
      assert.ok(Math.abs(began - (deadline?.wall ?? 0)) <= 1000);
      for (const step of [HOUR, -2 * HOUR]) {
        offset += step;
        await until(
          'the rule to be rewritten',
          async () => Math.abs((await kernelEnd(target)) - began - offset) <= 2000,
        );
        assert.deepEqual(
          loop.journal.runs.list()[0]?.deadline,
          deadline,
          'the run’s own deadline is in boot time and stands',
        );
      }
      // any pass finds the difference; the watch is what makes one happen where nothing else does
      await until(
        'both steps to be seen',
        () => String(loop.steps.map((ms) => Math.round(ms / HOUR))) === '1,-2',
      );
      loop.remove('e');
      await until('it to be gone', () => loop.journal.experiments.get('e') === undefined);
      assert.ok(Number.isNaN(await kernelEnd(target)));
    } finally {
      await loop.close();
      await inventory.close();
      docker.close();
    }
  });
});
