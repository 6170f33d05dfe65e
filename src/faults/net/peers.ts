import { SquallError } from '../../core/errors.ts';
import { LABEL_PROJECT, LABEL_SERVICE } from '../../core/marks.ts';
import { namespaceOwner } from '../../core/namespaces.ts';
import { nearMiss } from '../../core/near-miss.ts';
import type { Container } from '../../core/types.ts';
import { hostKey, type World } from '../fault.ts';
import {
  type Addresses,
  commonNetwork,
  gather,
  leavesNamespace,
  normalAddress,
  normalCidr,
} from './addresses.ts';
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
  /** Fellow targets among those networks, or among everyone: their packets pass. Only where there are some. */
  spared?: Addresses;
}

type Found = { family: 4 | 6; address: string };

/**
 * Pure. Throws SQ209 for the first peer without an address, unless the world is lenient. `group`: ids of containers that are no
 * peers, whoever is named, and nor is what shares a network namespace with them. A peer may lie wholly within the group, as long as
 * not all of them do.
 */
export function resolvePeers(
  peers: readonly Peer[],
  target: Container,
  world: World,
  group?: ReadonlySet<string>,
): ResolvedPeers {
  const own = sideOf([target], world);
  const side = group ? sideOf([target, ...world.containers.filter(({ id }) => group.has(id))], world) : own;
  const any = peers.some((peer) => peer.any);
  const found: Found[] = [];
  const missing: string[] = [];
  const within: string[] = [];
  for (const peer of peers) {
    if (peer.any) continue;
    const all = lookUp(peer, target, world);
    const outside = all.filter(({ address }) => (peer.cidr && !group) || !side.addresses.has(address));
    found.push(...outside);
    if (outside.length > 0) continue;
    if (group && isWithin(side, peer, all, target, world)) within.push(peerName(peer));
    else if (world.lenient) missing.push(peerName(peer));
    else throw unresolved(peer, target, world, side);
  }
  const nobody = within.length > 0 && found.length === 0 && missing.length === 0 && !any;
  if (nobody && (!world.lenient || world.growing)) throw nobodyOutside(within);
  const resolved = { ...gather(found), any, missing };
  const fellows = [...side.addresses].filter((address) => !own.addresses.has(address));
  return group ? { ...resolved, ...sparedOf(resolved, fellows) } : resolved;
}

/** Those who are no peers: their addresses, and whether a container lives where one of them does. */
interface Side {
  addresses: ReadonlySet<string>;
  holds(container: Container): boolean;
}

function sideOf(members: readonly Container[], world: World): Side {
  const owners = new Set(members.map((member) => namespaceOwner(member, world.containers)));
  const found = members.flatMap((member) => addressesOf(member, world));
  return {
    addresses: new Set(found.map(({ address }) => address)),
    holds: (container) => owners.has(namespaceOwner(container, world.containers)),
  };
}

/** Whether a peer that comes to no other address is on this side with all it has. A container that is down is on none. */
function isWithin(
  side: Side,
  peer: Peer,
  addresses: readonly Found[],
  target: Container,
  world: World,
): boolean {
  if (peer.cidr !== undefined || peer.host !== undefined) return addresses.length > 0;
  const known = candidates(peer, target, world);
  return known.length > 0 && known.every(side.holds);
}

/** The fellows that the peers' networks take in. Single addresses of fellows are no peers to begin with. */
function sparedOf({ v4, v6, any }: ResolvedPeers, fellows: readonly string[]): { spared?: Addresses } {
  const networks = [...v4, ...v6].filter((network) => network.includes('/'));
  const taken = fellows.filter((address) => any || commonNetwork(networks, [address]) !== undefined);
  if (taken.length === 0) return {};
  return { spared: gather(defined(taken.map(normalAddress))) };
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
  return candidates(peer, target, world).flatMap((container) => addressesOf(container, world));
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

function nobodyOutside(within: readonly string[]): SquallError {
  const who = within.length === 1 ? `${within[0]} is` : `${within.join(', ')} are`;
  return new SquallError('SQ209', `nobody is on the other side: ${who} wholly among the targets`, {
    hint: 'Choose fewer targets, such as `mode: { percent: 50 }`, or name other peers',
  });
}

function unresolved(peer: Peer, target: Container, world: World, side: Side): SquallError {
  const name = peerName(peer);
  if (peer.host !== undefined) {
    return new SquallError('SQ209', `${name} does not resolve inside ${target.name}`, {
      hint: 'Check the name with `docker exec`, or give a service, container or cidr',
    });
  }
  const known = candidates(peer, target, world);
  const others = known.filter((container) => !side.holds(container));
  if (others.length > 0) {
    return new SquallError('SQ209', `${name} has no address: ${others.map(stateOf).join(', ')}`, {
      hint: 'Start it, or attach it to a network; peers with host networking need a cidr or host',
    });
  }
  if (known.length > 0) {
    return new SquallError(
      'SQ209',
      `${name} is alone in the network of the target ${target.name}: it has no other container`,
    );
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
