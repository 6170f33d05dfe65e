import type Dockerode from 'dockerode';
import type { Clock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';

/** One call to the engine. */
export interface CallOptions {
  /** What is asked, for messages: `stop 0123456789ab`. */
  what: string;
  clock: Clock;
  /** ms until the call is given up. For a stream: until it opens. */
  limit: number;
  host: string;
  /** Reading again does no harm: a connection that was kept alive over the engine's restart is tried once more. */
  repeat?: boolean;
  /** Ends the call, and afterwards the stream that it opened. */
  aborts?: AbortSignal;
}

interface HttpError extends Error {
  statusCode: number;
  json?: { message?: string } | null;
}

/** What of a client takes a signal too, which its types don't say: an answer that never comes would keep its socket for good. */
export interface Abortable {
  version(options: { abortSignal: AbortSignal }): Promise<Dockerode.DockerVersion>;
  ping(options: { abortSignal: AbortSignal }): Promise<unknown>;
  info(options: { abortSignal: AbortSignal }): ReturnType<Dockerode['info']>;
}

export function abortable(client: Dockerode): Abortable {
  return client as unknown as Abortable;
}

const BROKEN = ['ECONNRESET', 'EPIPE'];

/** Runs `run` within the time limit. Undefined where the engine says "not modified"; rejects with SQ301, SQ307 or SQ401. */
export async function callEngine<T>(
  options: CallOptions,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await limited(options, run);
  } catch (error) {
    if (options.repeat && BROKEN.includes(codeOf(error))) {
      return callEngine({ ...options, repeat: false }, run);
    }
    if (isHttp(error) && error.statusCode === 304) return undefined;
    throw toSquall(error, options);
  }
}

async function limited<T>(options: CallOptions, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ender = new AbortController();
  const signal = options.aborts ? AbortSignal.any([ender.signal, options.aborts]) : ender.signal;
  let cancel = () => {};
  const limit = new Promise<never>((_, reject) => {
    const give = (message: string) => reject(new SquallError('SQ301', message, { terminal: false }));
    options.aborts?.addEventListener('abort', () => give(`${options.what}: ended`), { once: true });
    cancel = options.clock.after(options.limit, () => {
      give(`${options.what}: the Docker engine at ${options.host} did not answer within ${options.limit} ms`);
      ender.abort();
    });
  });
  try {
    options.aborts?.throwIfAborted();
    return await Promise.race([run(signal), limit]);
  } finally {
    cancel();
  }
}

function isHttp(error: unknown): error is HttpError {
  return error instanceof Error && typeof (error as Partial<HttpError>).statusCode === 'number';
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

function toSquall(error: unknown, { what, host }: CallOptions): SquallError {
  if (error instanceof SquallError) return error;
  if (!isHttp(error)) {
    const cause = error as NodeJS.ErrnoException;
    return new SquallError(
      'SQ301',
      `${what}: no answer from the Docker engine at ${host}: ${cause.message}`,
      {
        terminal: false,
        hint: hintFor(cause.code, host),
        cause,
      },
    );
  }
  const said = error.json?.message ?? error.message;
  if (error.statusCode === 404) return new SquallError('SQ307', `${what}: ${said}`, { cause: error });
  const terminal = error.statusCode === 400;
  return new SquallError('SQ401', `${what}: the engine refused: ${said}`, { terminal, cause: error });
}

function hintFor(code: string | undefined, host: string): string {
  if (code === 'EACCES' || code === 'EPERM') {
    return 'Run Squall as root, or as a member of the group that owns the socket';
  }
  if (code === 'ENOENT') return `Nothing is at ${host}: start Docker, or name its address with --docker-host`;
  return 'Check that Docker runs (`docker info`) and that --docker-host names it';
}
