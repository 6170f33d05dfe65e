import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../src/core/log.ts';
import type { Declared, ExperimentSpec } from '../../src/core/types.ts';
import { openState, type State } from '../../src/daemon/state.ts';
import { hostFeatures, targetHosts } from '../../src/daemon/world.ts';
import type { FaultContext, HostFeatures, World } from '../../src/faults/fault.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';
import { type Controller, createController } from '../../src/reconcile/controller.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import type { EngineEvent } from '../../src/runtime/docker.ts';
import { createInventory, type Inventory } from '../../src/runtime/inventory.ts';
import { now } from '../../test/lab/child-io.ts';
import { until } from '../../test/lab/until.ts';

/** When an injection was decided, durable, and done on its last target. All times here: ms since the epoch, with fractions. */
export interface Struck {
  /** The plan's answer is there: the first fault begins to prepare. */
  planned: number;
  durable: number;
  injected: number;
}

/** `decided`: the word to recover is given. `recovered`: the last target is as it was; undefined where nothing was left to do. */
export interface Lifted {
  decided: number;
  recovered: number | undefined;
}

/** The daemon's own parts in this process: its journal on disk, its process that starts programs, its controller. Only the files are missing. */
export interface Driver {
  host: HostFeatures;
  inventory: Inventory;
  world(): World;
  /** Declares the experiment, new or edited; resolves when all of it stands and was read back. Rejects where it does not. */
  strike(name: string, spec: ExperimentSpec): Promise<Struck>;
  /** Takes the experiment away; resolves when nothing of it is left. */
  lift(name: string): Promise<Lifted>;
  /** Looks at all that stands, by the programs that put it there, and changes nothing. */
  look(): Promise<void>;
  /** When the last of these containers had that event after `since`; undefined where one has had none yet. */
  lastEvent(action: string, ids: readonly string[], since: number): number | undefined;
  close(): Promise<void>;
}

/** ms that the slowest recovery may take: 50 containers are started again. */
const LIFT_LIMIT = 180_000;

/** `cells`: what there is instead of an engine's containers. */
export async function openDriver(cells?: Inventory): Promise<Driver> {
  const dir = mkdtempSync(join(tmpdir(), 'squall-bench-faults-'));
  const state = openState({
    state: dir,
    dockerHost: process.env.DOCKER_HOST,
    log: createLog('silent'),
    role: 'daemon',
  });
  const marks = createMarks();
  const experiments = new Map<string, Declared>();
  const deps = await assemble(state, cells, experiments, marks);
  const controller = createController(deps);
  const events: EngineEvent[] = [];
  const ender = new AbortController();
  if (!cells) {
    await deps.inventory.start();
    await state.engine.events((event) => events.push(event), ender.signal);
  }
  return {
    host: deps.host,
    inventory: deps.inventory,
    world: () => ({ containers: deps.inventory.containers(), hosts: new Map(), host: deps.host }),
    strike: (name, spec) => {
      experiments.set(name, declared(name, spec));
      return strike({ name, state, controller, marks });
    },
    lift: (name) => {
      experiments.delete(name);
      return lift({ name, state, controller, marks });
    },
    look: async () => {
      await controller.resync();
      await controller.idle();
    },
    lastEvent: (action, ids, since) => lastEvent(events, { action, ids, since }),
    close: async () => {
      for (const name of experiments.keys()) {
        experiments.delete(name);
        await lift({ name, state, controller, marks }).catch(() => {}); // the targets go next, and all with them
      }
      ender.abort();
      await controller.drain();
      await deps.inventory.close();
      state.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** As the daemon puts them together (src/daemon/daemon.ts). */
async function assemble(
  { recovery, engine, clock, log, halt, journal }: State,
  cells: Inventory | undefined,
  experiments: ReadonlyMap<string, Declared>,
  marks: Marks,
): Promise<ReconcileDeps> {
  return {
    ...recovery,
    faults: watched(recovery.faults, marks),
    at: marks.note,
    metrics: createMetrics('0', journal.instance),
    manifests: { state: () => desiredState(experiments.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: cells ?? createInventory(engine, clock, log),
    hosts: targetHosts(clock, log, recovery.faults.netns),
    halt,
    host: await hostFeatures(),
    foreign: () => [],
    self: new Set(),
  };
}

/** Planning is pure: the first that a fault asks of the world comes right after the plan's answer. */
function watched(faults: FaultContext, { note }: Marks): FaultContext {
  const { docker, netns } = faults;
  return {
    ...faults,
    netns: {
      enter: (container, use) => {
        note('asked');
        return netns.enter(container, use);
      },
    },
    docker: {
      ...docker,
      inspect: (id) => {
        note('asked');
        return docker.inspect(id);
      },
    },
  };
}

/** When the steps of a pass were first and last taken. */
interface Marks {
  note: (step: string) => void;
  clear(): void;
  /** Undefined where it was not taken. */
  first(step: string): number | undefined;
  last(step: string): number | undefined;
}

function createMarks(): Marks {
  const first = new Map<string, number>();
  const last = new Map<string, number>();
  return {
    note: (step) => {
      const time = now();
      if (!first.has(step)) first.set(step, time);
      last.set(step, time);
    },
    clear: () => {
      first.clear();
      last.clear();
    },
    first: (step) => first.get(step),
    last: (step) => last.get(step),
  };
}

function declared(name: string, spec: ExperimentSpec): Declared {
  const source = { file: 'bench.yaml', line: 1, column: 1 };
  return { kind: 'Experiment', name, labels: {}, spec, specHash: specHash(spec), source };
}

interface Work {
  name: string;
  state: State;
  controller: Controller;
  marks: Marks;
}

async function strike({ name, state: { journal }, controller, marks }: Work): Promise<Struck> {
  marks.clear();
  controller.add(name);
  await controller.idle();
  const record = journal.experiments.get(name);
  const effects = journal.effects.ofRun(record?.runId ?? '');
  const [planned, durable] = [marks.first('asked'), marks.first('after-intent')];
  const injected = marks.last('after-inject');
  // A restart is over as soon as it is done.
  const all = effects.every(({ phase }) => phase === 'injected' || phase === 'recovered');
  if (!all || planned === undefined || durable === undefined || injected === undefined) {
    const events = journal.events.list({ experiment: name, limit: 5 }).map(({ message }) => message);
    throw new Error(`${name} is ${record?.phase} (${record?.message}), not injected:\n${events.join('\n')}`);
  }
  return { planned, durable, injected };
}

async function lift({ name, state: { journal }, controller, marks }: Work): Promise<Lifted> {
  marks.clear();
  const decided = now();
  controller.add(name);
  await until(`${name} to be forgotten`, () => journal.experiments.get(name) === undefined, LIFT_LIMIT);
  return { decided, recovered: marks.last('after-recover') };
}

function lastEvent(
  events: readonly EngineEvent[],
  { action, ids, since }: { action: string; ids: readonly string[]; since: number },
): number | undefined {
  const times = ids.map(
    (id) =>
      events.find((event) => event.id === id && event.action === action && event.time >= since)?.time ??
      Number.NaN,
  );
  const last = Math.max(...times);
  return Number.isNaN(last) ? undefined : last;
}
