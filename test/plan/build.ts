import { canonical, hash } from '../../src/core/canonical.ts';
import type { Deadline } from '../../src/core/clock.ts';
import type { Manifest, PolicySpec } from '../../src/core/kinds.ts';
import { LABEL_ENABLED, LABEL_PROJECT, LABEL_PROTECT, LABEL_SERVICE } from '../../src/core/marks.ts';
import type {
  Container,
  Declared,
  Effect,
  ExperimentRecord,
  ExperimentSpec,
  FaultSpec,
  Run,
} from '../../src/core/types.ts';
import type { World } from '../../src/faults/fault.ts';
import type { Refusal } from '../../src/plan/actions.ts';
import type { Asked } from '../../src/plan/asked.ts';
import { guard } from '../../src/plan/guard.ts';
import type { PlanInput } from '../../src/plan/plan.ts';
import { refOf } from '../../src/plan/targets.ts';
import { WHOLE_HOST } from '../lab/host.ts';

/** Where a FakeClock stands when it is made. */
export const NOW = Date.UTC(2030, 0, 1);
export const BOOT = 1_000_000;

export const PAUSE: FaultSpec = { type: 'container-pause' };
export const STOP: FaultSpec = { type: 'container-stop' };
export const KILL: FaultSpec = { type: 'container-kill' };
export const RESTART: FaultSpec = { type: 'container-restart' };
export const LOSS: FaultSpec = { type: 'network-loss', to: [{ any: true }], percent: 5 };
export const BLOCK: FaultSpec = { type: 'network-block', to: [{ any: true }] };

/** What a test may say of a container beside its fields. */
export interface ContainerWords extends Partial<Container> {
  project?: string;
  service?: string;
  /** Default true. */
  optIn?: boolean;
  protect?: boolean;
}

/** The id that the container of this name has. */
export function idOf(name: string): string {
  return hash(name);
}

/** A running container that has opted in. Those that are not running have no pid. */
export function container(name: string, words: ContainerWords = {}): Container {
  const { project, service, optIn = true, protect = false, ...change } = words;
  const state = change.state ?? 'running';
  return {
    id: idOf(name),
    name,
    image: 'squall-lab/box:1',
    state,
    health: 'none',
    pid: state === 'running' || state === 'paused' ? 4242 : 0,
    startedAt: '2030-01-01T00:00:00.000000001Z',
    attachments: [{ network: 'net', ip4: addressOf(name), aliases: [name] }],
    networkMode: 'net',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
    ...change,
    labels: {
      ...(optIn && { [LABEL_ENABLED]: 'true' }),
      ...(protect && { [LABEL_PROTECT]: 'true' }),
      ...(project !== undefined && { [LABEL_PROJECT]: project }),
      ...(service !== undefined && { [LABEL_SERVICE]: service }),
      ...change.labels,
    },
  };
}

function addressOf(name: string): string {
  const digits = hash(name, 6);
  return `10.${[0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)).join('.')}`;
}

/** Containers `web-0`, `web-1`, ... that are alike. */
export function containers(count: number, prefix = 'web', words: ContainerWords = {}): Container[] {
  return Array.from({ length: count }, (_, index) => container(`${prefix}-${index}`, words));
}

/** Pauses everything called web-* for a minute, unless told otherwise. The seed draws web-0, web-1, web-2 in this order. */
export function spec(change: Partial<ExperimentSpec> = {}): ExperimentSpec {
  return {
    duration: '60s',
    targets: { select: { names: ['/^web/'] }, mode: 'all', seed: 1 },
    faults: [PAUSE],
    ...change,
  };
}

export function specHash({ suspend: _, ...rest }: ExperimentSpec): string {
  return hash(canonical(rest));
}

/** A manifest named `exp`. */
export function declared(change: Partial<ExperimentSpec> = {}, rest: Partial<Declared> = {}): Declared {
  const wanted = spec(change);
  return {
    kind: 'Experiment',
    name: 'exp',
    labels: {},
    spec: wanted,
    specHash: specHash(wanted),
    source: { file: 'exp.yaml', line: 1, column: 1 },
    ...rest,
  };
}

/** A Policy in a file of its name. */
export function policy(
  spec: PolicySpec,
  { name = 'default', ...rest }: Partial<Manifest<'Policy'>> = {},
): Manifest<'Policy'> {
  const source = { file: `${name}.yaml`, line: 1, column: 1 };
  return { kind: 'Policy', name, labels: {}, spec, specHash: hash(canonical(spec)), source, ...rest };
}

export function record(manifest: Declared, change: Partial<ExperimentRecord> = {}): ExperimentRecord {
  return {
    name: manifest.name,
    uid: 'uid-1',
    generation: 1,
    specHash: manifest.specHash,
    spec: manifest.spec,
    labels: manifest.labels,
    source: manifest.source,
    hold: null,
    phase: 'Pending',
    reason: '',
    message: '',
    conditions: [],
    runId: null,
    runRequested: null,
    owner: null,
    copyOf: null,
    createdAt: NOW,
    updatedAt: NOW,
    ...change,
  };
}

/** `ms` from where a FakeClock stands when it is made. */
export function deadline(ms: number): Deadline {
  return { wall: NOW + ms, boot: BOOT + ms, bootId: 'boot-1' };
}

/** A minute's run of generation 1, just started. */
export function run(
  faults: readonly FaultSpec[],
  targets: readonly Container[],
  change: Partial<Run> = {},
): Run {
  return {
    id: 'exp-1',
    experiment: 'exp',
    generation: 1,
    trigger: 'manifest',
    phase: 'Running',
    reason: 'Started',
    outcome: null,
    startedAt: NOW,
    deadline: deadline(60_000),
    recoveryTimeout: 60_000,
    duration: 60_000,
    template: false,
    faults: faults.map((fault, slot) => ({ slot, fault })),
    targets: targets.map(({ id, name }) => ({ id, name })),
    endedAt: null,
    provenance: null,
    ...change,
  };
}

let effects = 0;

/** An effect that stands, of run exp-1. */
export function effect(fault: FaultSpec, target: Container, change: Partial<Effect> = {}): Effect {
  effects += 1;
  return {
    id: effects,
    runId: 'exp-1',
    experiment: 'exp',
    instance: '0badcafe',
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot: 0,
    fault,
    resolved: {},
    undo: null,
    phase: 'injected',
    epoch: 1,
    deadline: deadline(60_000),
    intendedAt: NOW,
    injectedAt: NOW,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: 1,
    error: null,
    ...change,
  };
}

export function world(found: readonly Container[], change: Partial<World> = {}): World {
  return { containers: found, hosts: new Map(), host: WHOLE_HOST, ...change };
}

/** All that a plan may know: a manifest that nobody has seen before, and these containers. */
export function planInput(found: readonly Container[], change: Partial<PlanInput> = {}): PlanInput {
  return {
    name: 'exp',
    clock: { now: () => NOW, boot: () => BOOT, bootId: () => 'boot-1' },
    manifest: declared(),
    record: undefined,
    run: undefined,
    effects: [],
    observations: new Map(),
    world: world(found),
    others: [],
    foreign: [],
    self: new Set(),
    inherited: undefined,
    policies: [],
    gate: { holds: true, message: '' },
    running: [],
    runsSince: () => [],
    halted: false,
    fresh: { uid: 'uid-1', runNumber: 1 },
    ...change,
  };
}

/** What the guard may be told, of the world and of what is asked. */
export type GuardWords = Partial<Asked> & Partial<PlanInput> & { containers?: readonly Container[] };

/** The guard's word on a minute's start. Everything is chosen, and nobody else is about, unless told otherwise. */
export function guarded(chosen: readonly Container[], words: GuardWords = {}): Refusal | undefined {
  const { containers: found = chosen, ...change } = words;
  return guard(planInput(found, change), {
    faults: [PAUSE],
    blastRadius: undefined,
    chosen,
    targets: chosen.map(refOf),
    candidates: chosen,
    duration: 60_000,
    left: 60_000,
    ...change,
    run: change.run,
  });
}

/** Freezes a value and all that hangs on it. */
export function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of value instanceof Map ? value.values() : Object.values(value)) deepFreeze(member);
  return value;
}
