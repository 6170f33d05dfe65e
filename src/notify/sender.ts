import type { Clock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Cursor } from '../journal/cursors.ts';
import { createBackoff } from '../reconcile/backoff.ts';
import type { Notice } from './notice.ts';
import { createOutbox } from './outbox.ts';
import { type Outcome, post } from './post.ts';
import { slack } from './slack.ts';
import type { Format, NotifyTarget, Origin } from './target.ts';
import { webhook } from './webhook.ts';

/** `retried`: a try failed and the notice goes on waiting; `refused`, `dropped`: it was given up. */
export type NotifyResult = 'delivered' | 'retried' | 'refused' | 'dropped';

/** One target as health shows it. */
export interface TargetStatus {
  name: string;
  /** Notices that are not delivered yet. */
  waiting: number;
  /** Notices that were given up since the start. */
  dropped: number;
  /** Tries in a row that came to nothing. */
  failures: number;
  /** What the last of them came to: `status 503`, `ECONNREFUSED`, `timeout`. */
  problem: string | undefined;
}

/** Tells one target, in order, one message at a time. */
export interface Sender {
  /** What is new, of which it takes what the target wants; `seen`: the id of the last event that was looked at. */
  offer(notices: readonly Notice[], seen: number): void;
  status(): TargetStatus;
  /** Ends a request that is under way, and every wait. */
  close(): Promise<void>;
}

export interface SenderOptions {
  target: NotifyTarget;
  from: Origin;
  /** Where it begins. */
  cursor: Cursor;
  /** Writes how far it came; false where that could not be written. */
  save(cursor: Cursor): boolean;
  clock: Clock;
  log: Log;
  /** Must not throw. */
  onResult: (target: string, result: NotifyResult, notices: number) => void;
}

/** ms between writes of a cursor that only passes by what is not for the target. */
const SAVE_EVERY = 30_000;
/** ms that a target may ask us to wait: as long as a notice waits at all. */
const LONGEST_RETRY = 3_600_000;

const FORMATS: Readonly<Record<NotifyTarget['kind'], Format>> = { webhook, slack };

export function createSender({
  target,
  from,
  cursor,
  save,
  clock,
  onResult,
  ...options
}: SenderOptions): Sender {
  const { name, only } = target;
  const log = options.log.child({ notify: name });
  const { most, encode } = FORMATS[target.kind];
  const outbox = createOutbox(cursor.last, most, clock);
  const backoff = createBackoff();
  /** Given up, and the target does not know it yet. */
  let untold = cursor.dropped;
  let saved: Cursor | undefined = cursor;
  let savedAt = clock.boot();
  let flight: { abort: AbortController; ended: Promise<void> } | undefined;
  let cancelWait: (() => void) | undefined;
  let open = true;
  let dropped = 0;
  let failures = 0;
  let problem: string | undefined;

  function offer(notices: readonly Notice[], seen: number): void {
    outbox.add(
      notices.filter(({ kind }) => only?.includes(kind) ?? true),
      seen,
    );
    giveUp(outbox.dropExcess(flight !== undefined), 'too many wait');
    pump();
    if (clock.boot() - savedAt >= SAVE_EVERY) remember();
  }

  function pump(): void {
    if (!open || flight || cancelWait) return;
    giveUp(outbox.dropLate(), 'waited too long');
    const batch = outbox.batch();
    if (batch.length > 0) send(batch);
  }

  function send(notices: readonly Notice[]): void {
    const told = untold;
    const message = encode({ notices, dropped: told }, from, target);
    const abort = new AbortController();
    const ended = post(target.url, message, clock, abort.signal)
      .then((outcome) => {
        flight = undefined;
        settle(outcome, told);
        pump();
      })
      .catch((error: unknown) => log.error({ error: describeError(error) }, 'notifications not sent'));
    flight = { abort, ended };
  }

  function settle(outcome: Outcome, told: number): void {
    if (outcome.result === 'failed') {
      retry(outcome);
      return;
    }
    const notices = outbox.done();
    backoff.reset(name);
    if (outcome.result === 'refused') {
      problem = outcome.problem;
      failures += 1;
      dropped += notices;
      untold += notices;
      log.warn({ problem, notices }, 'notifications refused, and given up');
    } else {
      if (failures > 0) log.info({ failures }, 'notifications are delivered again');
      problem = undefined;
      failures = 0;
      untold -= told;
    }
    onResult(name, outcome.result, notices);
    remember();
  }

  function retry(outcome: Extract<Outcome, { result: 'failed' }>): void {
    if (!open) return;
    problem = outcome.problem;
    failures += 1;
    const wait = Math.max(backoff.next(name), Math.min(outcome.retryAfter ?? 0, LONGEST_RETRY));
    const level = failures === 1 ? 'warn' : 'debug';
    log[level]({ problem, retryIn: wait }, 'notifications not delivered, tried again');
    onResult(name, 'retried', outbox.batch().length);
    cancelWait = clock.after(wait, () => {
      cancelWait = undefined;
      pump();
    });
  }

  function giveUp(notices: number, why: string): void {
    if (notices === 0) return;
    dropped += notices;
    untold += notices;
    log.warn({ notices, why }, 'notifications dropped');
    onResult(name, 'dropped', notices);
    remember();
  }

  function remember(): void {
    const now = { last: outbox.settled(), dropped: untold };
    savedAt = clock.boot();
    if (saved?.last === now.last && saved.dropped === now.dropped) return;
    saved = save(now) ? now : undefined;
  }

  return {
    offer,
    status: () => ({ name, waiting: outbox.size(), dropped, failures, problem }),
    close: async () => {
      open = false;
      cancelWait?.();
      flight?.abort.abort();
      await flight?.ended;
      remember();
    },
  };
}
