import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { join } from 'node:path';
import { inspect } from 'node:util';
import Dockerode from 'dockerode';
import { SquallError } from '../core/errors.ts';
import { abortable } from './docker-call.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
/** The oldest API that has all that is used here (Engine 20.10), and the newest whose answers are known to be read right. */
const OLDEST = '1.41';
const NEWEST = '1.51';

/** What the engine said of its versions. */
export interface EngineVersion {
  engine: string;
  /** The API version spoken: the engine's newest, at most what is known here. */
  api: string;
}

/** One engine's address, and a client for it that speaks a negotiated API version. */
export interface Connection {
  readonly host: string;
  client(): Promise<Dockerode>;
  version(): Promise<EngineVersion>;
  /** Negotiates again at the next call. */
  forget(): void;
  close(): void;
}

type Ask = <T>(what: string, run: (abortSignal: AbortSignal) => Promise<T>) => Promise<T | undefined>;

/** Opens nothing yet. `ask` gives the question for the version its time limit and its errors. */
export function connectTo(options: { host?: string; socket?: string }, ask: Ask): Connection {
  const host = options.socket
    ? `unix://${options.socket}`
    : (options.host ?? (process.env.DOCKER_HOST || DEFAULT_HOST));
  const settings = connectionOptions(host);
  const secure = settings.protocol === 'https';
  const agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxFreeSockets: 8 });
  // docker-modem renders its options for a debug line at every request, debugging or not, and the agent with all its sockets in them.
  Object.defineProperty(agent, inspect.custom, { value: () => 'agent' });
  const base = { ...settings, agent };
  let negotiated: Promise<{ client: Dockerode; version: EngineVersion }> | undefined;

  const negotiate = async () => {
    const said = await ask('version', (abortSignal) =>
      abortable(new Dockerode(base)).version({ abortSignal }),
    );
    const version = agreeOn(said ?? {});
    return { client: new Dockerode({ ...base, version: `v${version.api}` }), version };
  };
  const agreed = () => {
    const attempt = negotiated ?? negotiate();
    negotiated = attempt;
    attempt.catch(() => {
      if (negotiated === attempt) negotiated = undefined;
    });
    return attempt;
  };
  return {
    host,
    client: async () => (await agreed()).client,
    version: async () => (await agreed()).version,
    forget: () => {
      negotiated = undefined;
    },
    close: () => agent.destroy(),
  };
}

/** Pure but for the certificates of DOCKER_CERT_PATH. What a DOCKER_HOST-style address means; SQ501 where it is not understood. */
export function connectionOptions(host: string): Dockerode.DockerOptions {
  if (host.startsWith('unix://')) {
    // `host: undefined` keeps docker-modem from taking DOCKER_HOST instead
    return { socketPath: host.slice('unix://'.length), host: undefined, port: undefined, protocol: 'http' };
  }
  if (host.startsWith('/')) return connectionOptions(`unix://${host}`);
  const url = URL.parse(host);
  if (!url || !['tcp:', 'http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new SquallError('SQ501', `${host} is no address of a Docker engine that Squall can use`, {
      hint: 'Use unix:///path/to/docker.sock or tcp://host:port',
    });
  }
  const secure = url.protocol === 'https:' || (url.protocol === 'tcp:' && wantsTls());
  return {
    socketPath: undefined,
    host: url.hostname,
    port: url.port || (secure ? '2376' : '2375'),
    protocol: secure ? 'https' : 'http',
    ...(secure ? certificates() : {}),
  };
}

function wantsTls(): boolean {
  return (process.env.DOCKER_TLS_VERIFY ?? '') !== '';
}

function certificates(): Dockerode.DockerOptions {
  const folder = process.env.DOCKER_CERT_PATH;
  if (!folder) return {};
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => readFileSync(join(folder, file)));
  return { ca, cert, key };
}

function agreeOn(said: { Version?: string; ApiVersion?: string; MinAPIVersion?: string }): EngineVersion {
  const engine = said.Version ?? 'unknown';
  const newest = said.ApiVersion ?? '';
  if (compare(newest, OLDEST) < 0) {
    throw new SquallError(
      'SQ301',
      `the Docker engine ${engine} speaks API ${newest || '(none)'}; ${OLDEST} is needed`,
      { terminal: false, hint: 'Use Docker Engine 20.10 or newer' },
    );
  }
  const api = compare(newest, NEWEST) < 0 ? newest : NEWEST;
  if (said.MinAPIVersion && compare(api, said.MinAPIVersion) < 0) {
    throw new SquallError(
      'SQ301',
      `the Docker engine ${engine} has given up API ${api}; it wants ${said.MinAPIVersion} at least`,
      { terminal: false, hint: 'Use a newer Squall' },
    );
  }
  return { engine, api };
}

/** Orders versions such as 1.9 and 1.41. */
function compare(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [majorB = 0, minorB = 0] = b.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return majorA - majorB || minorA - minorB;
}
