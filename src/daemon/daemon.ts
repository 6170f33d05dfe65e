import { isAbsolute, resolve } from 'node:path';
import { remaining } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { createLog, type LogLevel } from '../core/log.ts';
import type { Declared, ExperimentRecord, SquallEvent } from '../core/types.ts';
import { VERSION } from '../core/version.ts';
import { FAULTS } from '../faults/index.ts';
import { type HeldLock, takeLock } from '../journal/lock.ts';
import { type ManifestSource, openManifests } from '../manifests/source.ts';
import { createValidator } from '../manifests/validate.ts';
import type { ForeignFault } from '../plan/guard.ts';
import { type Controller, createController, watchClock } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { createMetrics } from '../reconcile/metrics.ts';
import { recoverEffects } from '../reconcile/recovery.ts';
import { sweep } from '../reconcile/sweep.ts';
import { createInventory, type Inventory } from '../runtime/inventory.ts';
import { ownContainerIds } from '../runtime/self.ts';
import { createServer, type SquallServer } from '../server/server.ts';
import { createControl } from './control.ts';
import { lockEngine } from './engine-lock.ts';
import { type HealthSources, healthOf } from './health.ts';
import { scrape } from './scrape.ts';
import { keepSentinel, type SentinelKeeper } from './sentinel-keeper.ts';
import { untilSignal } from './signals.ts';
import { openState, type State } from './state.ts';
import { type HostWatch, targetHosts, watchHost } from './world.ts';

export interface DaemonOptions {
  /** Directories that are watched. */
  manifests: string[];
  /** State directory; made where it is missing. */
  state: string;
  dockerHost: string | undefined;
  /** ms between passes over everything, events or not. */
  resync: number;
  logLevel: LogLevel;
  /** A name of its own for a second daemon on one engine. */
  instance: string | undefined;
  /** False where a supervisor runs the sentinel. */
  sentinel: boolean;
}

/**
 * Runs the daemon until SIGTERM or SIGINT. What is running then goes on to its deadline, under the sentinel's eye, and is taken up
 * again by the next start. Throws SQ304 where another daemon has the state directory or the engine.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const stopped = untilSignal();
  const log = createLog(options.logLevel);
  const events = new Set<(event: SquallEvent) => void>();
  const onEvent = (event: SquallEvent) => {
    for (const listener of events) listener(event);
  };
  const state = openState({ ...options, log, role: 'daemon', onEvent });
  const lock = lockState(state);
  const sentinel = keepSentinel({ ...options, paths: state.paths, clock: state.clock, log });
  if (options.sentinel) sentinel.ensure();
  await recoverOverdue(state);
  const parts = await assemble(options, state, sentinel, events);
  await parts.server.listen(state.paths.socket);
  try {
    await Promise.race([startLoop(options, state, parts), stopped]);
    log.info({ signal: await stopped }, 'stopping: what runs goes on to its deadline');
  } finally {
    await stop(state, parts, sentinel, lock);
  }
}

interface Parts {
  deps: ReconcileDeps;
  host: HostWatch;
  inventory: Inventory;
  manifests: ManifestSource;
  controller: Controller;
  server: SquallServer;
  sentinel: SentinelKeeper | undefined;
  sources: HealthSources;
  setForeign: (foreign: readonly ForeignFault[]) => void;
  /** Undone in order at the stop. */
  cleanups: (() => void)[];
  stopping: boolean;
}

function lockState({ paths }: State): HeldLock {
  const lock = takeLock(paths.lock);
  if (lock) return lock;
  throw new SquallError('SQ304', `another daemon has the state directory ${paths.dir}`, {
    hint: 'Stop it, or give this one its own --state',
  });
}

/** A deadline that passed while nobody was there is recovered first of all: before manifests, before listing, before anything. */
async function recoverOverdue({ journal, clock, recovery, log }: State): Promise<void> {
  const overdue = journal.effects.live().filter((effect) => {
    const run = journal.runs.get(effect.runId);
    return remaining(clock, run?.deadline ?? effect.deadline) <= 0;
  });
  if (overdue.length > 0) log.warn({ effects: overdue.length }, 'recovering what is past its deadline');
  await recoverEffects(recovery, overdue.reverse(), () => Number.POSITIVE_INFINITY);
}

async function assemble(
  options: DaemonOptions,
  state: State,
  sentinel: SentinelKeeper,
  events: Set<(event: SquallEvent) => void>,
): Promise<Parts> {
  const { journal, clock, log, engine, halt, recovery } = state;
  const metrics = createMetrics(VERSION, journal.instance);
  const inventory = createInventory(engine, clock, log);
  const manifests = openManifests({
    dirs: options.manifests.map((dir) => (isAbsolute(dir) ? dir : resolve(dir))),
    validator: createValidator(FAULTS),
    clock,
    log,
    lastGood: journal.experiments.all().map(lastGood),
  });
  const host = await watchHost(log);
  let foreign: readonly ForeignFault[] = [];
  const deps: ReconcileDeps = {
    ...recovery,
    metrics,
    manifests,
    inventory,
    halt,
    get host() {
      return host.features();
    },
    hosts: targetHosts(clock, log, recovery.faults.netns),
    foreign: () => foreign,
    self: ownContainerIds(),
  };
  const controller = createController(deps);
  const sources: HealthSources = { state, inventory, manifests, sentinel, started: false };
  const control = createControl({
    deps,
    controller,
    health: () => healthOf(sources),
    started: () => sources.started,
    events,
  });
  const server = createServer({ journal, control, metrics: () => scrape(deps), log });
  const setForeign = (seen: readonly ForeignFault[]) => {
    foreign = seen;
  };
  const kept = options.sentinel ? sentinel : undefined;
  return {
    deps,
    host,
    inventory,
    manifests,
    controller,
    server,
    sentinel: kept,
    sources,
    setForeign,
    cleanups: [],
    stopping: false,
  };
}

/** Lists, reads, sweeps, and from then on follows events. */
async function startLoop(options: DaemonOptions, state: State, parts: Parts): Promise<void> {
  const { clock, log, engine } = state;
  const { inventory, manifests, controller, deps } = parts;
  await inventory.start();
  const engineLock = lockEngine((await engine.info()).id, options.instance);
  parts.cleanups.push(() => engineLock.release());
  manifests.onChange(({ names, at }) => controller.changed(names, at));
  if (parts.stopping) return;
  await manifests.start();
  parts.setForeign(await sweep(deps));
  if (parts.stopping) return; // nobody would end what begins here
  inventory.onConnection((up) => up && controller.addAll());
  parts.cleanups.push(
    watchClock(clock, (step) => {
      log.warn({ step }, 'the wall clock was stepped, or the machine slept: looking at every deadline');
      controller.addAll();
    }),
  );
  parts.sources.started = true;
  controller.addAll();
  log.info({ manifests: options.manifests, instance: deps.journal.instance }, 'ready');
  repeat(parts, options.resync, clock, log);
}

const KEEP_RUNS = 1000;
const KEEP_EVENTS = 20_000;

/** The resync: whatever event was missed, this finds it. */
function repeat(parts: Parts, every: number, clock: State['clock'], log: State['log']): void {
  const { inventory, manifests, controller, deps } = parts;
  let cancel: () => void = () => {};
  let open = true;
  const steps = [
    () => parts.sentinel?.ensure(),
    () => inventory.resync(),
    () => manifests.resync(),
    async () => parts.setForeign(await sweep(deps)),
    () => parts.host.refresh(),
    () => controller.resync(),
    () => prune(deps),
  ];
  const pass = async () => {
    // Each by itself: without an engine, deleted manifests are to be seen all the same.
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        log.warn({ error: String(error) }, 'resync failed, the next one will find it');
      }
    }
    if (open) cancel = clock.after(every, () => void pass());
  };
  cancel = clock.after(every, () => void pass());
  parts.cleanups.push(() => {
    open = false;
    cancel();
  });
}

function prune({ journal }: ReconcileDeps): void {
  journal.transaction(() => {
    journal.runs.prune(KEEP_RUNS);
    journal.events.prune(KEEP_EVENTS);
  });
}

async function stop(state: State, parts: Parts, sentinel: SentinelKeeper, lock: HeldLock): Promise<void> {
  parts.stopping = true;
  sentinel.close();
  for (const cleanup of parts.cleanups) cleanup();
  await parts.manifests.close();
  await parts.controller.drain();
  await parts.inventory.close();
  await parts.server.close();
  state.close();
  lock.release();
}

function lastGood({ name, labels, spec, specHash, source }: ExperimentRecord): Declared {
  return { name, labels, spec, specHash, source };
}
