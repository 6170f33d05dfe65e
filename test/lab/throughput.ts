import { isIPv6 } from 'node:net';
import { agentOf } from './agent.ts';
import type { Inside } from './child.ts';
import { stream } from './measure.ts';

/** What got through. */
export interface Throughput {
  /** Payload bytes a second at the receiver: a shaper's rate counts headers too (of 1,448 in a full TCP segment: 66 more). */
  bytesPerSecond: number;
  bytes: number;
  ms: number;
}

/** How a throughput is measured. */
export interface ThroughputOptions {
  port?: number;
  source?: string;
  /** How long to send. Default 2,000. */
  durationMs?: number;
  /** What arrives so long after the first bytes does not count: a burst that was saved up. Default 500. */
  skipMs?: number;
}

/** Fills one TCP connection to `address` of `to` and counts what arrives there. Rejects where none stands within 5 s. */
export async function throughput(
  from: Inside,
  to: Inside,
  address: string,
  options: ThroughputOptions = {},
): Promise<Throughput> {
  const { port = 0, source, durationMs = 2000, skipMs = 500 } = options;
  const limitMs = 5000;
  const family = isIPv6(address) ? 6 : 4;
  const [sender, receiver] = await Promise.all([agentOf(from), agentOf(to)]);
  const server = await receiver.open({ do: 'tcp', family, port });
  const host = source && { host: source };
  const [{ bytes, ms }] = await Promise.all([
    server.ask({ do: 'meter', skipMs, endMs: durationMs, limitMs }, 'metered'),
    sender
      .job()
      .ask(
        { do: 'push', to: address, port: server.port, ...host, forMs: durationMs + 200, limitMs },
        'pushed',
      ),
  ]);
  return { bytesPerSecond: ms > 0 ? bytes / (ms / 1000) : 0, bytes, ms };
}

/** Sends datagrams at `offered` payload bytes a second, 1,200 at a time, and counts what arrives as `throughput` does. */
export async function udpThroughput(
  from: Inside,
  to: Inside,
  address: string,
  options: ThroughputOptions & { offered: number },
): Promise<Throughput> {
  const { offered, durationMs = 2000, skipMs = 500, ...rest } = options;
  const bytes = 1200;
  const intervalMs = (bytes / offered) * 1000;
  const flow = { ...rest, bytes, intervalMs, count: Math.ceil(durationMs / intervalMs) };
  const { arrivedMs } = await stream(from, to, address, flow);
  const start = arrivedMs[0] ?? 0;
  const counted = arrivedMs.filter((at) => at >= start + skipMs && at <= start + durationMs);
  const ms = (counted.at(-1) ?? 0) - (counted[0] ?? 0);
  const total = Math.max(0, counted.length - 1) * bytes;
  return { bytesPerSecond: ms > 0 ? total / (ms / 1000) : 0, bytes: total, ms };
}
