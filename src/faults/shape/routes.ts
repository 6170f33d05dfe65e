import ipaddr from 'ipaddr.js';
import { DEVICE_PREFIX } from '../../core/marks.ts';
import type { ResolvedPeers } from '../net/peers.ts';

/** A network that an interface carries. */
export interface Route {
  dev: string;
  family: 4 | 6;
  address: ipaddr.IPv4 | ipaddr.IPv6;
  /** Leading bits that count. */
  length: number;
}

/** Flags of the kernel's routing tables (linux/route.h). */
const RTF_UP = 0x0001;
const RTF_REJECT = 0x0200;

/**
 * Reads /proc/net/route and /proc/net/ipv6_route (proc(5)): routes that carry packets away. Left out are `lo`, `*`, which stands for a
 * black hole, and Squall's own devices, which have a multicast route of IPv6 as every device has.
 */
export function parseRoutes(v4: string, v6: string): Route[] {
  return [...v4.split('\n').map(parseV4), ...v6.split('\n').map(parseV6)]
    .filter((route) => route !== undefined)
    .filter(({ dev }) => dev !== 'lo' && dev !== '*' && !dev.startsWith(DEVICE_PREFIX));
}

/** `eth0 0000A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0`, addresses as the machine holds them. */
function parseV4(line: string): Route | undefined {
  const [dev, address, , flags, , , , mask] = line.trim().split(/\s+/);
  if (!dev || !mask || !/^[0-9A-F]{8}$/i.test(mask) || !isWay(flags)) return undefined;
  const length = bytesOf(mask).reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0);
  return { dev, family: 4, address: new ipaddr.IPv4(bytesOf(address ?? '').reverse()), length };
}

/** `fd00... 40 0000... 00 0000... 00000100 00000001 00000000 00000001 eth0`. */
function parseV6(line: string): Route | undefined {
  const [address, length, , , , , , , flags, dev] = line.trim().split(/\s+/);
  if (!dev || address?.length !== 32 || !isWay(flags)) return undefined;
  return {
    dev,
    family: 6,
    address: new ipaddr.IPv6(bytesOf(address)),
    length: Number.parseInt(length ?? '', 16),
  };
}

function isWay(flags = '0'): boolean {
  const bits = Number.parseInt(flags, 16);
  return (bits & RTF_UP) !== 0 && (bits & RTF_REJECT) === 0;
}

function bytesOf(hex: string): number[] {
  return [...Buffer.from(hex, 'hex')];
}

/**
 * The interfaces that carry traffic with the peers, sorted: for an address the one of its longest route, for a network also those of
 * every route inside it, for everyone all that have a route.
 */
export function interfacesTo(
  peers: Pick<ResolvedPeers, 'v4' | 'v6' | 'any'>,
  routes: readonly Route[],
): string[] {
  const found = peers.any ? routes : [...peers.v4, ...peers.v6].flatMap((peer) => routesTo(peer, routes));
  return [...new Set(found.map(({ dev }) => dev))].sort();
}

function routesTo(peer: string, routes: readonly Route[]): Route[] {
  const [address, length] = peer.includes('/')
    ? ipaddr.parseCIDR(peer)
    : ([ipaddr.parse(peer), peer.includes(':') ? 128 : 32] as const);
  const family = address.kind() === 'ipv4' ? 4 : 6;
  const same = routes.filter((route) => route.family === family);
  const around = same.filter(
    (route) => route.length <= length && within(address, route.address, route.length),
  );
  const longest = Math.max(-1, ...around.map((route) => route.length));
  const inside = same.filter((route) => route.length > length && within(route.address, address, length));
  return [...around.filter((route) => route.length === longest), ...inside];
}

function within(
  address: ipaddr.IPv4 | ipaddr.IPv6,
  network: ipaddr.IPv4 | ipaddr.IPv6,
  length: number,
): boolean {
  const [a, b] = [address.toByteArray(), network.toByteArray()];
  return a.every((byte, index) => {
    const mask = 0xff & (0xff00 >> Math.min(8, Math.max(0, length - index * 8)));
    return (byte & mask) === ((b[index] ?? 0) & mask);
  });
}

/** Names in /proc/net/dev (proc(5)). */
export function deviceNames(text: string): string[] {
  return text
    .split('\n')
    .map((line) => /^\s*([^\s:]+):/.exec(line)?.[1])
    .filter((name) => name !== undefined);
}
