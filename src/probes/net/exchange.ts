import { type IncomingMessage, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';

export interface Exchange {
  url: URL;
  method: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
  tls: TlsOptions;
}

export interface TlsOptions {
  ca?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Answer {
  status: number;
  location: string | undefined;
  /** The first MiB of it, as UTF-8. */
  body: string;
}

/** Bytes of a body that are read. */
export const BODY_LIMIT = 1024 * 1024;

/**
 * One request over a connection of its own, whatever proxy the environment names. Rejects with what the connection failed of, and when
 * `signal` is aborted; `progress` is told how far it came.
 */
export async function exchange(
  { url, method, headers, body, tls }: Exchange,
  signal: AbortSignal,
  progress: (seen: string) => void,
): Promise<Answer> {
  const request = url.protocol === 'https:' ? requestTls : requestPlain;
  const outgoing = request(url, { method, headers: { ...headers }, agent: false, signal, ...tls });
  outgoing.once('socket', (socket) =>
    socket.once('connect', () => progress('connected, but no answer comes')),
  );
  outgoing.on('error', () => {}); // also after the answer
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
    outgoing.once('close', () => reject(new Error('the connection was closed without an answer')));
    outgoing.end(body);
  });
  const status = response.statusCode ?? 0;
  progress(`status ${status}, but the body does not end`);
  return { status, location: response.headers.location, body: await textOf(response) };
}

/** Reads until the end or the limit. Whichever it is, the connection is closed then: it was made for one request. */
async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let room = BODY_LIMIT;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, room));
    room -= chunk.length;
    if (room <= 0) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
