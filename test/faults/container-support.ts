import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, Effect, FaultSpec } from '../../src/core/types.ts';
import type { FaultContext, FaultKind, Recovery } from '../../src/faults/fault.ts';
import { createDocker, type DockerEngine } from '../../src/runtime/docker.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { until } from '../lab/until.ts';

/** A running container as the engine would describe it. */
export function aContainer(change: Partial<Container> = {}): Container {
  return {
    id: 'a'.repeat(64),
    name: 'box',
    image: 'squall-lab/box:1',
    labels: {},
    state: 'running',
    health: 'none',
    pid: 4242,
    startedAt: '2026-01-01T00:00:00.000000001Z',
    attachments: [],
    networkMode: 'default',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
    ...change,
  };
}

/** An effect on `target`, intended now. */
export function anEffect(fault: FaultSpec, target: Container, change: Partial<Effect> = {}): Effect {
  return {
    id: 1,
    runId: 'run-1',
    experiment: 'test',
    instance: '0badcafe',
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot: 0,
    fault,
    resolved: {},
    undo: null,
    phase: 'intended',
    epoch: 1,
    deadline: deadlineIn(systemClock, 60_000),
    intendedAt: Date.now(),
    injectedAt: null,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: 1,
    error: null,
    ...change,
  };
}

export const docker: DockerEngine = createDocker();

/** A context on the real engine, without network namespaces. */
export const context: FaultContext = {
  clock: systemClock,
  log: createLog('silent'),
  docker,
  instance: '0badcafe',
  netns: {
    enter: () => Promise.reject(new Error('a container fault must not enter the network')),
  },
};

export async function seen(id: string): Promise<Container> {
  const container = await docker.inspect(id);
  if (!container) throw new Error(`${id} is gone`);
  return container;
}

/** Does what the engine of runs does: looks, resolves, prepares; the effect is then durable. */
export async function intend(
  kind: FaultKind,
  id: string,
  parameters: Omit<FaultSpec, 'type'> = {},
): Promise<Effect> {
  const target = await seen(id);
  const fault = { ...parameters, type: kind.type };
  const host = WHOLE_HOST;
  const effect = anEffect(fault, target);
  const resolved = kind.resolve(fault, target, { containers: [target], hosts: new Map(), host });
  const undo = await kind.prepare(context, { ...effect, resolved }, target);
  return { ...effect, resolved, undo, intendedAt: Date.now() };
}

/** Intends and injects. */
export async function strike(
  kind: FaultKind,
  id: string,
  parameters: Omit<FaultSpec, 'type'> = {},
): Promise<Effect> {
  const effect = await intend(kind, id, parameters);
  await kind.inject(context, effect);
  return { ...effect, phase: 'injected', injectedAt: Date.now() };
}

/** Recovers as the engine of runs does: again and again until it is done. Gives how, and what was waited for. */
export async function recovered(
  kind: FaultKind,
  effect: Effect,
  limit = 20_000,
): Promise<{ how: string; waits: string[] }> {
  const claimed: Effect = { ...effect, phase: 'recovering', recoveringAt: Date.now() };
  const waits = new Set<string>();
  const how = await until(
    `recovery of ${kind.type}`,
    async () => {
      const answer: Recovery = await kind.recover(context, claimed);
      if (answer.done) return answer.how;
      waits.add(answer.waiting);
      return undefined;
    },
    limit,
    100,
  );
  return { how, waits: [...waits] };
}
