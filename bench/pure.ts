import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonical, hash } from '../src/core/canonical.ts';
import { deadlineIn, systemClock } from '../src/core/clock.ts';
import { LABEL_ENABLED, LABEL_PROJECT, LABEL_SERVICE } from '../src/core/marks.ts';
import type { Container, Declared, ExperimentSpec } from '../src/core/types.ts';
import { openJournal } from '../src/journal/journal.ts';
import { type PlanInput, planExperiment } from '../src/plan/plan.ts';
import { WHOLE_HOST } from '../test/lab/host.ts';
import type { Measure } from './stats.ts';

/** A durable intent: one transaction, on the disk when it returns. In the directory for temporary files. */
export function measureJournal(count: number): Measure {
  const dir = mkdtempSync(join(tmpdir(), 'squall-bench-'));
  const journal = openJournal(join(dir, 'journal.db'));
  try {
    const values = Array.from({ length: count }, (_, index) => {
      const start = performance.now();
      journal.transaction(() => journal.effects.intend(intent(journal.instance, index)));
      return performance.now() - start;
    });
    return { name: 'journal', what: 'one durable intent in the journal', values };
  } finally {
    journal.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function intent(instance: string, index: number) {
  return {
    ...{ runId: `bench-${index}`, experiment: 'bench', instance, incarnation: '', slot: 0 },
    target: { id: hash(String(index)), name: 'bench' },
    fault: { type: 'network-block', direction: 'egress', to: [{ any: true }] },
    resolved: { any: true },
    undo: { pid: 1, netns: 1, v4: 'nft' },
    deadline: deadlineIn(systemClock, 60_000),
    at: systemClock.now(),
  };
}

/** A plan of each of `size` experiments over `size` containers, from nothing to a run: ms for all of them. Pure. */
export function measurePlan(size: number, count: number): Measure {
  const containers = Array.from({ length: size }, (_, index) => container(index));
  const inputs = containers.map(({ name }, index) => input(declared(name, index), containers));
  const values = Array.from({ length: count }, () => {
    const start = performance.now();
    for (const one of inputs)
      if (planExperiment(one).actions.length !== 2) throw new Error(`${one.name} does not start`);
    return performance.now() - start;
  });
  return { name: `plan-${size}`, what: `plans of ${size} experiments over ${size} containers`, values };
}

function input(manifest: Declared, containers: readonly Container[]): PlanInput {
  return {
    name: manifest.name,
    clock: systemClock,
    manifest,
    record: undefined,
    run: undefined,
    effects: [],
    observations: new Map(),
    world: { containers, hosts: new Map(), host: WHOLE_HOST },
    others: [],
    foreign: [],
    self: new Set(),
    inherited: undefined,
    policies: [],
    gate: { holds: true, message: '' },
    running: [],
    runsSince: () => [],
    halted: false,
    fresh: { uid: 'bench', runNumber: 1 },
  };
}

function declared(target: string, index: number): Declared {
  const spec: ExperimentSpec = {
    duration: '60s',
    targets: { select: { project: 'bench', names: [target] }, mode: 'all' },
    faults: [{ type: 'network-block', direction: 'egress', to: [{ cidr: '198.51.100.0/24' }] }],
  };
  const source = { file: 'bench.yaml', line: 1, column: 1 };
  return {
    kind: 'Experiment',
    name: `bench-${index}`,
    labels: {},
    spec,
    specHash: hash(canonical(spec)),
    source,
  };
}

function container(index: number): Container {
  const name = `bench-service-${index}`;
  return {
    id: hash(name),
    name,
    image: 'bench:1',
    labels: { [LABEL_ENABLED]: 'true', [LABEL_PROJECT]: 'bench', [LABEL_SERVICE]: name },
    state: 'running',
    health: 'none',
    pid: 100_000 + index,
    startedAt: '2026-01-01T00:00:00Z',
    attachments: [{ network: 'bench', ip4: `10.0.${index >> 8}.${index & 255}`, aliases: [name] }],
    networkMode: 'bench',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
  };
}
