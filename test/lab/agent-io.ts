/**
 * What agents (agent-child.ts) and those who ask them say to each other, one JSON line each.
 * Times are ms of CLOCK_MONOTONIC: one clock for all processes of a machine.
 */

export type Family = 4 | 6;

/** How numbered datagrams are sent. */
export interface SendOptions {
  to: string;
  port: number;
  count: number;
  intervalMs: number;
  /** Of the payload: 8 at least. */
  bytes: number;
  /** Datagrams without a number before the first: they find the neighbour and warm up the programs. */
  warmup: number;
}

/** A job is opened as a UDP socket or a TCP server, by its `id`; the rest speaks of an open one. */
export type Ask = { id: number } & (
  | { do: 'udp'; family: Family; port: number; host?: string; echo: boolean }
  | { do: 'send'; options: SendOptions }
  /** Ends a `send` early. */
  | { do: 'stop' }
  /** Waits for `expect` different numbers and then for `quietMs` without any, `limitMs` at the longest; that ends the job. */
  | { do: 'collect'; expect: number; quietMs: number; limitMs: number }
  | { do: 'tcp'; family: Family; port: number }
  /** Counts what one connection brings, from `skipMs` after its first bytes to `endMs` after them; that ends the job. */
  | { do: 'meter'; skipMs: number; endMs: number; limitMs: number }
  /** Opens a connection and fills it for `forMs`. */
  | { do: 'push'; to: string; port: number; host?: string; forMs: number; limitMs: number }
);

export type Answer = { id: number } & (
  | { type: 'ready'; port: number }
  | ({ type: 'sent' } & Sent)
  | ({ type: 'collected' } & Collected)
  | ({ type: 'metered' } & Metered)
  | { type: 'pushed' }
  | { type: 'failed'; message: string }
);

/** What was sent: `at` by number. */
export interface Sent {
  at: number[];
  /** Numbers that the kernel refused to send. */
  refused: number[];
}

/** What reached a UDP socket: `numbers` and `at` side by side, in the order of arrival. */
export interface Collected {
  numbers: number[];
  at: number[];
  /** What an echoing socket sent back, and when: the first of each number. */
  repliedNumbers: number[];
  repliedAt: number[];
  /** Datagrams whose payload is not what was sent. */
  damaged: number;
  /** Packets that this network namespace's kernel threw away for what was in them: a wrong checksum, a wrong header. */
  rejected: number;
  /** Datagrams for which a socket of this namespace had no room: the measure was too slow. */
  overflowed: number;
}

export interface Metered {
  bytes: number;
  ms: number;
}

/** ms, with a fraction. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
