import { validateHeaderName, validateHeaderValue } from 'node:http';
import { stopwatch } from '../core/clock.ts';
import { durationMs, formatDuration } from '../core/duration.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import { VERSION } from '../core/version.ts';
import { aborted } from './aborted.ts';
import { type Answer, type Exchange, exchange } from './net/exchange.ts';
import { failureOf } from './net/failure.ts';
import { isRedirect, MOST_REDIRECTS, redirected } from './net/redirects.ts';
import { STATUS_SCHEMA, type Status, showsStatuses, statusFits } from './net/status.ts';
import { TLS_SCHEMA, type TlsSpec, tlsOptions } from './net/tls.ts';
import { down, type ProbeKind, type Seen, up } from './probe.ts';
import { excerpt } from './text/excerpt.ts';
import { searchSchema, whyNot } from './text/search.ts';

const DESCRIPTION = `Makes an HTTP request from the host of the daemon, over a new connection each time. It holds when the answer comes with an expected
status, within \`maxLatency\`, and its body contains what is expected.

Names resolve as they do on that host: those of compose services do not. Publish a port, or use an \`exec\` probe inside a container. Proxies
that the environment names are not used. Redirects count as the status that they are, unless \`followRedirects\` is set. Another host that a
redirect leads to gets neither \`headers\` nor \`body\`.

An answer counts once its body has ended; of a longer one the first MiB is read. Values of headers and bodies are never shown, and what a
server answers to a request with secrets in it (a \`body\`, or headers beyond the usual ones such as \`Accept\`) is not shown either.`;

interface HttpSpec {
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  expect?: { status?: Status | Status[]; body?: string };
  maxLatency?: string;
  followRedirects?: boolean;
  tls?: TlsSpec;
}

/** Characters. */
const LONGEST_BODY = 65_536;
const DEFAULT_STATUS: Status = '2xx';
/** They frame the message or belong to the connection (RFC 9110, 7.6.1). */
const NOT_YOURS = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
/** They hold no secrets. */
const HARMLESS = [
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'host',
  'user-agent',
];

/** Asks an HTTP server. */
export const httpProbe: ProbeKind = {
  type: 'http',
  summary: 'Makes an HTTP request and looks at the answer.',
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      url: {
        type: 'string',
        minLength: 1,
        maxLength: 4096,
        description:
          'Where to: `http://127.0.0.1:8080/health`. Without user and password: give an `Authorization` header.',
      },
      method: {
        type: 'string',
        enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        default: 'GET',
        description: 'The method. One that changes something does so at every try.',
      },
      headers: {
        type: 'object',
        maxProperties: 100,
        // no type for the values: the error would show what it found
        additionalProperties: { description: 'Text.' },
        description: 'Headers of the request, by name.',
      },
      body: { type: 'string', description: `The body of the request; ${LONGEST_BODY} characters at most.` },
      expect: {
        type: 'object',
        minProperties: 1,
        description: 'What the answer must be.',
        properties: {
          status: STATUS_SCHEMA,
          body: searchSchema('What its body must contain: text, or a `/regular expression/`.'),
        },
        additionalProperties: false,
      },
      maxLatency: {
        type: 'string',
        format: 'duration',
        description: 'How long it may take from the beginning of the try to the end of the answer.',
      },
      followRedirects: {
        type: 'boolean',
        default: false,
        description: `Goes where a redirect leads, up to ${MOST_REDIRECTS} times.`,
      },
      tls: TLS_SCHEMA,
    },
    required: ['url'],
  },
  example: {
    type: 'http',
    name: 'backend-health',
    url: 'http://127.0.0.1:8080/health',
    expect: { status: 200, body: '"status":"ok"' },
    maxLatency: '500ms',
    timeout: '2s',
    failureThreshold: 3,
  },
  problems,
  attempt,
};

function problems(spec: ProbeSpec): string[] {
  const { url, method, headers = {}, body, expect, tls } = spec as unknown as HttpSpec;
  const found = [urlProblem(url), ...Object.entries(headers).map(headerProblem)];
  if (body !== undefined && body.length > LONGEST_BODY)
    found.push(`body: it is longer than ${LONGEST_BODY} characters`);
  if (method === 'HEAD' && body !== undefined) found.push('body: a HEAD request has none');
  if (method === 'HEAD' && expect?.body !== undefined)
    found.push('expect.body: the answer to HEAD has no body');
  if (tls !== undefined && URL.parse(url)?.protocol === 'http:') found.push('tls: the URL is not https');
  return found.filter((problem) => problem !== undefined);
}

function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return 'url: it is no http or https address such as http://127.0.0.1:8080/health';
  if (url.username !== '' || url.password !== '')
    return 'url: it holds a user or a password: give an Authorization header instead';
  return undefined;
}

/** Names the header, never its value. */
function headerProblem([name, value]: [string, unknown]): string | undefined {
  try {
    validateHeaderName(name);
  } catch {
    return 'headers: a name holds something else than letters, digits and the signs that HTTP allows';
  }
  if (NOT_YOURS.includes(name.toLowerCase())) return `headers: ${name} is set by the connection itself`;
  if (typeof value !== 'string') return `headers: the value of ${name} is not text: quote it`;
  try {
    validateHeaderValue(name, value);
  } catch {
    return `headers: the value of ${name} holds a line end or another character that HTTP refuses`;
  }
  return undefined;
}

async function attempt(spec: ProbeSpec, _: unknown, signal: AbortSignal): Promise<Seen> {
  const http = spec as unknown as HttpSpec;
  const elapsed = stopwatch();
  let seen = 'not connected';
  try {
    const asked = ask(http, signal, (progress) => {
      seen = progress;
    });
    const answer = await Promise.race([asked, aborted(signal)]);
    return typeof answer === 'string' ? down(answer) : judge(http, answer, elapsed());
  } catch (error) {
    return down(signal.aborted ? seen : failureOf(error));
  }
}

/** The answer, at the end of the redirects that are followed; or why there is none. */
async function ask(
  spec: HttpSpec,
  signal: AbortSignal,
  progress: (seen: string) => void,
): Promise<Answer | string> {
  let next: Exchange | string = {
    url: new URL(spec.url),
    method: spec.method ?? 'GET',
    headers: spec.headers ?? {},
    body: spec.body,
    tls: await tlsOptions(spec.tls ?? {}),
  };
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const answer: Answer = await exchange(withAgent(next), signal, progress);
    if (spec.followRedirects !== true || !isRedirect(answer)) return answer;
    next = redirected(next, answer);
    if (typeof next === 'string') return next;
  }
  return `more than ${MOST_REDIRECTS} redirects`;
}

function withAgent(request: Exchange): Exchange {
  const named = Object.keys(request.headers).some((name) => name.toLowerCase() === 'user-agent');
  return named ? request : { ...request, headers: { 'User-Agent': `squall/${VERSION}`, ...request.headers } };
}

/** Pure. `took`: ms. */
function judge(spec: HttpSpec, { status, body }: Answer, took: number): Seen {
  const wanted = [spec.expect?.status ?? DEFAULT_STATUS].flat();
  const said = body === '' || hasSecrets(spec) ? '' : `: ${excerpt(body)}`;
  if (!statusFits(status, wanted)) {
    const hint =
      status >= 300 && status < 400 && !spec.followRedirects ? ' (followRedirects is not set)' : said;
    return down(`status ${status}, expected ${showsStatuses(wanted)}${hint}`);
  }
  const why = spec.expect?.body === undefined ? undefined : whyNot(spec.expect.body, body);
  if (why !== undefined) return down(`status ${status}, but the body ${why}${said}`);
  const time = formatDuration(took);
  if (spec.maxLatency !== undefined && took > durationMs(spec.maxLatency))
    return down(`status ${status}, but it took ${time}, more than ${spec.maxLatency}`);
  return up(`status ${status} in ${time}`);
}

/** Whether an answer that repeats what it was sent could give something away. */
function hasSecrets({ headers = {}, body }: HttpSpec): boolean {
  return body !== undefined || Object.keys(headers).some((name) => !HARMLESS.includes(name.toLowerCase()));
}
