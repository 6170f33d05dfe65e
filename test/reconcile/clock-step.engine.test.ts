import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Declared } from '../../src/core/types.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { specHash } from '../../src/manifests/validate.ts';
import { createController, watchClock } from '../../src/reconcile/controller.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { createHostCache } from '../../src/reconcile/hosts.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { createInventory } from '../../src/runtime/inventory.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';

const run = promisify(execFile);
const HOUR = 3_600_000;

/** The end that the kernel was told, in ms since the epoch: the second after the inclusive datestop. */
async function kernelEnd(target: LabContainer): Promise<number> {
  const { stdout } = await run('nsenter', [
    '-t',
    String(await target.pid()),
    '-n',
    'iptables-save',
    '-t',
    'filter',
  ]);
  const [, stamp] = /-A OUTPUT .*--datestop (\S+)/.exec(stdout) ?? [];
  return Date.parse(`${stamp}Z`) + 1000;
}

describe('a step of the wall clock, by an injected clock over real rules', () => {
  let lab: Lab;
  let dir: string;
  before(async () => {
    lab = await openLab('step');
    dir = mkdtempSync(join(tmpdir(), 'squall-step-'));
  });
  after(async () => {
    rmSync(dir, { recursive: true });
    await lab.close();
  });

  test('rewrites the kernel’s own end, forward and back, and the run still ends by boot time', async () => {
    let offset = 0;
    const clock: Clock = { ...systemClock, now: () => Date.now() + offset };
    const target = await lab.run({ network: await lab.network() });
    const spec: Declared['spec'] = {
      duration: '60s',
      targets: { select: { names: [target.name] }, mode: 'all' },
      faults: [{ type: 'network-block', to: [{ cidr: '198.51.100.0/24' }] }],
    };
    const source = { file: 'e.yaml', line: 1, column: 1 };
    const manifest: Declared = { name: 'e', labels: {}, spec, specHash: specHash(spec), source };
    const experiments = new Map([['e', manifest]]);
    const log = createLog('silent');
    const docker = createDocker();
    const journal = openJournal(join(dir, 'journal.db'));
    const inventory = createInventory(docker, clock, log);
    await inventory.start();
    const deps: ReconcileDeps = {
      journal,
      clock,
      log,
      claimant: 'test',
      faults: { clock, log, docker, netns: createNetns(), instance: journal.instance },
      at: () => {},
      metrics: createMetrics('0', journal.instance),
      manifests: { state: () => ({ experiments, problems: [] }) },
      inventory,
      hosts: createHostCache(clock, log, async () => []),
      halt: openHaltFile(join(dir, 'halt')),
      host: { iptables: true, ip6tables: true },
      foreign: () => [],
      self: new Set(),
    };
    const controller = createController(deps);
    const steps: number[] = [];
    const stopWatch = watchClock(clock, (ms) => {
      steps.push(ms);
      controller.addAll();
    });
    try {
      controller.add('e');
      await controller.idle();
      const began = await kernelEnd(target);
      const deadline = journal.runs.list()[0]?.deadline;
      assert.ok(Math.abs(began - (deadline?.wall ?? 0)) <= 1000);
      for (const step of [HOUR, -2 * HOUR]) {
        offset += step;
        const moved = await until('the rule to be rewritten', async () => {
          const end = await kernelEnd(target);
          return Math.abs(end - began - offset) <= 2000 && end;
        });
        assert.ok(moved);
        assert.deepEqual(
          journal.runs.list()[0]?.deadline,
          deadline,
          'the run’s own deadline is in boot time and stands',
        );
      }
      // any pass finds the difference; the watch is what makes one happen where nothing else does
      await until('both steps to be seen', () => String(steps.map((ms) => Math.round(ms / HOUR))) === '1,-2');
      experiments.clear();
      controller.add('e');
      await until('it to be gone', () => journal.experiments.get('e') === undefined);
      assert.ok(Number.isNaN(await kernelEnd(target)));
    } finally {
      stopWatch();
      await controller.drain();
      await inventory.close();
      docker.close();
      journal.close();
    }
  });
});
