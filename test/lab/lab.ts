import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import Docker from 'dockerode';
import { LABEL_ENABLED, LABEL_PROJECT, LABEL_SERVICE } from '../../src/core/marks.ts';
import { type LabContainer, labContainer, removeContainer } from './container.ts';
import { ensureImage, LAB_IMAGE } from './image.ts';
import { until } from './until.ts';

export type { LabContainer } from './container.ts';
export { LAB_IMAGE } from './image.ts';
export { until } from './until.ts';

/** On all that a lab makes: its value names the lab. */
export const LABEL_LAB = 'squall.lab';
/** On all that one `npm test` makes, so that it can look for what was left. */
export const LABEL_LAB_RUN = 'squall.lab.run';

/** How to run a container; see `Lab.run`. */
export interface RunOptions {
  /** Default: the lab's own. */
  image?: string;
  name?: string;
  labels?: Record<string, string>;
  /** A network's name, as `Lab.network` gives it. */
  network?: string;
  /** `host`, `none` or `container:<id>`. */
  networkMode?: string;
  /** Names on `network`, beside the service's. */
  alias?: string[];
  cmd?: string[];
  /** docker-init as pid 1. Default true. */
  init?: boolean;
  restart?: 'no' | 'always' | 'unless-stopped' | 'on-failure' | (string & {});
  autoRemove?: boolean;
  /** Run in the container as a health check. */
  healthcmd?: string[];
  /** Default 200. */
  healthIntervalMs?: number;
  /** Default true: sets squall.enabled=true. */
  optIn?: boolean;
  project?: string;
  service?: string;
  stopSignal?: string;
}

/** A corner of the engine that belongs to one test file. */
export interface Lab {
  /** The value of the label squall.lab. */
  readonly label: string;
  readonly docker: Docker;
  /** Creates and starts a container of the lab's image. Default: `sleep 1000000` under docker-init, opted in. */
  run(options?: RunOptions): Promise<LabContainer>;
  /** Makes a user network and gives its name. `subnet`: an IPv4 or IPv6 CIDR; `ipv6` without one takes a random ULA. */
  network(options?: { ipv6?: boolean; subnet?: string }): Promise<string>;
  /** Removes all it made, then asserts that nothing labelled is left. */
  close(): Promise<void>;
}

/** Opens a lab on the engine that DOCKER_HOST (or the usual socket) names; the image is made where missing. */
export async function openLab(name: string): Promise<Lab> {
  const docker = new Docker();
  await ensureImage(docker);
  const label = `${name}-${randomBytes(4).toString('hex')}`;
  const run = process.env.SQUALL_LAB_RUN;
  const labels = { [LABEL_LAB]: label, ...(run ? { [LABEL_LAB_RUN]: run } : {}) };
  const ends: (() => Promise<void>)[] = [];
  let count = 0;
  const next = (what: string) => `sqlab-${label}-${what}${++count}`;

  return {
    label,
    docker,
    run: async (options = {}) => {
      const full = options.name ? `sqlab-${label}-${options.name}` : next('c');
      const created = await docker.createContainer(createOptions(full, labels, options));
      const container = labContainer(docker, created.id, full, (end) => ends.push(end));
      await created.start();
      return container;
    },
    network: (options = {}) => createNetwork(docker, next('n'), labels, options),
    close: async () => {
      await Promise.all(ends.splice(0).map((end) => end()));
      await sweep(docker, `${LABEL_LAB}=${label}`);
    },
  };
}

function createOptions(
  name: string,
  labels: Record<string, string>,
  options: RunOptions,
): Docker.ContainerCreateOptions {
  const { project, service, network, networkMode } = options;
  const aliases = [...(options.alias ?? []), ...(service ? [service] : [])];
  return {
    name,
    Image: options.image ?? LAB_IMAGE,
    Cmd: options.cmd ?? ['sleep', '1000000'],
    Labels: {
      ...labels,
      ...(options.optIn === false ? {} : { [LABEL_ENABLED]: 'true' }),
      ...(project ? { [LABEL_PROJECT]: project } : {}),
      ...(service ? { [LABEL_SERVICE]: service } : {}),
      ...options.labels,
    },
    ...(options.stopSignal ? { StopSignal: options.stopSignal } : {}),
    ...(options.healthcmd ? { Healthcheck: healthcheck(options.healthcmd, options.healthIntervalMs) } : {}),
    HostConfig: {
      Init: options.init ?? true,
      AutoRemove: options.autoRemove ?? false,
      RestartPolicy: { Name: options.restart ?? 'no' },
      NetworkMode: networkMode ?? network ?? 'bridge',
    },
    ...(network ? { NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: aliases } } } } : {}),
  };
}

function healthcheck(cmd: string[], intervalMs = 200): Docker.HealthConfig {
  return { Test: ['CMD', ...cmd], Interval: intervalMs * 1e6, Timeout: 5e9, Retries: 1, StartPeriod: 0 };
}

async function createNetwork(
  docker: Docker,
  name: string,
  labels: Record<string, string>,
  options: { ipv6?: boolean; subnet?: string },
): Promise<string> {
  await until(`a free subnet for ${name}`, async () => {
    const Config = subnets(options).map((Subnet) => ({ Subnet }));
    const EnableIPv6 = Config.some(({ Subnet }) => Subnet.includes(':'));
    await docker.createNetwork({
      Name: name,
      CheckDuplicate: true,
      Labels: labels,
      EnableIPv6,
      IPAM: { Config },
    });
    return true;
  });
  return name;
}

/**
 * IPv4 comes from 198.19.0.0/16 (RFC 2544, for tests): the engine's own pools hold only some 30 networks, and other
 * things on the machine take from them.
 */
function subnets({ ipv6 = false, subnet }: { ipv6?: boolean; subnet?: string }): string[] {
  const ula = `fd${randomBytes(1).toString('hex')}:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}::/64`;
  const v4 = subnet?.includes('.') ? subnet : `198.19.${randomInt(256)}.0/24`;
  const v6 = subnet?.includes(':') ? subnet : ula;
  return ipv6 || subnet?.includes(':') ? [v4, v6] : [v4];
}

/** Removes every container and network that carries the label (`key=value`), then asserts that none is left. */
export async function sweep(docker: Docker, label: string): Promise<string[]> {
  const filters = { label: [label] };
  const containers = await docker.listContainers({ all: true, filters });
  await Promise.all(containers.map(({ Id }) => removeContainer(docker, Id)));
  const networks = await docker.listNetworks({ filters });
  await Promise.all(networks.map(({ Id }) => removeNetwork(docker, Id)));
  const left = [
    ...(await docker.listContainers({ all: true, filters })).map(({ Names }) => Names.join()),
    ...(await docker.listNetworks({ filters })).map(({ Name }) => Name),
  ];
  assert.deepEqual(left, [], `left behind by ${label}`);
  return [...containers.map(({ Names }) => Names.join()), ...networks.map(({ Name }) => Name)];
}

async function removeNetwork(docker: Docker, id: string): Promise<void> {
  await until(`the removal of network ${id.slice(0, 12)}`, async () => {
    const code = await docker
      .getNetwork(id)
      .remove()
      .then(
        () => 204,
        (error: { statusCode?: number }) => error.statusCode ?? Promise.reject(error),
      );
    return code === 204 || code === 404; // 403: an endpoint is still being taken off
  });
}
