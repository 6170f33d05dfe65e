import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, Effect, FaultSpec } from '../../src/core/types.ts';
import type { FaultContext, World } from '../../src/faults/fault.ts';
import { faultKind } from '../../src/faults/index.ts';
import { createDocker, type DockerEngine } from '../../src/runtime/docker.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import type { LabContainer } from '../lab/lab.ts';
import { trafficControl } from '../lab/snapshot.ts';

export const docker: DockerEngine = createDocker();

/** A context on the real engine and real namespaces. */
export const context: FaultContext = {
  clock: systemClock,
  log: createLog('silent'),
  docker,
  netns: createNetns(),
  instance: '0badcafe',
};

const run = promisify(execFile);

/** As the engine describes it now. */
export async function observed(container: LabContainer): Promise<Container> {
  const found = await docker.inspect(container.id);
  assert.ok(found, `${container.name} is not there`);
  return found;
}

/** The world of these containers alone. */
export async function worldOf(
  containers: readonly LabContainer[],
  change: Partial<World> = {},
): Promise<World> {
  return {
    containers: await Promise.all(containers.map(observed)),
    hosts: new Map(),
    host: WHOLE_HOST,
    ...change,
  };
}

let count = 0;

/** What the engine does before `inject`: resolve, prepare, journal. Each effect is a run of its own unless `change` says otherwise. */
export async function intend(
  fault: FaultSpec,
  target: LabContainer,
  world: World,
  change: Partial<Effect> = {},
): Promise<Effect> {
  const kind = faultKind(fault.type);
  const container = await observed(target);
  const effect: Effect = {
    id: ++count,
    runId: `net-test-${process.pid}-${count}`,
    experiment: 'net-test',
    instance: context.instance,
    target: { id: container.id, name: container.name },
    incarnation: container.startedAt,
    slot: 0,
    fault,
    resolved: kind.resolve(fault, container, world),
    undo: null,
    phase: 'intended',
    epoch: 1,
    deadline: deadlineIn(systemClock, 120_000),
    intendedAt: Date.now(),
    injectedAt: null,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: 1,
    error: null,
    ...change,
  };
  // Through JSON, as the journal keeps it: recovery in another process sees no more than that.
  const undo = change.undo ?? (await kind.prepare(context, effect, container));
  return JSON.parse(JSON.stringify({ ...effect, undo })) as Effect;
}

const struck: Effect[] = [];

/** Recovers all that this process struck, so that a failed test does not fail those after it. */
export async function recoverAll(): Promise<void> {
  await Promise.all(struck.splice(0).map(recover));
}

/** Intends and injects. The effect comes back as the next pass would prepare it: the journal knows of it by then. */
export async function strike(
  fault: FaultSpec,
  target: LabContainer,
  world: World,
  change: Partial<Effect> = {},
): Promise<Effect> {
  const effect = await intend(fault, target, world, change);
  struck.push(effect);
  await inject(effect);
  return again(effect, target);
}

/** The effect prepared once more, as for an edit or a retry. */
export async function again(effect: Effect, target: LabContainer): Promise<Effect> {
  const undo = await faultKind(effect.fault.type).prepare(context, effect, await observed(target));
  return { ...effect, undo };
}

/** Injects and reads back, as the engine does. */
export async function inject(effect: Effect): Promise<void> {
  const kind = faultKind(effect.fault.type);
  await kind.inject(context, effect);
  await kind.verify?.(context, effect);
}

export const observe = (effect: Effect) => faultKind(effect.fault.type).observe(context, effect);
export const recover = (effect: Effect) => faultKind(effect.fault.type).recover(context, effect);

/** Runs a program in the container's network namespace and gives its output; rejects where it fails. */
export async function inNetns(container: LabContainer, ...command: string[]): Promise<string> {
  const { stdout } = await run('nsenter', ['-t', String(await container.pid()), '-n', ...command]);
  return stdout;
}

const SAVES = ['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'];

/**
 * All rules of both back ends and families, devices and traffic control. Comments and counters are left out, and tables without any rule: an empty table
 * and none are one thing to a packet, and no iptables can take one away. Legacy is only read where it holds tables.
 */
export async function snapshot(container: LabContainer): Promise<string> {
  const pid = await container.pid();
  const texts = await Promise.all(
    SAVES.map(async (program) => {
      const names = `/proc/${pid}/net/${program.startsWith('ip6') ? 'ip6' : 'ip'}_tables_names`;
      if (program.includes('legacy') && (await run('cat', [names])).stdout.trim() === '') return '';
      return `${program}\n${normal(await inNetns(container, program))}`;
    }),
  );
  return [...texts, ...(await trafficControl(String(pid)))].join('\n');
}

function normal(saved: string): string {
  const lines = saved
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, '[0:0]'));
  const tables = lines.join('\n').split(/^(?=\*)/m);
  return tables.filter((table) => /^-A|^:\S+ -|^:\S+ DROP/m.test(table)).join('');
}
