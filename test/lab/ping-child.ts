import { createSocket } from 'node:dgram';
import { childOptions, encodeSeq, endWithParent, now, tell } from './child-io.ts';

/** Sends a numbered datagram every `intervalMs` and tells what became of each: `rttMs`, null where no answer came in time. */
const options = childOptions<{
  to: string;
  port: number;
  intervalMs: number;
  lossAfterMs: number;
  family: 4 | 6;
}>();
const socket = createSocket(options.family === 6 ? 'udp6' : 'udp4');
/** In the order of sending. */
const waiting = new Map<number, number>();
let seq = 0;

function decide(number: number, sentAt: number, rttMs: number | null): void {
  waiting.delete(number);
  tell({ type: 'sample', seq: number, sentAt, rttMs });
}

function ping(): void {
  const number = seq++;
  const sentAt = now();
  waiting.set(number, sentAt);
  socket.send(encodeSeq(number), options.port, options.to, (error) => {
    if (error && waiting.has(number)) decide(number, sentAt, null); // EPERM: a rule of this namespace dropped it
  });
  // After the poll phase: answers that came while this process had to wait for a processor count.
  setImmediate(expire);
}

function expire(): void {
  const limit = now() - options.lossAfterMs;
  for (const [number, sentAt] of waiting) {
    if (sentAt > limit) return;
    decide(number, sentAt, null);
  }
}

socket.on('message', (message) => {
  const number = message.readUInt32BE();
  const sentAt = waiting.get(number);
  if (sentAt !== undefined) decide(number, sentAt, now() - sentAt);
});
socket.on('error', () => {});
socket.bind(0, () => {
  tell({ type: 'ready' });
  setInterval(ping, options.intervalMs);
});
endWithParent();
