import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Declared, ExperimentSpec } from '../../src/core/types.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';
import { type Controller, createController, watchClock } from '../../src/reconcile/controller.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { createHostCache } from '../../src/reconcile/hosts.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { WHOLE_HOST } from './host.ts';

/** The daemon's loop in this process: real journal, real namespaces and rules, the clock and the containers that a test gives it. */
export interface Loop {
  journal: Journal;
  controller: Controller;
  /** Steps of the wall clock that were seen, in ms. */
  steps: number[];
  declare(name: string, spec: ExperimentSpec): void;
  remove(name: string): void;
  close(): Promise<void>;
}

export function openLoop(
  clock: Clock,
  world: Pick<ReconcileDeps, 'inventory'> & { docker: ReconcileDeps['faults']['docker'] },
): Loop {
  const dir = mkdtempSync(join(tmpdir(), 'squall-loop-'));
  const journal = openJournal(join(dir, 'journal.db'));
  const log = createLog('silent');
  const experiments = new Map<string, Declared>();
  const deps: ReconcileDeps = {
    journal,
    clock,
    log,
    claimant: 'daemon:test',
    faults: { clock, log, docker: world.docker, netns: createNetns(), instance: journal.instance },
    at: () => {},
    metrics: createMetrics('0', journal.instance),
    manifests: { state: () => desiredState(experiments.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: world.inventory,
    hosts: createHostCache(clock, log, async () => []),
    halt: openHaltFile(join(dir, 'halt')),
    host: WHOLE_HOST,
    foreign: () => [],
    self: new Set(),
  };
  const controller = createController(deps);
  const steps: number[] = [];
  const stopWatch = watchClock(clock, (ms) => {
    steps.push(ms);
    controller.addAll();
  });
  const source = { file: 'e.yaml', line: 1, column: 1 };
  return {
    journal,
    controller,
    steps,
    declare: (name, spec) => {
      experiments.set(name, { kind: 'Experiment', name, labels: {}, spec, specHash: specHash(spec), source });
      controller.add(name);
    },
    remove: (name) => {
      experiments.delete(name);
      controller.add(name);
    },
    close: async () => {
      stopWatch();
      await controller.drain();
      journal.close();
      rmSync(dir, { recursive: true });
    },
  };
}
