import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ProbeSpec } from '../core/kinds.ts';
import { failureOf } from './net/failure.ts';
import { down, type ProbeKind, type Seen, up } from './probe.ts';
import { excerpt, withoutEcho } from './text/excerpt.ts';
import { searchSchema, whyNot } from './text/search.ts';

const DESCRIPTION = `Opens a TCP connection from the host of the daemon, and holds when that succeeds. With \`send\` it writes a text, with \`expect\` it waits
until what the other side writes contains the text or matches the expression.

Names resolve as they do on that host: those of compose services do not. Docker's own proxy accepts connections to a published port whether or
not anything listens in the container: give an \`expect\` there, or ask the container's address.

What is sent is never shown, and blotted out where the answer repeats it.`;

interface TcpSpec {
  host: string;
  port: number;
  send?: string;
  expect?: string;
}

/** Bytes of the answer that are looked at. */
const ANSWER_LIMIT = 4096;

/** Connects to a TCP server. */
export const tcpProbe: ProbeKind = {
  type: 'tcp',
  summary: 'Opens a TCP connection, and may say something.',
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      host: {
        type: 'string',
        pattern: '^[^\\s\\p{C}/]+$',
        maxLength: 253,
        description: 'An address, or a name that the host of the daemon can resolve.',
      },
      port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'The port.' },
      send: {
        type: 'string',
        minLength: 1,
        maxLength: ANSWER_LIMIT,
        description:
          'What is written once connected. Line ends stand in it as the protocol wants them: `"PING\\r\\n"`.',
      },
      expect: searchSchema(
        `What the first ${ANSWER_LIMIT} bytes of the answer must contain: text, or a \`/regular expression/\`.`,
      ),
    },
    required: ['host', 'port'],
  },
  example: { type: 'tcp', name: 'redis', host: '127.0.0.1', port: 6379, send: 'PING\r\n', expect: '+PONG' },
  attempt,
};

async function attempt(spec: ProbeSpec, _: unknown, signal: AbortSignal): Promise<Seen> {
  const { host, port, send = '', expect } = spec as unknown as TcpSpec;
  const socket = connect({ host, port, signal });
  socket.on('error', () => {}); // also once nobody waits for it
  const seen = { connected: false, answer: '', why: 'has not come' };
  try {
    await once(socket, 'connect');
    seen.connected = true;
    if (send !== '') await written(socket, send);
    if (expect === undefined) return up('connected');
    if (await answers(socket, expect, seen)) return up('connected, and the answer is as expected');
    return down(said(seen, send));
  } catch (error) {
    if (signal.aborted) return down(seen.connected ? said(seen, send) : 'not connected');
    return down(failureOf(error));
  } finally {
    socket.destroy();
  }
}

function written(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

interface Progress {
  connected: boolean;
  answer: string;
  /** What is wrong with it, to stand after its name. */
  why: string;
}

/** Reads until the answer is as expected, has ended or is too long. */
async function answers(socket: Socket, expect: string, seen: Progress): Promise<boolean> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]).subarray(0, ANSWER_LIMIT);
    seen.answer = bytes.toString('utf8');
    const why = whyNot(expect, seen.answer);
    if (why === undefined) return true;
    seen.why = why;
    if (bytes.length === ANSWER_LIMIT) break;
  }
  return false;
}

function said({ answer, why }: Progress, sent: string): string {
  return answer === ''
    ? 'connected, but no answer comes'
    : `the answer ${why}: ${excerpt(withoutEcho(answer, sent))}`;
}
