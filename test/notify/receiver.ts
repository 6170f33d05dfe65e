import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Notification } from '../../src/notify/webhook.ts';

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string;
}

/** An HTTP server on loopback that keeps what it is sent. */
export interface Receiver {
  readonly url: string;
  /** What was read whole, in order; what was not answered is here too. */
  readonly received: Received[];
  /** What the next answers are, in order; 200 after the last. `hang`: none at all; `half`: the rest never comes; `endless`: more and more. */
  answers: (Answer | 'hang' | 'half' | 'endless')[];
  /** Ids of all items of the webhooks received and answered with 200. */
  ids(): number[];
  /** Nobody listens any more, and connections break. */
  down(): Promise<void>;
  /** Listens at the same address again. */
  up(): Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const taken: string[] = [];
  let server: Server;
  let port = 0;
  const receiver: Receiver = {
    get url() {
      return `http://127.0.0.1:${port}/hook/s3cr3t-token`;
    },
    received,
    answers: [],
    ids: () => taken.flatMap((body) => (JSON.parse(body) as Notification).items.map(({ id }) => id)),
    down: async () => {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
    up,
  };

  async function up(): Promise<void> {
    server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { method = '', url: path = '', headers } = request;
      const answer = receiver.answers.shift() ?? { status: 200 };
      if (typeof answer === 'object' && answer.status === 200) taken.push(body);
      if (answer === 'half') {
        response.writeHead(503);
        await new Promise((written) => response.write('wait for it', written));
      }
      received.push({ method, path, headers, body });
      if (answer === 'endless') {
        response.writeHead(500);
        while (!response.destroyed) {
          response.write('x'.repeat(4096));
          await new Promise(setImmediate);
        }
      }
      if (typeof answer === 'string') return;
      response.writeHead(answer.status, answer.headers).end(answer.body ?? 'ok');
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }
  await up();
  return receiver;
}
