import { remaining } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { type ObjectId, parseObjectId } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import { together } from '../core/parallel.ts';
import type { SquallEvent } from '../core/types.ts';
import { type HeldLock, takeLock } from '../journal/lock.ts';
import { limitsOf } from '../plan/policy/limits.ts';
import { watchClock } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { recoverEffects } from '../reconcile/recovery.ts';
import { sweep } from '../reconcile/sweep.ts';
import { assemble, type Parts } from './assemble.ts';
import { lockEngine } from './engine-lock.ts';
import { withKeptLog } from './kept-log.ts';
import type { DaemonOptions } from './options.ts';
import { statePaths } from './paths.ts';
import { keepSentinel, type SentinelKeeper } from './sentinel-keeper.ts';
import { untilSignal } from './signals.ts';
import { openState, type State } from './state.ts';

export type { DaemonOptions } from './options.ts';

/**
 * Runs the daemon until SIGTERM or SIGINT. What is running then goes on to its deadline, under the sentinel's eye, and is taken up
 * again by the next start. Throws SQ304 where another daemon has the state directory or the engine.
 */
export function runDaemon(options: DaemonOptions): Promise<void> {
  const { log: file } = statePaths(options.state);
  return withKeptLog({ file, level: options.logLevel }, (log, keep) => run(options, log, keep));
}

async function run(options: DaemonOptions, log: Log, keepLog: () => void): Promise<void> {
  const stopped = untilSignal();
  const events = new Set<(event: SquallEvent) => void>();
  const onEvent = (event: SquallEvent) => {
    for (const listener of events) listener(event);
  };
  const state = openState({ ...options, log, role: 'daemon', onEvent });
  const lock = lockState(state);
  keepLog();
  const sentinel = keepSentinel({ ...options, paths: state.paths, clock: state.clock, log });
  if (options.sentinel) sentinel.ensure();
  await recoverOverdue(state);
  const parts = await assemble(options, state, sentinel, events);
  await parts.server.listen(state.paths.socket, options.listen);
  try {
    await Promise.race([startLoop(options, state, parts), stopped]);
    log.info({ signal: await stopped }, 'stopping: what runs goes on to its deadline');
  } finally {
    await stop(state, parts, sentinel, lock);
  }
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

/** Lists, reads, sweeps, and from then on follows events. */
async function startLoop(options: DaemonOptions, state: State, parts: Parts): Promise<void> {
  const { clock, log, engine } = state;
  const { inventory, manifests, controller, deps } = parts;
  const { git } = parts;
  await together([inventory.start(), git?.start()]);
  const engineLock = lockEngine((await engine.info()).id, options.instance);
  parts.cleanups.push(() => engineLock.release());
  manifests.onChange(({ ids, at }) => takeUp(parts, ids, at));
  if (parts.stopping) return;
  await manifests.start();
  git?.follow(manifests.exclusively.bind(manifests));
  parts.setForeign(await sweep(deps));
  if (parts.stopping) return; // nobody would end what begins here
  inventory.onConnection((up) => up && controller.addAll());
  parts.cleanups.push(
    watchClock(clock, (step) => {
      log.warn({ step }, 'the wall clock was stepped, or the machine slept: looking at every deadline');
      void lookAtAll(parts);
    }),
  );
  parts.sources.started = true;
  parts.gate.follow(manifests.state().policies);
  await lookAtAll(parts);
  log.info({ manifests: options.manifests, instance: deps.journal.instance }, 'ready');
  repeat(parts, options.resync, clock, log);
}

/** Owners first: what a schedule fired and is too late by now must not begin before the schedule has let go of it. */
async function lookAtAll({ objects, controller }: Parts): Promise<void> {
  objects.addAll();
  await objects.idle();
  controller.addAll();
}

/** What changed on disk: experiments are timed from there. A Policy concerns all of them. */
function takeUp(parts: Parts, ids: ReadonlySet<ObjectId>, at: number): void {
  const { controller, objects, manifests, gate } = parts;
  const experiments: string[] = [];
  let policies = false;
  for (const id of ids) {
    const { kind, name } = parseObjectId(id);
    if (kind === 'Experiment') experiments.push(name);
    else objects.add(id);
    policies ||= kind === 'Policy';
  }
  controller.changed(experiments, at);
  if (!policies) return;
  gate.follow(manifests.state().policies);
  controller.addAll();
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
    () => {
      parts.objects.addAll();
      return parts.objects.idle();
    },
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

/** What a budget still counts stays. */
function prune({ journal, manifests, clock }: ReconcileDeps): void {
  const { budgets } = limitsOf([...manifests.state().policies.values()]);
  const since = clock.now() - Math.max(0, ...budgets.map(({ window }) => window));
  journal.transaction(() => {
    journal.runs.prune(KEEP_RUNS, since);
    journal.events.prune(KEEP_EVENTS);
  });
}

async function stop(state: State, parts: Parts, sentinel: SentinelKeeper, lock: HeldLock): Promise<void> {
  parts.stopping = true;
  sentinel.close();
  for (const cleanup of parts.cleanups) cleanup();
  await parts.manifests.close();
  await parts.git?.close();
  await parts.objects.drain();
  await parts.controller.drain();
  await parts.inventory.close();
  await parts.server.close();
  await parts.notifier.close();
  state.close();
  lock.release();
}
