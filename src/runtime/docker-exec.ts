import type { Duplex } from 'node:stream';
import type Dockerode from 'dockerode';
import { canonical } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { frameReader } from './docker-frames.ts';

/** A program to run in a container that runs. */
export interface ExecRequest {
  /** The program and its arguments; no shell reads them. */
  command: readonly string[];
  /** `name`, `uid`, `name:group`. Default: the container's own. */
  user?: string;
  /** Path in the container. Default: the container's own. */
  workdir?: string;
}

export interface ExecOutcome {
  /** 126 and 127: the program could not be started, and `output` has what the engine says. */
  code: number;
  /** What it wrote to stdout and stderr, in that order of arrival; the first 64 KiB. */
  output: string;
}

/**
 * Runs a program in the container `id` and waits for its end. Rejects with SQ307 where the container is gone, SQ401 where the engine
 * refuses (it is paused, or not running), SQ301 where the engine does not answer, and with SQ301 at once when `signal` is aborted.
 *
 * The engine has no way to end such a program: one that is not waited for any more goes on. Until it has ended the same request on the
 * same container is refused (SQ401, not terminal), so that programs that hang do not pile up.
 */
export type ContainerExec = (id: string, request: ExecRequest, signal: AbortSignal) => Promise<ExecOutcome>;

/** One call to the engine, with its errors and time limit; `aborts` ends it, and afterwards the stream that it opened. */
type Ask = <T>(
  what: string,
  aborts: AbortSignal,
  run: (client: Dockerode, abortSignal: AbortSignal) => Promise<T>,
) => Promise<T | undefined>;

/** Bytes of output that are kept; what comes beyond is read and dropped, so that the program is not held up. */
const OUTPUT_LIMIT = 64 * 1024;
/** ms between looks at a program whose output has ended: the engine learns of its end a moment later. */
const FIRST_LOOK = 5;
const LONGEST_LOOK = 500;
/** Programs that were left alone and may still run. */
const MOST_LEFT = 1000;

export function containerExec(ask: Ask, clock: Clock): ContainerExec {
  const left = new Map<string, string>();
  const inspect = async (exec: string, signal: AbortSignal) =>
    (await ask(`inspect exec ${exec.slice(0, 12)}`, signal, (client, abortSignal) =>
      client.getExec(exec).inspect({ abortSignal }),
    )) as Dockerode.ExecInspectInfo;

  const refuseSecond = async (key: string, what: string, signal: AbortSignal) => {
    const earlier = left.get(key);
    if (earlier === undefined) return;
    if (await stillRuns(inspect, earlier, signal))
      throw new SquallError('SQ401', `${what}: the same command of an earlier try still runs there`, {
        terminal: false,
        hint: 'Let the command end by itself, with `timeout` before it for instance: the engine cannot end it',
      });
    left.delete(key);
  };
  const leave = (key: string, exec: string) => {
    left.set(key, exec);
    for (const oldest of left.keys()) if (left.size > MOST_LEFT) left.delete(oldest);
  };

  return async (id, request, signal) => {
    const what = `exec in ${id.slice(0, 12)}`;
    const key = canonical([id, request]);
    await refuseSecond(key, what, signal);
    const exec = (await ask(what, signal, (client, abortSignal) =>
      client.getContainer(id).exec(createOptions(request, abortSignal)),
    )) as Dockerode.Exec;
    try {
      const output = await outputOf(exec.id, what, ask, signal);
      return { code: await exitCode(() => inspect(exec.id, signal), clock, signal), output };
    } catch (error) {
      leave(key, exec.id);
      throw error;
    }
  };
}

function createOptions({ command, user, workdir }: ExecRequest, abortSignal: AbortSignal) {
  return {
    Cmd: [...command],
    AttachStdout: true,
    AttachStderr: true,
    ...(user === undefined ? {} : { User: user }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    abortSignal,
  };
}

async function stillRuns(
  inspect: (exec: string, signal: AbortSignal) => Promise<Dockerode.ExecInspectInfo>,
  exec: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await inspect(exec, signal)).Running;
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ307') return false;
    throw error;
  }
}

/** Starts it, and resolves when its output has ended. */
async function outputOf(exec: string, what: string, ask: Ask, signal: AbortSignal): Promise<string> {
  const stream = (await ask(what, signal, (client, abortSignal) =>
    client.getExec(exec).start({ hijack: true, stdin: false, abortSignal }),
  )) as Duplex;
  const reader = frameReader(OUTPUT_LIMIT);
  const aborted = () => stream.destroy();
  signal.addEventListener('abort', aborted, { once: true });
  if (signal.aborted) aborted();
  try {
    await new Promise<void>((resolve) => {
      stream.on('data', (chunk: Buffer) => reader.take(chunk));
      stream.on('error', () => {}); // `close` follows, and the inspection says what became of it
      stream.once('end', resolve);
      stream.once('close', resolve);
    });
  } finally {
    signal.removeEventListener('abort', aborted);
    stream.destroy();
  }
  refuseAborted(signal, what);
  return reader.text();
}

async function exitCode(
  inspect: () => Promise<Dockerode.ExecInspectInfo>,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  for (let wait = FIRST_LOOK; ; wait = Math.min(wait * 2, LONGEST_LOOK)) {
    const { Running, ExitCode } = await inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await pause(wait, clock, signal);
    refuseAborted(signal, 'exec');
  }
}

function refuseAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw new SquallError('SQ301', `${what}: ended`, { terminal: false });
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
    function end(): void {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
