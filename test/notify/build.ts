import { after } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import type { SquallEvent } from '../../src/core/types.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { createNotifier, type Notifier } from '../../src/notify/notifier.ts';
import type { NotifyTarget } from '../../src/notify/target.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { until } from '../lab/until.ts';
import { openReceiver, type Receiver } from './receiver.ts';

export const HOST = 'host-1';

/** ms by which time passes. */
const STEP = 100;

/** An event that is a notice: an experiment that is refused. */
export function refusal(message: string, change: Partial<SquallEvent> = {}): Omit<SquallEvent, 'id'> {
  return {
    time: Date.UTC(2030, 0, 1),
    type: 'Warning',
    reason: 'BlastRadius',
    experiment: 'exp',
    run: null,
    target: null,
    message,
    object: null,
    ...change,
  };
}

/** ms that a request may take. */
export const TIMEOUT = 10_000;

/** Knows whether a request is under way, by the timer that it has. */
class DeskClock extends FakeClock {
  requests = 0;

  override after(ms: number, fn: () => void): () => void {
    if (ms !== TIMEOUT) return super.after(ms, fn);
    this.requests += 1;
    let armed = true;
    const done = () => {
      if (armed) this.requests -= 1;
      armed = false;
    };
    const cancel = super.after(ms, () => {
      done();
      fn();
    });
    return () => {
      done();
      cancel();
    };
  }
}

/** A notifier with its own journal and clock, and one receiver that its targets send to. */
export interface Desk {
  clock: DeskClock;
  journal: Journal;
  receiver: Receiver;
  /** Lines of the log, as they are written. */
  lines: string[];
  /** `target result notices`, in order. */
  results: string[];
  /** The one that there is now, after a restart too. */
  notifier: Notifier;
  /** An event happens, as the daemon has it: stored, and the notifier poked. Gives its id. */
  happen(event: Omit<SquallEvent, 'id'>): number;
  /** Lets time pass until so many results are there. It stands still while a request is under way. */
  settle(results: number): Promise<void>;
  /** The same, until so many requests have come in. */
  asked(requests: number): Promise<void>;
  /** The same, until all of these were delivered. */
  delivered(ids: readonly number[]): Promise<void>;
  /** The same, for so many ms. */
  pass(ms: number): Promise<void>;
  /** Ends the notifier and starts another one on the same journal. */
  restart(targets?: readonly NotifyTarget[]): Promise<void>;
}

export async function openDesk(
  change: Partial<NotifyTarget> | readonly NotifyTarget[] = {},
  journal = openJournal(IN_MEMORY),
): Promise<Desk> {
  const clock = new DeskClock();
  const receiver = await openReceiver();
  const lines: string[] = [];
  const results: string[] = [];
  const log = createLog('trace', { write: (line) => void lines.push(line) });
  const first: readonly NotifyTarget[] = Array.isArray(change)
    ? change
    : [{ name: 'webhook', kind: 'webhook', url: receiver.url, ...change }];
  const start = (targets: readonly NotifyTarget[]) =>
    createNotifier({
      journal,
      clock,
      log,
      targets,
      instance: '0badcafe',
      hostname: HOST,
      onResult: (target, result, notices) => results.push(`${target} ${result} ${notices}`),
    });
  const passing = (what: string, holds: () => boolean) =>
    until(
      what,
      () => {
        for (let step = 0; step < 100 && clock.requests === 0 && !holds(); step += 1) clock.advance(STEP);
        return holds();
      },
      10_000,
      1,
    ).then(() => {});
  let current = start(first);
  const notifier: Notifier = {
    poke: () => current.poke(),
    status: () => current.status(),
    close: () => current.close(),
  };
  const desk: Desk = {
    clock,
    journal,
    receiver,
    lines,
    results,
    notifier,
    happen: (event) => {
      const { id } = journal.events.add(event);
      current.poke();
      return id;
    },
    settle: (count) => passing(`${count} results`, () => results.length >= count),
    asked: (count) => passing(`${count} requests`, () => receiver.received.length >= count),
    delivered: (ids) =>
      passing('all of it', () => clock.requests === 0 && receiver.ids().length >= ids.length),
    pass: (ms) => {
      const end = clock.boot() + ms;
      return passing('time', () => clock.boot() >= end);
    },
    restart: async (targets = first) => {
      await current.close();
      current = start(targets);
    },
  };
  after(async () => {
    await current.close();
    await receiver.down();
  });
  return desk;
}
