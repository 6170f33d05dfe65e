import { EventEmitter } from 'node:events';
import { type Inside, startChild } from './child.ts';
import { now } from './child-io.ts';
import type { LabContainer } from './container.ts';

type Proto = 'udp' | 'tcp';
type Family = 4 | 6;

/** A server that sends back what it gets. */
export interface EchoServer {
  readonly port: number;
  /** Datagrams, or TCP connections, that reached it so far. */
  received(): Promise<number>;
  close(): Promise<void>;
}

type EchoMessage = { type: 'ready'; port: number } | { type: 'count'; received: number };

/** An echo server in the container's network namespace. Default: UDP over IPv4 on a free port; it ends with the lab. */
export async function echoServer(
  container: Inside,
  options: { port?: number; proto?: Proto; family?: Family } = {},
): Promise<EchoServer> {
  const { port = 0, proto = 'udp', family = 4 } = options;
  const child = await startChild<EchoMessage>(container, 'echo-child.ts', { port, proto, family });
  const ready = await child.next((message) => message.type === 'ready');
  return {
    port: ready.type === 'ready' ? ready.port : port,
    received: async () => {
      const answer = child.next((message) => message.type === 'count');
      child.write('count');
      const message = await answer;
      return message.type === 'count' ? message.received : 0;
    },
    close: child.close,
  };
}

/** What came of a flood: `lost` holds the numbers (from 0) that never came back. */
export interface Flood {
  sent: number;
  received: number;
  lost: number[];
  rttMs: number[];
}

/** Sends `count` numbered messages to an echo server and waits for them, `timeoutMs` (1,000) after the last. */
export async function flood(
  container: Inside,
  to: string,
  options: {
    port: number;
    proto?: Proto;
    count: number;
    intervalMs?: number;
    timeoutMs?: number;
    family?: Family;
  },
): Promise<Flood> {
  const defaults = { proto: 'udp', intervalMs: 1, timeoutMs: 1000, family: familyOf(to) };
  const child = await startChild<Flood>(container, 'flood-child.ts', { ...defaults, ...options, to });
  const { sent, received, lost, rttMs } = await child.next(() => true);
  await child.close();
  return { sent, received, lost, rttMs };
}

/** One packet of a pinger. `sentAt`: ms since the epoch, with a fraction. `rttMs`: null where it was lost. */
export interface Sample {
  seq: number;
  sentAt: number;
  rttMs: number | null;
}

/** A steady stream of numbered datagrams; emits `sample` as soon as it is known what became of one. */
export interface Pinger extends EventEmitter<{ sample: [Sample] }> {
  /** All so far, in the order in which they were decided. */
  samples(): readonly Sample[];
  /** When (ms since the epoch) the first packet was sent, after this call, that was lost. Rejects after `timeoutMs` (30 s). */
  waitForLoss(timeoutMs?: number): Promise<number>;
  /** When (ms since the epoch) the first packet was sent, after this call, that was answered. */
  waitForReply(timeoutMs?: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Pings an echo server every `intervalMs` (2). A packet is lost when the namespace refuses to send it (known at once) or
 * no answer came within `lossAfterMs` (250).
 */
export async function pinger(
  container: Inside,
  to: string,
  options: { port: number; intervalMs?: number; family?: Family; lossAfterMs?: number },
): Promise<Pinger> {
  const defaults = { intervalMs: 2, lossAfterMs: 250, family: familyOf(to) };
  const child = await startChild<Sample & { type: string }>(container, 'ping-child.ts', {
    ...defaults,
    ...options,
    to,
  });
  const emitter = new EventEmitter<{ sample: [Sample] }>();
  emitter.setMaxListeners(0);
  const samples: Sample[] = [];
  child.onMessage(({ type, seq, sentAt, rttMs }) => {
    if (type !== 'sample') return;
    const sample = { seq, sentAt, rttMs };
    samples.push(sample);
    emitter.emit('sample', sample);
  });
  await child.next(() => true);
  return Object.assign(emitter, {
    samples: () => samples,
    waitForLoss: (timeoutMs?: number) => first(emitter, 'lost', ({ rttMs }) => rttMs === null, timeoutMs),
    waitForReply: (timeoutMs?: number) =>
      first(emitter, 'answered', ({ rttMs }) => rttMs !== null, timeoutMs),
    close: child.close,
  });
}

function first(
  emitter: EventEmitter<{ sample: [Sample] }>,
  what: string,
  pick: (sample: Sample) => boolean,
  timeoutMs = 30_000,
): Promise<number> {
  const from = now();
  return new Promise((resolve, reject) => {
    const done = () => {
      emitter.off('sample', listener);
      clearTimeout(limit);
    };
    const listener = (sample: Sample) => {
      if (sample.sentAt < from || !pick(sample)) return;
      done();
      resolve(sample.sentAt);
    };
    const limit = setTimeout(() => {
      done();
      reject(new Error(`no packet was ${what} within ${timeoutMs} ms`));
    }, timeoutMs);
    emitter.on('sample', listener);
  });
}

/** One TCP connection from inside the container's namespace. `refused`: any answer that says no. Default limit 1,000 ms. */
export async function connects(
  container: Inside,
  to: string,
  port: number,
  options: { timeoutMs?: number; family?: Family } = {},
): Promise<'open' | 'refused' | 'timeout'> {
  const defaults = { timeoutMs: 1000, family: familyOf(to) };
  const child = await startChild<{ outcome: 'open' | 'refused' | 'timeout' }>(container, 'connect-child.ts', {
    ...defaults,
    ...options,
    to,
    port,
  });
  const { outcome } = await child.next(() => true);
  await child.close();
  return outcome;
}

/** One ICMP echo request from inside the container, with one second for the answer. */
export async function icmp(container: LabContainer, to: string): Promise<boolean> {
  const program = familyOf(to) === 6 ? 'ping6' : 'ping';
  const { code } = await container.exec([program, '-c', '1', '-W', '1', to]);
  return code === 0;
}

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}
