import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import { until } from './until.ts';

/** What a command inside a container came to. */
export interface Executed {
  code: number;
  stdout: string;
  stderr: string;
}

/** A container of the lab. */
export interface LabContainer {
  readonly id: string;
  readonly name: string;
  readonly docker: Docker;
  /** Host pid of its init; rejects where it is not running. */
  pid(): Promise<number>;
  /** Its address on `network`, by default on the first network that gave one. */
  ip4(network?: string): Promise<string>;
  ip6(network?: string): Promise<string>;
  inspect(): Promise<Docker.ContainerInspectInfo>;
  exec(cmd: string[]): Promise<Executed>;
  /** Stops with 1 s of grace, then starts. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
  connect(network: string, alias?: string[]): Promise<void>;
  /** Ends with the lab: traffic that was started in this container. */
  onClose(end: () => Promise<void>): void;
}

/** Wraps a container that the lab created. */
export function labContainer(
  docker: Docker,
  id: string,
  name: string,
  onClose: LabContainer['onClose'],
): LabContainer {
  const handle = docker.getContainer(id);
  const inspect = () => handle.inspect();
  return {
    id,
    name,
    docker,
    inspect,
    onClose,
    pid: async () => {
      const { State } = await inspect();
      if (!State.Running || State.Pid === 0) throw new Error(`${name} is not running (${State.Status})`);
      return State.Pid;
    },
    ip4: async (network) => address(await inspect(), 'IPAddress', network),
    ip6: async (network) => address(await inspect(), 'GlobalIPv6Address', network),
    exec: (cmd) => execIn(docker, handle, cmd),
    restart: async () => void (await handle.restart({ t: 1 })),
    stop: async () => void (await handle.stop({ t: 1 })),
    start: async () => void (await handle.start()),
    remove: () => removeContainer(docker, id),
    connect: async (network, alias = []) => {
      const EndpointConfig = { Aliases: alias };
      await docker.getNetwork(network).connect({ Container: id, EndpointConfig });
    },
  };
}

function address(
  info: Docker.ContainerInspectInfo,
  field: 'IPAddress' | 'GlobalIPv6Address',
  network?: string,
): string {
  const attached = Object.entries(info.NetworkSettings.Networks);
  const [, found] = attached.find(([name, one]) => (network ? name === network : one[field] !== '')) ?? [];
  if (!found?.[field]) throw new Error(`${info.Name} has no ${field} on ${network ?? 'any network'}`);
  return found[field];
}

async function execIn(docker: Docker, handle: Docker.Container, cmd: string[]): Promise<Executed> {
  const run = await handle.exec({ Cmd: cmd, AttachStdout: true, AttachStderr: true });
  const stream = await run.start({ hijack: true, stdin: false });
  const out = new PassThrough();
  const err = new PassThrough();
  docker.modem.demuxStream(stream, out, err);
  stream.once('end', () => [out, err].map((one) => one.end()));
  stream.once('error', (error) => [out, err].map((one) => one.destroy(error)));
  const [stdout, stderr] = await Promise.all([out, err].map(async (one) => (await one.toArray()).join('')));
  const { ExitCode } = await until(`the end of ${cmd.join(' ')}`, async () => {
    const info = await run.inspect();
    return !info.Running && info;
  });
  return { code: ExitCode ?? -1, stdout: stdout ?? '', stderr: stderr ?? '' };
}

/** Removes by force and waits until the engine does not know it any more; fine where it is gone already. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  const handle = docker.getContainer(id);
  await until(`the removal of container ${id.slice(0, 12)}`, async () => {
    const code = await handle.remove({ force: true, v: true }).then(
      () => 204,
      (error: { statusCode?: number }) => error.statusCode ?? Promise.reject(error),
    );
    return code === 404; // 409: somebody else (AutoRemove) is removing it
  });
}
