import type { FaultSpec } from '../../core/types.ts';
import { commonNetwork } from './addresses.ts';
import { type Filter, type Protocol, parseFilter } from './filter.ts';
import type { ResolvedPeers } from './peers.ts';
import type { PortRange } from './ports.ts';

/** A fault with the shared filter, and what its peers came to in one network namespace. */
export interface Diverter {
  /** `interface` (text) is read too: undefined stands for every one. */
  fault: FaultSpec;
  resolved: ResolvedPeers;
}

/** Pure. Some of the packets that both filters match, in words (`egress tcp packets to 10.0.0.3, port 80`); undefined where there are none. */
export function overlap(one: Diverter, other: Diverter): string | undefined {
  const [a, b] = [one, other].map(({ fault }) => parseFilter(fault)) as [Filter, Filter];
  const ways = [a.egress && b.egress && 'egress', a.ingress && b.ingress && 'ingress'].filter(Boolean);
  const device = common(one.fault.interface, other.fault.interface);
  const address = commonAddress(one.resolved, other.resolved);
  const protocols = commonProtocols(a.protocols, b.protocols);
  const ports = commonPorts(a.ports, b.ports);
  const sourcePorts = commonPorts(a.sourcePorts, b.sourcePorts);
  if (ways.length === 0 || !device || !address || !protocols || !ports || !sourcePorts) return undefined;
  const side = a.egress && b.egress ? (ways.length === 2 ? 'to and from' : 'to') : 'from';
  const packets = [ways.join(' and '), protocols.join(' and '), 'packets', side, address];
  return [
    packets.filter((word) => word !== '').join(' '),
    ...ports.slice(0, 1).map((range) => `port ${portText(range)}`),
    ...sourcePorts.slice(0, 1).map((range) => `source port ${portText(range)}`),
    ...(device.value === undefined ? [] : [`interface ${device.value}`]),
  ].join(', ');
}

/** Undefined where both are given and differ. */
function common<T>(one: T | undefined, other: T | undefined): { value: T | undefined } | undefined {
  if (one !== undefined && other !== undefined && one !== other) return undefined;
  return { value: one ?? other };
}

/** Peers that came to nothing match nothing, not even what `any` matches. */
function commonAddress(one: ResolvedPeers, other: ResolvedPeers): string | undefined {
  if (one.any && other.any) return 'anyone';
  if (one.any) return [...other.v4, ...other.v6][0];
  if (other.any) return [...one.v4, ...one.v6][0];
  return commonNetwork(one.v4, other.v4) ?? commonNetwork(one.v6, other.v6);
}

/** Empty: every protocol. Undefined: none in common. */
function commonProtocols(one: readonly Protocol[], other: readonly Protocol[]) {
  if (one.length === 0 || other.length === 0) return [...one, ...other];
  const both = one.filter((protocol) => other.includes(protocol));
  return both.length > 0 ? both : undefined;
}

/** Empty: every port, or a protocol that has none (a filter with ports is one of tcp and udp). Undefined: none in common. */
function commonPorts(one: readonly PortRange[], other: readonly PortRange[]): PortRange[] | undefined {
  if (one.length === 0 || other.length === 0) return [...one, ...other];
  const both = one.flatMap((a) =>
    other.map((b) => ({ first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) })),
  );
  const real = both.filter(({ first, last }) => first <= last);
  return real.length > 0 ? real : undefined;
}

function portText({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}
