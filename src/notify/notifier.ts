import type { Clock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Cursor } from '../journal/cursors.ts';
import type { Journal } from '../journal/journal.ts';
import type { Notice } from './notice.ts';
import { createSender, type NotifyResult, type Sender, type TargetStatus } from './sender.ts';
import type { NotifyTarget } from './target.ts';
import { createTeller } from './tell.ts';

/** Tells targets what happens. The journal is the outbox: nothing waits for a target, and what a target has missed is still there. */
export interface Notifier {
  /** A new event is in the journal, or will be when the transaction ends that this is called in. Does no work by itself. */
  poke(): void;
  /** For health and `squall doctor`; without the URLs. */
  status(): TargetStatus[];
  /** Ends waiting at once. What was not delivered is delivered after the next start. Before the journal is closed. */
  close(): Promise<void>;
}

export interface NotifierOptions {
  journal: Journal;
  clock: Clock;
  log: Log;
  /** None is fine: it then only forgets how far those came that were there before. */
  targets: readonly NotifyTarget[];
  instance: string;
  hostname: string;
  /** For a counter by target and result, with how many notices. */
  onResult?: (target: string, result: NotifyResult, notices: number) => void;
}

/** ms: what happens within so much of each other is told in one message. */
const GATHER = 1000;
/** ms between looks without a sign: the sentinel and an offline halt write to the journal too. */
const LOOK_EVERY = 30_000;

const CANNOT_READ = 'the journal cannot be read for notifications';

/**
 * Each target is told at least once of each notice, in order, unless it refuses it, or does not take it within an hour, or more than
 * 1,000 wait: those are given up, oldest first, and the next message says how many. A target that is new begins with what comes after.
 * Never throws, and writes nothing but how far each target came.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { journal, clock, log, targets } = options;
  const tell = createTeller(journal);
  let senders: readonly Sender[] | undefined;
  /** Id of the last event that was looked at. */
  let seen = 0;
  let cancel: () => void = () => {};
  let gathering = false;
  let open = true;
  let failing = false;

  function look(): void {
    gathering = false;
    try {
      senders ??= start();
      const notices = read();
      for (const sender of senders) sender.offer(notices, seen);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ error: describeError(error) }, CANNOT_READ);
      failing = true;
    }
    if (open) arm(LOOK_EVERY);
  }

  function read(): Notice[] {
    const events = journal.events.list({ after: seen });
    const notices = events.map(tell).filter((notice) => notice !== undefined);
    seen = events.at(-1)?.id ?? seen;
    return notices;
  }

  function start(): Sender[] {
    const newest = journal.events.list({ limit: 1 }).at(-1)?.id ?? 0;
    const begins = targets.map((target) => ({
      target,
      cursor: journal.cursors.get(target.name) ?? { last: newest, dropped: 0 },
    }));
    seen = Math.min(newest, ...begins.map(({ cursor }) => cursor.last));
    save(() => {
      journal.cursors.keepOnly(targets.map(({ name }) => name));
      for (const { target, cursor } of begins) journal.cursors.put(target.name, cursor);
    });
    return begins.map(({ target, cursor }) => senderOf(target, cursor));
  }

  function senderOf(target: NotifyTarget, cursor: Cursor): Sender {
    const { hostname: host, instance, onResult = () => {} } = options;
    return createSender({
      target,
      from: { host, instance },
      cursor,
      save: (moved) => save(() => journal.cursors.put(target.name, moved)),
      clock,
      log,
      onResult,
    });
  }

  /** Where it can't be written the worst that follows is that a target is told twice after a restart. */
  function save(write: () => void): boolean {
    try {
      journal.transaction(write);
      return true;
    } catch (error) {
      log.debug({ error: describeError(error) }, 'how far notifications came is not recorded');
      return false;
    }
  }

  function arm(ms: number): void {
    cancel();
    cancel = clock.after(ms, look);
  }

  function poke(): void {
    if (!open || gathering) return;
    gathering = true;
    arm(GATHER);
  }

  try {
    senders = start();
  } catch (error) {
    log.warn({ error: describeError(error) }, CANNOT_READ);
  }
  poke(); // what was left behind
  return {
    poke,
    status: () => (senders ?? []).map((sender) => sender.status()),
    close: async () => {
      open = false;
      cancel();
      await Promise.all((senders ?? []).map((sender) => sender.close()));
    },
  };
}
