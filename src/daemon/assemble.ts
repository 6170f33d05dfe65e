import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type ObjectKind, objectId } from '../core/kinds.ts';
import type { SquallEvent } from '../core/types.ts';
import { VERSION } from '../core/version.ts';
import { type ManifestSource, openManifests } from '../manifests/source.ts';
import { createNotifier, type Notifier } from '../notify/notifier.ts';
import type { ForeignFault } from '../plan/guard.ts';
import { type Controller, createController } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { emit } from '../reconcile/events.ts';
import { createMetrics, type Metrics } from '../reconcile/metrics.ts';
import { createObjects, type ObjectHandler, type Objects } from '../reconcile/objects.ts';
import { policyHandler } from '../reconcile/policy.ts';
import { writtenScenario } from '../reconcile/written-name.ts';
import { createInventory, type Inventory } from '../runtime/inventory.ts';
import { ownContainerIds } from '../runtime/self.ts';
import { scenarioHandler } from '../scenario/handler.ts';
import { scheduleHandler } from '../schedule/handler.ts';
import { createServer, type SquallServer } from '../server/server.ts';
import { createControl } from './control.ts';
import { createGitSource, type GitSource } from './git-source.ts';
import { type HealthSources, healthOf } from './health.ts';
import { countSample, type HealthGate, keepHealthGate } from './health-gate.ts';
import { lastGood } from './last-good.ts';
import type { DaemonOptions } from './options.ts';
import { createProvenance } from './provenance.ts';
import { scrape } from './scrape.ts';
import type { SentinelKeeper } from './sentinel-keeper.ts';
import type { State } from './state.ts';
import { manifestValidator } from './validator.ts';
import { type HostWatch, targetHosts, watchHost } from './world.ts';

/** What a running daemon is made of. */
export interface Parts {
  deps: ReconcileDeps;
  host: HostWatch;
  inventory: Inventory;
  git: GitSource | undefined;
  manifests: ManifestSource;
  controller: Controller;
  objects: Objects;
  gate: HealthGate;
  notifier: Notifier;
  server: SquallServer;
  sentinel: SentinelKeeper | undefined;
  sources: HealthSources;
  setForeign: (foreign: readonly ForeignFault[]) => void;
  /** Undone in order at the stop. */
  cleanups: (() => void)[];
  stopping: boolean;
}

/** Puts the parts together; nothing of them does anything yet. `events`: who is called with each new event. */
export async function assemble(
  options: DaemonOptions,
  state: State,
  sentinel: SentinelKeeper,
  events: Set<(event: SquallEvent) => void>,
): Promise<Parts> {
  const { journal, clock, log, engine } = state;
  const metrics = createMetrics(VERSION, journal.instance);
  const inventory = createInventory(engine, clock, log);
  const git = options.git && openGit(options.git, state);
  const manifests = openManifests({
    dirs: [...options.manifests.map((dir) => resolve(dir)), ...(git?.directories() ?? [])],
    validator: manifestValidator(),
    clock,
    log,
    lastGood: lastGood(journal),
  });
  const host = await watchHost(log);
  let foreign: readonly ForeignFault[] = [];
  const probes = { clock, containers: inventory.containers, exec: engine.exec };
  const gate = keepHealthGate({
    journal,
    clock,
    log,
    metrics,
    probes,
    onChange: () => controller.addAll(),
  });
  const deps: ReconcileDeps = {
    ...state.recovery,
    metrics,
    manifests,
    inventory,
    halt: state.halt,
    get host() {
      return host.features();
    },
    hosts: targetHosts(clock, log, state.recovery.faults.netns),
    foreign: () => foreign,
    gate: gate.state,
    provenance: createProvenance({ clock, log }).of,
    onOwned: ({ kind, name }) => objects.add(objectId(kind, name)),
    self: ownContainerIds(),
  };
  const controller = createController(deps);
  const scenarios = scenarioHandler({
    probes,
    wake: (id) => objects.add(id),
    onSample: (scenario, probe, result) =>
      countSample(metrics, `scenario/${writtenScenario({ journal }, scenario)}`, probe, result),
  });
  const objects = createObjects({
    deps,
    handlers: [policyHandler, scheduleHandler, scenarios] as unknown as ObjectHandler<ObjectKind>[],
    onExperiment: controller.add,
  });
  const notifier = openNotifier(options, state, metrics);
  events.add(notifier.poke);
  const sources: HealthSources = {
    state,
    inventory,
    manifests,
    git,
    sentinel,
    notifier,
    started: false,
  };
  const control = createControl({
    deps,
    controller,
    objects,
    git,
    health: () => healthOf(sources),
    started: () => sources.started,
    events,
  });
  return {
    deps,
    host,
    inventory,
    git,
    manifests,
    controller,
    objects,
    gate,
    notifier,
    server: createServer({ journal, control, metrics: () => scrape(deps), log }),
    sentinel: options.sentinel ? sentinel : undefined,
    sources,
    setForeign: (seen) => {
      foreign = seen;
    },
    cleanups: [gate.close, scenarios.close],
    stopping: false,
  };
}

function openGit(options: NonNullable<DaemonOptions['git']>, state: State): GitSource {
  const { clock, log, paths } = state;
  return createGitSource({
    ...options,
    dir: join(paths.dir, 'git'),
    clock,
    log,
    emit: (event) => emit(state, { experiment: null, ...event }),
  });
}

function openNotifier({ notify = [] }: DaemonOptions, state: State, metrics: Metrics): Notifier {
  const { journal, clock, log } = state;
  return createNotifier({
    journal,
    clock,
    log,
    targets: notify,
    instance: journal.instance,
    hostname: hostname(),
    onResult: (target, result, notices) => metrics.notifications.inc({ target, result }, notices),
  });
}
