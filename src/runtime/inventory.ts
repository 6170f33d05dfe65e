import { sameJson } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { eachOf } from '../core/parallel.ts';
import type { Container } from '../core/types.ts';
import { createCoalescer } from './coalesce.ts';
import type { DockerEngine, EngineEvent } from './docker.ts';

/** A container that is not as it was. Both are given where it only changed. */
export interface InventoryChange {
  id: string;
  before: Container | undefined;
  after: Container | undefined;
  /** The engine's event action that made Squall look, or `list`. */
  action: string;
}

/** All containers of an engine, kept current by its events. */
export interface Inventory {
  /** Subscribes, then lists; keeps trying while the engine does not answer. Resolves at the first good list; rejects with SQ301 where closed before. */
  start(): Promise<void>;
  /** An immutable snapshot, sorted by name. */
  containers(): readonly Container[];
  get(id: string): Container | undefined;
  /** False from the end of the event stream until the next good list: what is shown may be old. */
  connected(): boolean;
  /** Changes of one container come in order. The returned function ends the listening. */
  onChange(listener: (change: InventoryChange) => void): () => void;
  onConnection(listener: (up: boolean) => void): () => void;
  /** Looks at every container again and tells what differs. Rejects with SQ301. */
  resync(): Promise<void>;
  close(): Promise<void>;
}

export type InventoryEngine = Pick<DockerEngine, 'inspect' | 'ids' | 'events'>;

const INSPECTS_AT_ONCE = 8;
/** ms between attempts to reach the engine: doubles from the first to the last, each shortened by up to half at random. */
const BACKOFF_FIRST = 100;
const BACKOFF_LAST = 5000;
/** ms until a container whose inspection failed is looked at again. */
const LOOK_AGAIN = 250;

/** An inventory that is not started yet. */
export function createInventory(engine: InventoryEngine, clock: Clock, log: Log): Inventory {
  const known = new Map<string, Container>();
  const changes = createListeners<InventoryChange>(log);
  const connections = createListeners<boolean>(log);
  const ender = new AbortController();
  let snapshot: readonly Container[] | undefined;
  let up = false;
  let following: Promise<void> | undefined;

  const apply = (id: string, after: Container | undefined, action: string) => {
    const before = known.get(id);
    if (sameJson(before ?? null, after ?? null)) return;
    if (after) known.set(id, after);
    else known.delete(id);
    snapshot = undefined;
    changes.tell({ id, before, after, action });
  };
  const looks = createCoalescer(async (id: string, action: string) => {
    const after = await engine.inspect(id);
    if (!ender.signal.aborted) apply(id, after, action);
  });
  const look = (id: string, action: string): void => {
    looks.run(id, action).catch((error: unknown) => {
      log.debug({ container: id, action, err: describeError(error) }, 'container could not be inspected');
      // where the stream is broken the next list looks at all of them
      if (up) clock.after(LOOK_AGAIN, () => up && look(id, action));
    });
  };
  const resync = async () => {
    const listed = await engine.ids();
    const all = new Set([...listed, ...known.keys()]);
    const errors = await eachOf([...all], INSPECTS_AT_ONCE, (id) => looks.run(id, 'list').catch(asError));
    const failed = [...all].filter((_, index) => errors[index]);
    if (failed.length === 0) return;
    // One container whose inspection hangs must not hide all the others.
    if (failed.length === all.size) throw errors[0];
    log.warn({ containers: failed, error: describeError(errors.find(Boolean)) }, 'not all containers answer');
    for (const id of failed) clock.after(LOOK_AGAIN, () => up && look(id, 'list'));
  };
  const setUp = (now: boolean) => {
    if (up === now) return;
    up = now;
    connections.tell(now);
  };
  const onEvent = (event: EngineEvent) => look(event.id, event.action);

  return {
    start: () =>
      new Promise((resolve, reject) => {
        ender.signal.addEventListener('abort', () => reject(closedEarly()), { once: true });
        following ??= follow({ engine, clock, log, end: ender.signal, onEvent, resync, setUp });
        const stop = connections.add((now) => now && resolve());
        if (up) resolve();
        ender.signal.addEventListener('abort', stop, { once: true });
      }),
    containers: () => {
      snapshot ??= Object.freeze([...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1)));
      return snapshot;
    },
    get: (id) => known.get(id),
    connected: () => up,
    onChange: changes.add,
    onConnection: connections.add,
    resync,
    close: async () => {
      ender.abort();
      await following;
    },
  };
}

function asError(thrown: unknown): unknown {
  return thrown;
}

function closedEarly(): SquallError {
  return new SquallError('SQ301', 'closed before the Docker engine answered', { terminal: false });
}

interface Following {
  engine: InventoryEngine;
  clock: Clock;
  log: Log;
  end: AbortSignal;
  onEvent: (event: EngineEvent) => void;
  resync: () => Promise<void>;
  setUp: (up: boolean) => void;
}

/** Subscribes, lists, waits for the end of the stream; and again, until `end`. Never rejects. */
async function follow({ engine, clock, log, end, onEvent, resync, setUp }: Following): Promise<void> {
  for (let failures = 0; !end.aborted; failures++) {
    const connection = new AbortController();
    try {
      const stream = await engine.events(onEvent, AbortSignal.any([connection.signal, end]));
      await resync();
      log.debug('listed all containers');
      setUp(true);
      failures = 0;
      await stream.closed;
      if (!end.aborted) log.warn('the event stream of the Docker engine ended');
    } catch (error) {
      if (!end.aborted) log.warn({ err: describeError(error) }, 'the Docker engine does not answer');
    }
    connection.abort();
    setUp(false);
    await pause(clock, backoff(failures), end);
  }
}

/** ms before the attempt that follows `failures` failed ones. */
export function backoff(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(BACKOFF_FIRST * 2 ** Math.min(failures, 16), BACKOFF_LAST);
  return Math.max(BACKOFF_FIRST, longest * (1 - random() / 2));
}

function pause(clock: Clock, ms: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (end.aborted) return resolve();
    const over = () => {
      cancel();
      end.removeEventListener('abort', over);
      resolve();
    };
    const cancel = clock.after(ms, over);
    end.addEventListener('abort', over, { once: true });
  });
}

/** A listener that throws harms neither the others nor the inventory. */
function createListeners<T>(log: Log) {
  const listeners = new Set<(value: T) => void>();
  return {
    add: (listener: (value: T) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (value: T) => {
      for (const listener of listeners) {
        try {
          listener(value);
        } catch (error) {
          log.error({ err: describeError(error) }, 'a listener failed');
        }
      }
    },
  };
}
