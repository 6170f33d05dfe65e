import type Dockerode from 'dockerode';
import type { Attachment, Container, ContainerState, Health } from '../core/types.ts';
import type { EngineVersion } from './docker-connect.ts';

/** What the engine says of itself. */
export interface EngineInfo {
  /** The engine's own id: another one means another host. */
  id: string;
  name: string;
  version: string;
  /** The API version spoken. */
  apiVersion: string;
  cgroupVersion: 1 | 2;
  /** `cgroupfs`, `systemd` or `none` (rootless). */
  cgroupDriver: string;
  os: string;
  kernel: string;
  securityOptions: string[];
  rootless: boolean;
}

/** DNS of these networks answers for no names. */
const WITHOUT_NAMES = ['bridge', 'host', 'none'];
const STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const HEALTHS = ['starting', 'healthy', 'unhealthy'];

/** Pure: the engine's answer to an inspection, as Squall sees a container. */
export function toContainer(found: Dockerode.ContainerInspectInfo): Container {
  const { State, HostConfig, Config } = found;
  const health = State.Health?.Status ?? 'none';
  const name = found.Name.replace(/^\//, '');
  return {
    id: found.Id,
    name,
    image: Config.Image,
    labels: Config.Labels ?? {},
    state: (STATES.includes(State.Status) ? State.Status : 'exited') as ContainerState,
    health: (HEALTHS.includes(health) ? health : 'none') as Health,
    pid: State.Pid,
    startedAt: State.StartedAt,
    attachments: attachmentsOf(name, found.NetworkSettings.Networks ?? {}),
    networkMode: modeOf(HostConfig.NetworkMode ?? 'default', found.NetworkSettings.Networks ?? {}),
    autoRemove: HostConfig.AutoRemove ?? false,
    restartPolicy: HostConfig.RestartPolicy?.Name || 'no',
    resolvConfPath: found.ResolvConfPath ?? '',
    hostsPath: found.HostsPath ?? '',
  };
}

type Networks = Record<string, Dockerode.NetworkInfo & { DNSNames?: string[] | null }>;

function attachmentsOf(name: string, networks: Networks): Attachment[] {
  return Object.entries(networks)
    .map(([network, one]) => ({
      network,
      ...(one.IPAddress ? { ip4: one.IPAddress } : {}),
      ...(one.GlobalIPv6Address ? { ip6: one.GlobalIPv6Address } : {}),
      aliases: WITHOUT_NAMES.includes(network) ? [] : namesOf(name, one),
    }))
    .sort((a, b) => (a.network < b.network ? -1 : 1));
}

/** DNSNames is there since API 1.44 and holds all; before, the name and the aliases (short id among them) make it up. */
function namesOf(name: string, one: Networks[string]): string[] {
  const aliases = (one.Aliases ?? []) as string[];
  return [...new Set([name, ...aliases, ...(one.DNSNames ?? [])])];
}

/** A container made with a network's id rather than its name carries the id. */
function modeOf(mode: string, networks: Networks): string {
  const named = Object.entries(networks).find(([, { NetworkID }]) => NetworkID === mode && mode !== '');
  return named ? named[0] : mode;
}

interface RawInfo {
  ID?: string;
  Name?: string;
  CgroupVersion?: string;
  CgroupDriver?: string;
  OperatingSystem?: string;
  KernelVersion?: string;
  SecurityOptions?: string[] | null;
}

export function toInfo(raw: RawInfo, version: EngineVersion): EngineInfo {
  const securityOptions = raw.SecurityOptions ?? [];
  return {
    id: raw.ID ?? '',
    name: raw.Name ?? '',
    version: version.engine,
    apiVersion: version.api,
    cgroupVersion: raw.CgroupVersion === '2' ? 2 : 1,
    cgroupDriver: raw.CgroupDriver ?? 'none',
    os: raw.OperatingSystem ?? '',
    kernel: raw.KernelVersion ?? '',
    securityOptions,
    rootless: securityOptions.some((option) => option.split(',').includes('name=rootless')),
  };
}
