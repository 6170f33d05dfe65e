import { type Clock, remaining } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import { parseObjectId } from '../core/kinds.ts';
import { nextTurn } from '../core/parallel.ts';
import type { ExperimentRecord, Run } from '../core/types.ts';
import { createBackoff } from './backoff.ts';
import type { ReconcileDeps } from './deps.ts';
import { createQueue } from './queue.ts';
import { type PassResult, reconcile } from './reconcile.ts';
import { recoverEffect } from './recovery.ts';
import { concerns } from './relevance.ts';
import { knownObjects } from './wanted.ts';

/** Puts names on the queue and works on them; says when a pass over a name is over. */
export interface Controller {
  add(name: string): void;
  addAll(): void;
  /** A manifest changed on disk at `at` (wall ms): what follows is timed from there. */
  changed(names: Iterable<string>, at: number): void;
  /** Looks at every standing fault in the world, and tries what could not be recovered once more. */
  resync(): Promise<void>;
  /** Adds the name, and resolves with what the first pass that begins after this call came to; rejects with what it failed with. */
  pass(name: string): Promise<PassResult>;
  idle(): Promise<void>;
  drain(): Promise<void>;
}

const WORKERS = 8;
/** ms by which a look at the clocks is late where the machine must have been suspended. */
const SLEPT = 3000;

export function createController(deps: ReconcileDeps): Controller {
  const { journal, clock, metrics, inventory, manifests } = deps;
  const backoff = createBackoff();
  const look = new Set<string>();
  const changedAt = new Map<string, number>();
  const waiting = new Map<string, PromiseWithResolvers<PassResult>[]>();
  let passes = 0;
  let stopping: SquallError | undefined;

  async function work(name: string): Promise<void> {
    const started = clock.now();
    passes += 1;
    const log = deps.log.child({ pass: passes });
    metrics.queueDepth.set(queue.depth());
    const asked = waiting.get(name) ?? [];
    waiting.delete(name);
    try {
      const result = await reconcile({ ...deps, log }, name, look.delete(name));
      backoff.reset(name);
      if (result.again) queue.add(name);
      if (result.after !== undefined) queue.addAfter(name, result.after);
      time(name, result);
      for (const { resolve } of asked) resolve(result);
    } catch (error) {
      for (const { reject } of asked) reject(error);
      metrics.reconcileErrors.inc();
      const wait = Math.min(backoff.next(name), untilDeadline(name));
      log.error(
        { experiment: name, error: describeError(error), stack: (error as Error).stack, retryIn: wait },
        'reconcile failed',
      );
      queue.addAfter(name, wait);
    }
    metrics.reconcile.observe((clock.now() - started) / 1000);
    remember(name);
    // Passes that have nothing to wait for follow each other: with hundreds of experiments that is seconds.
    await nextTurn();
  }

  function time(name: string, { again, injected, forgotten }: PassResult): void {
    const at = changedAt.get(name);
    if (at === undefined) return;
    const took = (clock.now() - at) / 1000;
    if (injected > 0) metrics.commitToEffect.observe(took);
    if (forgotten) metrics.deleteToRecovered.observe(took);
    if (injected > 0 || forgotten || !again) changedAt.delete(name);
  }

  const queue = createQueue({ clock, workers: WORKERS, work });

  /** What the journal holds of each object, so that a change of one container asks no database about all of them. */
  const known = new Map<string, { record: ExperimentRecord; run: Run | undefined }>();
  function remember(name: string): void {
    const wasActive = isActive(name);
    try {
      const record = journal.experiments.get(name);
      const owner = record?.owner ?? known.get(name)?.record.owner;
      if (owner) deps.onOwned?.(owner);
      if (record) known.set(name, { record, run: record.runId ? journal.runs.get(record.runId) : undefined });
      else known.delete(name);
      if (wasActive && !isActive(name)) wakeDenied();
    } catch (error) {
      deps.log.error({ experiment: name, error: describeError(error) }, 'journal not readable');
    }
  }

  function isActive(name: string): boolean {
    return known.get(name)?.run?.endedAt === null;
  }

  /** What another experiment was in the way of need not wait for the resync. */
  function wakeDenied(): void {
    for (const [name, { record }] of known) if (record.phase === 'Denied') queue.add(name);
  }

  /** ms; tries that fail must not push the deadline away. */
  function untilDeadline(name: string): number {
    const run = known.get(name)?.run;
    const left = run?.endedAt === null ? remaining(clock, run.deadline) : 0;
    return left > 0 ? left : Number.POSITIVE_INFINITY;
  }

  inventory.onChange((change) => {
    for (const [name, { record, run }] of known) if (concerns(record, run, change)) queue.add(name);
  });

  function addAll(): void {
    for (const id of knownObjects({ journal, manifests })) {
      const { kind, name } = parseObjectId(id);
      if (kind === 'Experiment') queue.add(name);
    }
  }

  async function resync(): Promise<void> {
    for (const run of journal.runs.active()) {
      look.add(run.experiment);
      for (const { id } of run.targets) {
        const container = inventory.get(id);
        if (container && container.pid > 0) await deps.hosts.refresh(container);
      }
    }
    await retryFailed(deps);
    addAll();
  }

  return {
    add: queue.add,
    addAll,
    changed: (names, at) => {
      for (const name of names) {
        changedAt.set(name, at);
        queue.add(name);
      }
    },
    resync,
    pass: (name) => {
      if (stopping) return Promise.reject(stopping);
      const asked = Promise.withResolvers<PassResult>();
      waiting.set(name, [...(waiting.get(name) ?? []), asked]);
      queue.add(name);
      return asked.promise;
    },
    idle: queue.idle,
    drain: async () => {
      stopping = new SquallError('SQ503', 'the daemon is stopping', { terminal: false });
      for (const { reject } of [...waiting.values()].flat()) reject(stopping);
      waiting.clear();
      await queue.drain();
    },
  };
}

/** What could not be undone in its time, and what an ended run left open: when in doubt, recover. */
async function retryFailed(deps: ReconcileDeps): Promise<void> {
  for (const effect of deps.journal.effects.live()) {
    const run = deps.journal.runs.get(effect.runId);
    if (effect.phase === 'failed' || run?.endedAt !== null)
      await recoverEffect(deps, effect, run?.recoveryTimeout ?? 0);
  }
}

/**
 * Watches for steps of the wall clock against boot time: netfilter's datestop is wall time, so a step moves a running fault's end.
 * Calls `onStep` with the step in ms (about 0 where the machine was suspended: timers are late then); the returned function ends the watch.
 */
export function watchClock(clock: Clock, onStep: (ms: number) => void, every = 500, least = 200): () => void {
  let offset = clock.now() - clock.boot();
  let last = clock.boot();
  let cancel: () => void;
  const check = () => {
    const now = clock.now() - clock.boot();
    const slept = clock.boot() - last - every;
    last = clock.boot();
    if (Math.abs(now - offset) >= least || slept >= SLEPT) {
      onStep(now - offset);
      offset = now;
    }
    cancel = clock.after(every, check);
  };
  cancel = clock.after(every, check);
  return () => cancel();
}
