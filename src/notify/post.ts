import { type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import type { Clock } from '../core/clock.ts';
import { VERSION } from '../core/version.ts';
import type { Message } from './target.ts';

/**
 * What one POST came to. `refused`: the same again would be refused again; `failed`: another time it may be taken. `problem` is a status
 * or an error's code, never what the other side wrote or where it is. `retryAfter` in ms.
 */
export type Outcome =
  | { result: 'delivered' }
  | { result: 'refused'; problem: string }
  | { result: 'failed'; problem: string; retryAfter?: number };

/** ms for all of it: the name's lookup, the connection, the answer. */
const TIMEOUT = 10_000;
/** Bytes of an answer that are read. */
const MOST_READ = 16_384;
/** Slack's own word for what is wrong: `no_service`, `channel_is_archived`. */
const WORD = /^[a-z][a-z_]{2,39}$/;

/**
 * POSTs a message on a connection of its own; follows no redirect, asks no proxy. Never rejects. The signal ends it at once, as failed
 * unless it has been taken.
 */
export function post(url: string, message: Message, clock: Clock, signal: AbortSignal): Promise<Outcome> {
  const ended = Promise.withResolvers<Outcome>();
  let taken: Outcome | undefined;
  let cancel = () => {};
  const end = (outcome: Outcome) => {
    cancel();
    ended.resolve(outcome);
  };
  const fail = (problem: string) => end(taken ?? { result: 'failed', problem });
  try {
    const send = url.startsWith('https:') ? overHttps : overHttp;
    const request = send(url, { method: 'POST', agent: false, signal, headers: headersOf(message) });
    cancel = clock.after(TIMEOUT, () => request.destroy(coded('timeout')));
    request.on('response', (response) => {
      taken = outcomeOf(response, clock, '');
      const text = read(response, () => request.destroy());
      response.once('end', () => end(outcomeOf(response, clock, wordOf(text(), url))));
    });
    request.on('error', (error) => fail(codeOf(error)));
    request.on('close', () => fail('closed'));
    request.end(message.body);
  } catch (error) {
    fail(codeOf(error));
  }
  return ended.promise;
}

function headersOf({ body, headers }: Message): Record<string, string | number> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'user-agent': `squall/${VERSION}`,
    ...headers,
  };
}

/** Messages of errors name hosts and addresses; their codes do not. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'error';
}

function coded(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Reads what comes, to its end or to the limit. The returned function gives what it was. */
function read(response: IncomingMessage, stop: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MOST_READ) chunks.push(chunk);
    else stop();
  });
  response.on('error', () => {}); // its status stands
  return () => Buffer.concat(chunks).toString('utf8').trim();
}

/** What the answer says is shown only where it is one plain word, and none of the URL's. */
function wordOf(text: string, url: string): string {
  return WORD.test(text) && !url.includes(text) ? text : '';
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage, clock: Clock, word: string): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { result: 'delivered' };
  const problem = `status ${statusCode}${word && ` ${word}`}`;
  const later = statusCode === 408 || statusCode === 429 || statusCode >= 500;
  if (!later) return { result: 'refused', problem };
  const asked = statusCode === 429 || statusCode === 503;
  const retryAfter = asked ? retryAfterOf(headers['retry-after'], clock) : undefined;
  return { result: 'failed', problem, ...(retryAfter !== undefined && { retryAfter }) };
}

/** ms of a Retry-After (RFC 9110, section 10.2.3): seconds, or a date. Undefined where it says nothing of use. */
function retryAfterOf(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - clock.now();
  return ms >= 0 ? ms : undefined;
}
