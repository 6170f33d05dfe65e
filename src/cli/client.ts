import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { systemClock } from '../core/clock.ts';
import { ERRORS, type ErrorCode, SquallError } from '../core/errors.ts';

/** ms within which a living daemon says that it lives. */
const ALIVE_LIMIT = 2000;
/** ms between such questions while an answer is awaited. */
const ALIVE_EVERY = 1000;

export type Method = 'GET' | 'POST';

/**
 * Asks the daemon behind `socket`. The answer may take its time (a recovery waits for containers): as long as the daemon shows that
 * it lives. Throws SQ503 where none answers or it stops answering, else the error that it gave.
 */
export async function askDaemon<T>(socket: string, method: Method, path: string): Promise<T> {
  await alive(socket);
  const controller = new AbortController();
  const stop = watchOver(socket, controller);
  try {
    return (await send(socket, method, path, controller.signal)) as T;
  } finally {
    stop();
  }
}

/** Whether some process listens on the socket. It may hang: that is not asked. */
export function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(socket);
    const say = (listening: boolean) => {
      attempt.destroy();
      resolve(listening);
    };
    attempt.once('connect', () => say(true));
    attempt.once('error', () => say(false));
  });
}

async function alive(socket: string): Promise<void> {
  const controller = new AbortController();
  const cancel = systemClock.after(ALIVE_LIMIT, () => controller.abort(hung(socket)));
  try {
    await send(socket, 'GET', '/healthz', controller.signal);
  } finally {
    cancel();
  }
}

/** Aborts `controller` once the daemon does not answer any more; the returned function ends the watch. */
function watchOver(socket: string, controller: AbortController): () => void {
  let open = true;
  let cancel = () => {};
  const look = async () => {
    try {
      await alive(socket);
      if (open) cancel = systemClock.after(ALIVE_EVERY, () => void look());
    } catch (error) {
      if (open) controller.abort(error);
    }
  };
  cancel = systemClock.after(ALIVE_EVERY, () => void look());
  return () => {
    open = false;
    cancel();
  };
}

async function send(socket: string, method: Method, path: string, signal: AbortSignal): Promise<unknown> {
  const { request } = await import('node:http'); // reads do without it, and start 10 ms sooner
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(signal.aborted ? signal.reason : unreachable(socket, error));
    const asked = request({ socketPath: socket, method, path, signal, agent: false }, (response) => {
      readAll(response).then((text) => settle(response, text, resolve, reject), fail);
    });
    asked.on('error', fail);
    asked.end();
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function settle(
  response: IncomingMessage,
  text: string,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  const isJson = response.headers['content-type']?.includes('json') ?? false;
  const status = response.statusCode ?? 500;
  try {
    const value: unknown = isJson ? JSON.parse(text) : text;
    if (status < 400) resolve(value);
    else reject(errorOf(value, status));
  } catch (error) {
    reject(error);
  }
}

function errorOf(body: unknown, status: number): SquallError {
  const told = (body as { error?: { code?: string; message?: string; hint?: string | null } } | null)?.error;
  const code =
    told?.code !== undefined && Object.hasOwn(ERRORS, told.code) ? (told.code as ErrorCode) : 'SQ303';
  return new SquallError(code, told?.message ?? `the daemon answered ${status}`, {
    ...(told?.hint ? { hint: told.hint } : {}),
  });
}

function unreachable(socket: string, cause: unknown): SquallError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  if (code === 'EACCES' || code === 'EPERM') {
    return new SquallError('SQ503', `the daemon's socket ${socket} may not be used`, {
      hint: 'Run this as the user that the daemon runs as',
      cause,
    });
  }
  return new SquallError('SQ503', `no daemon answers on ${socket}`, {
    hint: 'Start `squall daemon`, or name its state directory with --state; `squall halt` works without it',
    cause,
  });
}

function hung(socket: string): SquallError {
  return new SquallError('SQ503', `the daemon on ${socket} did not answer within ${ALIVE_LIMIT} ms`, {
    hint: 'It may be stopped or overloaded: see its log; `squall halt` works without it',
  });
}
