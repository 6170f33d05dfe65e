import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Family, type Metered, monotonic } from './agent-io.ts';

/** A TCP server that counts what a connection brings. */
export interface TcpJob {
  port: number;
  meter(skipMs: number, endMs: number, limitMs: number): Promise<Metered>;
}

export async function openTcp(family: Family, port: number): Promise<TcpJob> {
  const server = createServer();
  const connected = once(server, 'connection');
  server.listen({ port, host: family === 6 ? '::' : '0.0.0.0', ipv6Only: family === 6 });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: address && typeof address === 'object' ? address.port : port,
    meter: async (skipMs, endMs, limitMs) => {
      const [socket] = (await within(connected, limitMs, 'no connection came')) as [Socket];
      try {
        return await meter(socket, skipMs, endMs);
      } finally {
        socket.destroy();
        await closed(server);
      }
    },
  };
}

/** The time is the one between the first and the last bytes that count, so that silence at the edges changes no rate. */
async function meter(socket: Socket, skipMs: number, endMs: number): Promise<Metered> {
  let start: number | undefined;
  let bytes = 0;
  let from: { at: number; bytes: number } | undefined;
  let to = { at: 0, bytes: 0 };
  socket.on('error', () => {});
  const begun = once(socket, 'data');
  socket.on('data', (chunk) => {
    const at = monotonic();
    start ??= at;
    bytes += chunk.length;
    if (at < start + skipMs || at > start + endMs) return;
    from ??= { at, bytes };
    to = { at, bytes };
  });
  await begun;
  await sleep(endMs);
  return from ? { bytes: to.bytes - from.bytes, ms: to.at - from.at } : { bytes: 0, ms: endMs - skipMs };
}

/** Keeps the connection full for `forMs`, then resets it: what is still in buffers is of no use to anyone. */
export async function push(
  target: { to: string; port: number; host?: string },
  forMs: number,
  limitMs: number,
): Promise<void> {
  const { to, port, host } = target;
  const socket = connect({ host: to, port, ...(host && { localAddress: host }) });
  socket.on('error', () => {});
  const block = Buffer.alloc(64 * 1024, 7);
  try {
    await within(once(socket, 'connect'), limitMs, `no connection to ${to} port ${port}`);
    const fill = () => {
      while (socket.writable && socket.write(block));
    };
    socket.on('drain', fill);
    fill();
    await sleep(forMs);
  } finally {
    socket.resetAndDestroy();
  }
}

async function within<T>(wanted: Promise<T>, limitMs: number, otherwise: string): Promise<T> {
  const limit = new AbortController();
  const late = sleep(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`${otherwise} within ${limitMs} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([wanted, late]);
  } finally {
    limit.abort();
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
