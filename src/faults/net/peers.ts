import { SquallError } from '../../core/errors.ts';
import { LABEL_PROJECT, LABEL_SERVICE } from '../../core/marks.ts';
import { namespaceOwner } from '../../core/namespaces.ts';
import { nearMiss } from '../../core/near-miss.ts';
import type { Container } from '../../core/types.ts';
import { hostKey, type World } from '../fault.ts';
import { gather, leavesNamespace, normalAddress, normalCidr } from './addresses.ts';
import { type Peer, peerName } from './filter.ts';

/** What a filter's peers come to for one target. JSON: it stands in the journal. */
export interface ResolvedPeers {
  /** Addresses and networks, sorted, each once. */
  v4: string[];
  v6: string[];
  /** Everyone: the lists do not matter then. */
  any: boolean;
  /** Peers without an address just now (`service redis`); only where the world is lenient. */
  missing: string[];
}

type Found = { family: 4 | 6; address: string };

/** Pure. Throws SQ209 for the first peer without an address, unless the world is lenient. */
export function resolvePeers(peers: readonly Peer[], target: Container, world: World): ResolvedPeers {
  const own = new Set(addressesOf(target, world).map(({ address }) => address));
  const found: Found[] = [];
  const missing: string[] = [];
  for (const peer of peers) {
    if (peer.any) continue;
    const addresses = lookUp(peer, target, world).filter(({ address }) => peer.cidr || !own.has(address));
    if (addresses.length === 0) {
      if (!world.lenient) throw unresolved(peer, target, world);
      missing.push(peerName(peer));
    }
    found.push(...addresses);
  }
  return { ...gather(found), any: peers.some(({ any }) => any), missing };
}

/** The container whose network namespace this one uses: itself, or the one `network_mode: container:ID` leads to. */
export function networkOwner(container: Container, { containers }: World): Container | undefined {
  const owner = namespaceOwner(container, containers);
  return owner === container.id ? container : containers.find(({ id }) => id === owner);
}

/** True where the target has an address that IPv6 traffic can leave with. */
export function hasIpv6(target: Container, world: World): boolean {
  return addressesOf(target, world).some(({ family }) => family === 6);
}

function lookUp(peer: Peer, target: Container, world: World): Found[] {
  if (peer.cidr !== undefined) return defined([normalCidr(peer.cidr)]);
  if (peer.host !== undefined) return hostAddresses(peer.host, target, world);
  return candidates(peer, target, world)
    .filter(({ id }) => id !== target.id)
    .flatMap((container) => addressesOf(container, world));
}

function hostAddresses(host: string, target: Container, world: World): Found[] {
  const literal = normalAddress(host);
  const answers = literal ? [literal.address] : (world.hosts.get(hostKey(target.id, host)) ?? []);
  return defined(answers.map(normalAddress)).filter(({ address }) => leavesNamespace(address));
}

function candidates(peer: Peer, target: Container, world: World): readonly Container[] {
  if (peer.container !== undefined) return world.containers.filter(({ name }) => name === peer.container);
  const project = peer.project ?? target.labels[LABEL_PROJECT];
  const labelled = world.containers.filter(
    ({ labels }) =>
      project !== undefined && labels[LABEL_PROJECT] === project && labels[LABEL_SERVICE] === peer.service,
  );
  if (labelled.length > 0 || peer.project !== undefined) return labelled;
  const networks = new Set((networkOwner(target, world) ?? target).attachments.map(({ network }) => network));
  return world.containers.filter(({ attachments }) =>
    attachments.some(
      ({ network, aliases }) => networks.has(network) && aliases.includes(peer.service as string),
    ),
  );
}

/** Of a running or paused container, on all its networks; those of the owner where it shares another's namespace. */
function addressesOf(container: Container, world: World): Found[] {
  if (container.state !== 'running' && container.state !== 'paused') return [];
  const attachments = networkOwner(container, world)?.attachments ?? [];
  return defined(attachments.flatMap(({ ip4, ip6 }) => [ip4, ip6]).map((ip) => ip && normalAddress(ip)));
}

function defined(found: (Found | '' | undefined)[]): Found[] {
  return found.filter((item) => item !== undefined && item !== '');
}

function unresolved(peer: Peer, target: Container, world: World): SquallError {
  const name = peerName(peer);
  if (peer.host !== undefined) {
    return new SquallError('SQ209', `${name} does not resolve inside ${target.name}`, {
      hint: 'Check the name with `docker exec`, or give a service, container or cidr',
    });
  }
  const known = candidates(peer, target, world);
  if (known.some(({ id }) => id !== target.id)) {
    return new SquallError('SQ209', `${name} has no address: ${known.map(stateOf).join(', ')}`, {
      hint: 'Start it, or attach it to a network; peers with host networking need a cidr or host',
    });
  }
  if (known.length > 0) {
    return new SquallError('SQ209', `${name} is the target ${target.name} alone: it has no other container`);
  }
  const near = nearMiss(peer.service ?? peer.container ?? '', similar(peer, target, world));
  return new SquallError('SQ209', `${name} is not known on this host`, {
    hint: near ? `Did you mean ${near}?` : whereLooked(peer, target),
  });
}

function stateOf({ name, state }: Container): string {
  return `${name} is ${state}`;
}

function whereLooked(peer: Peer, target: Container): string {
  if (peer.container !== undefined) return 'Container names are exact: see `docker ps --format {{.Names}}`';
  const project = peer.project ?? target.labels[LABEL_PROJECT];
  return project === undefined
    ? `${target.name} belongs to no compose project: give \`project\`, or a network alias of a network it is on`
    : `No container of project ${project} has that service label`;
}

/** Names of the kind that was asked for. */
function similar(peer: Peer, target: Container, world: World): string[] {
  if (peer.container !== undefined) return world.containers.map(({ name }) => name);
  const project = peer.project ?? target.labels[LABEL_PROJECT];
  const services = world.containers
    .filter(({ labels }) => project !== undefined && labels[LABEL_PROJECT] === project)
    .map(({ labels }) => labels[LABEL_SERVICE]);
  const aliases = peer.project === undefined ? aliasesNear(target, world) : [];
  return [...services, ...aliases].filter((name) => name !== undefined);
}

function aliasesNear(target: Container, world: World): string[] {
  const networks = new Set(target.attachments.map(({ network }) => network));
  return world.containers.flatMap(({ attachments }) =>
    attachments.filter(({ network }) => networks.has(network)).flatMap(({ aliases }) => aliases),
  );
}
