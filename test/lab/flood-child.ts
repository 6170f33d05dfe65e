import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { childOptions, encodeSeq, endWithParent, now, tell } from './child-io.ts';

/**
 * Sends `count` numbered messages, one every `intervalMs` (0: as fast as the loop turns), and reports once all came back or
 * `timeoutMs` after the last. Over TCP they share one connection, which must stand within `timeoutMs`.
 */
const options = childOptions<{
  to: string;
  port: number;
  proto: 'udp' | 'tcp';
  count: number;
  intervalMs: number;
  timeoutMs: number;
  family: 4 | 6;
}>();
const sentAt: number[] = [];
const rtt = new Map<number, number>();

function answered(seq: number): void {
  const at = sentAt[seq];
  if (at !== undefined && !rtt.has(seq)) rtt.set(seq, now() - at);
  if (rtt.size === options.count) report();
}

function report(): never {
  const lost = Array.from({ length: options.count }, (_, seq) => seq).filter((seq) => !rtt.has(seq));
  tell({ type: 'done', sent: sentAt.length, received: rtt.size, lost, rttMs: [...rtt.values()] });
  process.exit(0);
}

function sendAll(send: (message: Buffer) => void): void {
  const one = () => {
    const seq = sentAt.length;
    sentAt.push(now());
    send(encodeSeq(seq));
    // After the last time limit the poll phase runs once more: what has arrived by then counts.
    if (sentAt.length === options.count) setTimeout(() => setImmediate(report), options.timeoutMs);
    else if (options.intervalMs === 0) setImmediate(one);
    else setTimeout(one, options.intervalMs);
  };
  one();
}

function floodUdp(): void {
  const socket = createSocket(options.family === 6 ? 'udp6' : 'udp4');
  socket.on('message', (message) => answered(message.readUInt32BE()));
  socket.on('error', () => {});
  socket.bind(0, () => sendAll((message) => socket.send(message, options.port, options.to, () => {})));
}

function floodTcp(): void {
  const socket = connect({ host: options.to, port: options.port, family: options.family, noDelay: true });
  const limit = setTimeout(report, options.timeoutMs);
  let rest = Buffer.alloc(0);
  socket.on('error', report);
  socket.on('connect', () => {
    clearTimeout(limit);
    sendAll((message) => socket.write(message));
  });
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (; rest.length >= 8; rest = rest.subarray(8)) answered(rest.readUInt32BE());
  });
}

endWithParent();
if (options.proto === 'udp') floodUdp();
else floodTcp();
