import type { FaultSpec } from '../../core/types.ts';
import { normalAddress, normalCidr } from './addresses.ts';
import { type PortRange, parsePort } from './ports.ts';

/** Who is on the other side. Exactly one of service (with or without project), container, cidr, host, any. */
export interface Peer {
  service?: string;
  project?: string;
  container?: string;
  cidr?: string;
  host?: string;
  any?: true;
}

export type Protocol = 'tcp' | 'udp' | 'icmp';

/** A network fault's filter, read. */
export interface Filter {
  egress: boolean;
  ingress: boolean;
  peers: Peer[];
  /** Empty: every port. */
  ports: PortRange[];
  sourcePorts: PortRange[];
  /** Empty: every protocol. */
  protocols: Protocol[];
}

/** Reads a fault that matches its schema and has no problems. */
export function parseFilter(fault: FaultSpec): Filter {
  const direction = fault.direction ?? 'egress';
  const ports = portsOf(fault.ports);
  const sourcePorts = portsOf(fault.sourcePorts);
  return {
    egress: direction !== 'ingress',
    ingress: direction !== 'egress',
    peers: peersOf(fault),
    ports: ports.filter((range) => range !== undefined),
    sourcePorts: sourcePorts.filter((range) => range !== undefined),
    protocols: protocolsOf(fault.protocol, ports.length + sourcePorts.length > 0),
  };
}

/** What the schema can't say about a filter, one sentence a mistake. */
export function filterProblems(fault: FaultSpec): string[] {
  const problems: string[] = [];
  for (const field of ['ports', 'sourcePorts']) {
    const values = Array.isArray(fault[field]) ? fault[field] : [];
    for (const value of values) {
      if (!parsePort(value))
        problems.push(`${field}: ${value} is neither a port (1 to 65535) nor a range like 8000-8010`);
    }
  }
  if (fault.protocol === 'icmp' && (fault.ports || fault.sourcePorts)) {
    problems.push('protocol: icmp has no ports');
  }
  for (const { cidr } of peersOf(fault)) {
    if (cidr !== undefined && !normalCidr(cidr)) {
      problems.push(`cidr: ${cidr} is no network such as 10.0.0.0/8 or fd00::/8`);
    }
  }
  return problems;
}

/** Host names among the peers, without literal addresses. */
export function hostNames(fault: FaultSpec): string[] {
  const names = peersOf(fault).map(({ host }) => host);
  return [...new Set(names.filter((name) => name !== undefined && !normalAddress(name)))] as string[];
}

/** Services and containers among the peers, by name. */
export function peerNames(fault: FaultSpec): string[] {
  return peersOf(fault)
    .map(({ service, container }) => service ?? container)
    .filter((name) => name !== undefined);
}

/** For messages: `service redis`. */
export function peerName(peer: Peer): string {
  if (peer.service !== undefined) {
    return `service ${peer.service}${peer.project === undefined ? '' : ` of project ${peer.project}`}`;
  }
  if (peer.container !== undefined) return `container ${peer.container}`;
  if (peer.host !== undefined) return `host ${peer.host}`;
  return peer.cidr === undefined ? 'any' : `cidr ${peer.cidr}`;
}

function peersOf(fault: FaultSpec): Peer[] {
  return (fault.to ?? fault.from ?? []) as unknown as Peer[];
}

function portsOf(value: unknown): (PortRange | undefined)[] {
  return Array.isArray(value) ? value.map(parsePort) : [];
}

function protocolsOf(protocol: unknown, withPorts: boolean): Protocol[] {
  if (protocol === undefined || protocol === 'all') return withPorts ? ['tcp', 'udp'] : [];
  return [protocol as Protocol];
}
