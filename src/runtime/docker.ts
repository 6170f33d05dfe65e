import type Dockerode from 'dockerode';
import { type Clock, systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { eachOf } from '../core/parallel.ts';
import type { Container } from '../core/types.ts';
import { abortable, type CallOptions, callEngine } from './docker-call.ts';
import { type Connection, connectTo } from './docker-connect.ts';
import { type EngineEvent, type EngineEvents, followEvents } from './docker-events.ts';
import { type ContainerExec, containerExec } from './docker-exec.ts';
import { type EngineInfo, toContainer, toInfo } from './docker-map.ts';

export { connectionOptions } from './docker-connect.ts';
export type { EngineEvent, EngineEvents } from './docker-events.ts';
export { type EngineInfo, toContainer } from './docker-map.ts';

/** What Squall asks of a Docker engine. Every call rejects with SQ301 (not terminal) where the engine does not answer. */
export interface DockerPort {
  /** Undefined where no such container exists. Always fresh. */
  inspect(id: string): Promise<Container | undefined>;
  kill(id: string, signal: string): Promise<void>;
  /** `graceSeconds`: SIGKILL after that; undefined takes the container's own StopTimeout. */
  stop(id: string, graceSeconds?: number): Promise<void>;
  start(id: string): Promise<void>;
  restart(id: string, graceSeconds?: number): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
}

/**
 * A Docker engine over its API. Besides SQ301, calls that act on a container reject with SQ307 where it is gone and with SQ401
 * (not terminal: states change) where the engine refuses; what is as asked for already (HTTP 304) is success.
 */
export interface DockerEngine extends DockerPort {
  /** The address it is reached at, as DOCKER_HOST would say it. */
  readonly host: string;
  ping(): Promise<void>;
  info(): Promise<EngineInfo>;
  /** Ids of all containers, stopped ones too. */
  ids(): Promise<string[]>;
  /** All containers, stopped ones too, each inspected; one that vanishes meanwhile is left out. */
  list(): Promise<Container[]>;
  /** Resolves once the engine has taken the subscription. Events of the last second are told again: none falls in between. */
  events(listener: (event: EngineEvent) => void, signal: AbortSignal): Promise<EngineEvents>;
  /** Runs a program in a container. */
  readonly exec: ContainerExec;
  /** Lets go of idle connections. */
  close(): void;
}

export interface DockerOptions {
  /** `unix:///path`, `tcp://host:port`, `http(s)://host:port`. Default: DOCKER_HOST, else unix:///var/run/docker.sock. */
  host?: string;
  /** Path of a unix socket; wins over `host`. */
  socket?: string;
  clock?: Clock;
}

const INSPECTS_AT_ONCE = 8;
/** ms. */
const READ_LIMIT = 10_000;
const ACT_LIMIT = 30_000;
/** For a stop with the container's own StopTimeout, which is not known here. */
const OWN_GRACE_SECONDS = 60;

/** A client; nothing is asked before the first call, which negotiates the API version (SQ301 below 1.41). */
export function createDocker(options: DockerOptions = {}): DockerEngine {
  const clock = options.clock ?? systemClock;
  const connection = connectTo(options, (what, run) =>
    callEngine({ what, clock, limit: READ_LIMIT, host: connection.host, repeat: true }, run),
  );
  const call = async <T>(
    use: Omit<CallOptions, 'clock' | 'host'>,
    run: (client: Dockerode, abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> => {
    const client = await connection.client();
    return callEngine({ ...use, clock, host: connection.host }, (signal) => run(client, signal));
  };
  const exec = containerExec((what, aborts, run) => call({ what, limit: READ_LIMIT, aborts }, run), clock);
  return {
    host: connection.host,
    ...reads(call, connection, clock),
    ...acts(call),
    exec,
    close: connection.close,
  };
}

type Call = <T>(
  use: Omit<CallOptions, 'clock' | 'host'>,
  run: (client: Dockerode, abortSignal: AbortSignal) => Promise<T>,
) => Promise<T | undefined>;

function reads(call: Call, connection: Connection, clock: Clock) {
  const read = async <T>(what: string, run: Parameters<typeof call<T>>[1]): Promise<T> =>
    (await call({ what, limit: READ_LIMIT, repeat: true }, run)) as T;
  const inspect = async (id: string): Promise<Container | undefined> => {
    try {
      const found = await read(`inspect ${short(id)}`, (client, abortSignal) =>
        client.getContainer(id).inspect({ abortSignal }),
      );
      return toContainer(found);
    } catch (error) {
      if (error instanceof SquallError && error.code === 'SQ307') return undefined;
      throw error;
    }
  };
  const ids = async (): Promise<string[]> => {
    const found = await read('list containers', (client, abortSignal) =>
      client.listContainers({ all: true, abortSignal }),
    );
    return found.map(({ Id }) => Id);
  };
  return {
    inspect,
    ids,
    ping: async () =>
      void (await read('ping', (client, abortSignal) => abortable(client).ping({ abortSignal }))),
    info: async () => {
      const version = await connection.version();
      return toInfo(
        await read('info', (client, abortSignal) => abortable(client).info({ abortSignal })),
        version,
      );
    },
    list: async () => {
      const found = await eachOf(await ids(), INSPECTS_AT_ONCE, inspect);
      return found.filter((container) => container !== undefined);
    },
    events: async (listener: (event: EngineEvent) => void, signal: AbortSignal) => {
      connection.forget(); // this may be another engine than before the connection broke
      const stream = await call(
        { what: 'events', limit: READ_LIMIT, aborts: signal },
        (client, abortSignal) => followEvents(client, { listener, abortSignal, since: clock.now() - 1000 }),
      );
      return stream as EngineEvents;
    },
  };
}

function acts(call: Call): Omit<DockerPort, 'inspect'> {
  const act = async (
    verb: string,
    id: string,
    run: (container: Dockerode.Container, abortSignal: AbortSignal) => Promise<unknown>,
    limit = ACT_LIMIT,
  ): Promise<void> => {
    await call({ what: `${verb} ${short(id)}`, limit }, (client, abortSignal) =>
      run(client.getContainer(id), abortSignal),
    );
  };
  const graceLimit = (grace: number | undefined) => ACT_LIMIT + (grace ?? OWN_GRACE_SECONDS) * 1000;
  const graceOption = (grace: number | undefined) => (grace === undefined ? {} : { t: grace });
  return {
    kill: (id, signal) => act('kill', id, (one, abortSignal) => one.kill({ signal, abortSignal })),
    start: (id) => act('start', id, (one, abortSignal) => one.start({ abortSignal })),
    pause: (id) => act('pause', id, (one, abortSignal) => one.pause({ abortSignal })),
    unpause: (id) => act('unpause', id, (one, abortSignal) => one.unpause({ abortSignal })),
    stop: (id, grace) =>
      act(
        'stop',
        id,
        (one, abortSignal) => one.stop({ ...graceOption(grace), abortSignal }),
        graceLimit(grace),
      ),
    restart: (id, grace) =>
      act(
        'restart',
        id,
        (one, abortSignal) => one.restart({ ...graceOption(grace), abortSignal }),
        graceLimit(grace),
      ),
  };
}

function short(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : id;
}
