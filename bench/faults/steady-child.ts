import { createSocket } from 'node:dgram';
import { crc32 } from 'node:zlib';
import { monotonic } from '../../test/lab/agent-io.ts';
import { childOptions, endWithParent, tell } from '../../test/lab/child-io.ts';

/**
 * Sends numbered datagrams that an agent's UDP job takes (test/lab/agent-udp.ts), evenly: one in each turn of the event loop, when its
 * time has come. It waits with the processor in its hand, for no timer is that exact. The word `stop` ends it.
 */
const { to, port, perSecond } = childOptions<{ to: string; port: number; perSecond: number }>();
const gap = 1000 / perSecond;
const at: number[] = [];
const empty = Buffer.alloc(0);
let stopped = false;

const socket = createSocket('udp4');
socket.on('error', () => {});

function next(start: number): void {
  if (stopped) {
    tell({ type: 'sent', at });
    return;
  }
  const due = start + at.length * gap;
  let time = monotonic();
  while (time < due) time = monotonic();
  const message = Buffer.alloc(8);
  message.writeUInt32BE(at.length, 0);
  message.writeUInt32BE(crc32(empty, at.length), 4);
  at.push(time);
  socket.send(message, () => {}); // refused: then it is lost
  setImmediate(next, start);
}

endWithParent(() => {
  stopped = true;
});
socket.connect(port, to, () => {
  tell({ type: 'ready' });
  next(monotonic());
});
