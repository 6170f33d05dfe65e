import { agentOf, type Job } from '../../test/lab/agent.ts';
import { monotonic } from '../../test/lab/agent-io.ts';
import { now } from '../../test/lab/child-io.ts';
import type { Place, Target } from './place.ts';

/** Numbered datagrams to the peer, at a steady rate as long as it is open. */
export interface Tap {
  /** What became of them. */
  close(): Promise<Packets>;
}

/** By number. */
export interface Packets {
  /** ms since the epoch. */
  sentAt: number[];
  /** Lost, doubled, or late by more than `LATE`. */
  touched: boolean[];
}

/** ms between two datagrams. User-Mode Linux has one processor, and each of them takes it away from what is measured. */
const INTERVAL = 1;
const INTERVAL_IN_CELLS = 5;
/** Of a datagram: two do not fit into the smallest burst that a rate may have. */
const BYTES = 1400;
/** ms: what the machine itself makes late is not as late as what a fault does. */
const LATE = 50;
/** ms for what is still on its way when it closes. */
const LAST = 300;

export async function openTap({ peer, address, engine }: Place, target: Target): Promise<Tap> {
  const [sender, receiver] = await Promise.all([agentOf(target), agentOf(peer)]);
  const there = await receiver.open({ do: 'udp', family: 4, port: 0, echo: false });
  const here = await sender.open({ do: 'udp', family: 4, port: 0, echo: false });
  const options = {
    ...{ to: address, port: there.port, count: Number.MAX_SAFE_INTEGER, warmup: 3 },
    ...{ intervalMs: engine ? INTERVAL : INTERVAL_IN_CELLS, bytes: BYTES },
  };
  const sent = here.ask({ do: 'send', options }, 'sent');
  sent.catch(() => {}); // whoever closes it is told
  return { close: () => close(here, there, sent) };
}

async function close(here: Job, there: Job, sending: Promise<{ at: number[] }>): Promise<Packets> {
  here.tell({ do: 'stop' });
  const { at } = await sending;
  const got = await there.ask(
    { do: 'collect', expect: at.length, quietMs: LAST, limitMs: LAST },
    'collected',
  );
  const arrivals = Map.groupBy(got.numbers.keys(), (index) => got.numbers[index] ?? -1);
  const epoch = now() - monotonic();
  return {
    sentAt: at.map((time) => time + epoch),
    touched: at.map((time, number) => {
      const [first, ...more] = (arrivals.get(number) ?? []).map((index) => got.at[index] ?? Number.NaN);
      return first === undefined || more.length > 0 || first - time > LATE;
    }),
  };
}

/**
 * Pure: when the first packet was sent of those that are touched from there to `to`. What a busy machine makes late before it does not
 * count, nor does one that chance lets through: two in a row do. Undefined where the last ones are not touched.
 */
export function hitAt({ sentAt, touched }: Packets, from: number, to: number): number | undefined {
  const within = [...sentAt.keys()].filter((number) => isWithin(sentAt[number], from, to));
  const clear = within.findLastIndex((number) => touched[number] === false && touched[number - 1] === false);
  const first = within.slice(clear + 1).find((number) => touched[number]);
  return first === undefined ? undefined : sentAt[first];
}

/** Pure: when the first of two in a row was sent, between `from` and `to`, that are not touched. */
export function backAt({ sentAt, touched }: Packets, from: number, to: number): number | undefined {
  return sentAt.find(
    (time, number) => isWithin(time, from, to) && touched[number] === false && touched[number + 1] === false,
  );
}

function isWithin(time: number | undefined, from: number, to: number): boolean {
  return time !== undefined && time >= from && time < to;
}
