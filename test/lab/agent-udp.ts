import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Collected, type Family, monotonic, type SendOptions, type Sent } from './agent-io.ts';

/** A UDP socket that sends numbered datagrams and notes those that reach it. */
export interface UdpJob {
  port: number;
  send(options: SendOptions): Promise<Sent>;
  stop(): void;
  collect(expect: number, quietMs: number, limitMs: number): Promise<Collected>;
}

/** Bytes; the kernel gives what its rmem_max allows. */
const BUFFER = 8 * 1024 * 1024;
const HEADER = 8;
/** Stands where a datagram's number would. */
const WARMUP = 0xffffffff;
const WARMUP_INTERVAL = 20;

/** A number, a checksum of the number and the filling, and the filling. */
function encode(number: number, bytes: number): Buffer {
  const message = Buffer.alloc(Math.max(bytes, HEADER), number);
  message.writeUInt32BE(number, 0);
  message.writeUInt32BE(crc32(message.subarray(HEADER), number), 4);
  return message;
}

/** Undefined where it was damaged. */
function decode(message: Buffer): number | undefined {
  if (message.length < HEADER) return undefined;
  const number = message.readUInt32BE(0);
  return message.readUInt32BE(4) === crc32(message.subarray(HEADER), number) ? number : undefined;
}

export async function openUdp(family: Family, port: number, echo: boolean, host?: string): Promise<UdpJob> {
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', ipv6Only: family === 6 });
  const notes = takeNotes(socket, echo);
  socket.bind(port, host ?? (family === 6 ? '::' : '0.0.0.0'));
  await once(socket, 'listening'); // rejects with an error that comes first
  socket.on('error', () => {});
  socket.setRecvBufferSize(BUFFER);
  let stopped = false;
  return {
    port: socket.address().port,
    send: (options) => send(socket, options, () => stopped),
    stop: () => {
      stopped = true;
    },
    collect: async (...until) => {
      await notes.wait(...until);
      socket.close();
      return notes.all();
    },
  };
}

interface Notes {
  wait(expect: number, quietMs: number, limitMs: number): Promise<void>;
  all(): Collected;
}

function takeNotes(socket: Socket, echo: boolean): Notes {
  const before = kernelCounts();
  const numbers: number[] = [];
  const at: number[] = [];
  const seen = new Set<number>();
  const replied = new Map<number, number>();
  let damaged = 0;
  let heard = () => {};

  socket.on('message', (message, peer) => {
    const now = monotonic();
    const number = decode(message);
    if (number === undefined) damaged++;
    else {
      const first = number === WARMUP || !seen.has(number);
      if (echo && first) {
        if (number !== WARMUP) replied.set(number, monotonic());
        socket.send(message, peer.port, peer.address, () => {}); // refused: then it is lost
      }
      if (number === WARMUP) return;
      numbers.push(number);
      at.push(now);
      seen.add(number);
    }
    heard();
  });

  return {
    wait: (expect, quietMs, limitMs) =>
      new Promise((resolve) => {
        // What has arrived by the time that a limit is noticed counts.
        const limit = setTimeout(() => setImmediate(resolve), limitMs);
        let quiet: NodeJS.Timeout | undefined;
        heard = () => {
          if (seen.size < expect) return;
          clearTimeout(limit);
          clearTimeout(quiet);
          quiet = setTimeout(() => setImmediate(resolve), quietMs);
        };
        heard();
      }),
    all: () => {
      const after = kernelCounts();
      return {
        numbers,
        at,
        repliedNumbers: [...replied.keys()],
        repliedAt: [...replied.values()],
        damaged,
        rejected: after.rejected - before.rejected,
        overflowed: after.overflowed - before.overflowed,
      };
    },
  };
}

/** By the clock: what is late because the processor was taken is sent at once. Ends when the kernel has had the last one. */
async function send(socket: Socket, options: SendOptions, stopped: () => boolean): Promise<Sent> {
  const { to, port, count, intervalMs, bytes } = options;
  for (let left = options.warmup; left > 0; left--) {
    socket.send(encode(WARMUP, bytes), port, to, () => {});
    await sleep(WARMUP_INTERVAL);
  }
  const at: number[] = [];
  const refused: number[] = [];
  let open = 0;
  const one = (number: number) => {
    const message = encode(number, bytes);
    open++;
    at.push(monotonic());
    socket.send(message, port, to, (error) => {
      open--;
      if (error) refused.push(number);
    });
  };
  const start = monotonic();
  while (at.length < count && !stopped()) {
    const due = Math.min(count, Math.floor((monotonic() - start) / intervalMs) + 1);
    while (at.length < due) one(at.length);
    await sleep(Math.max(0, start + at.length * intervalMs - monotonic()));
  }
  while (open > 0) await sleep(1);
  return { at, refused };
}

const REJECTED = /^(Ip6?In(HdrErrors|AddrErrors|UnknownProtos|TruncatedPkts)|Udp6?InCsumErrors)$/;
const OVERFLOWED = /^Udp6?RcvbufErrors$/;

/** Of this network namespace: /proc/net/snmp has a line of names and a line of values, /proc/net/snmp6 a pair a line. */
function kernelCounts(): { rejected: number; overflowed: number } {
  const counts = new Map<string, number>();
  const lines = readFileSync('/proc/net/snmp', 'utf8').split('\n');
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [group = '', ...names] = lines[index]?.split(' ') ?? [];
    const [, ...values] = lines[index + 1]?.split(' ') ?? [];
    for (const [place, name] of names.entries())
      counts.set(`${group.replace(':', '')}${name}`, Number(values[place]));
  }
  for (const line of readIfThere('/proc/net/snmp6').split('\n')) {
    const [name = '', value] = line.split(/\s+/);
    counts.set(name, Number(value));
  }
  const sum = (wanted: RegExp) =>
    [...counts].filter(([name]) => wanted.test(name)).reduce((total, [, value]) => total + value, 0);
  return { rejected: sum(REJECTED), overflowed: sum(OVERFLOWED) };
}

/** Without IPv6 there is no such file. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
