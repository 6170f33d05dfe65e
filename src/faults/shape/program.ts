import ipaddr from 'ipaddr.js';
import { type Assembler, createAssembler, HELPERS, type Register } from '../../runtime/bpf-asm.ts';
import type { Filter } from '../net/filter.ts';
import type { ResolvedPeers } from '../net/peers.ts';
import type { PortRange } from '../net/ports.ts';

/** Which packets a classifier picks, and until when. */
export interface Match {
  way: 'egress' | 'ingress';
  filter: Pick<Filter, 'protocols' | 'ports' | 'sourcePorts'>;
  peers: Pick<ResolvedPeers, 'v4' | 'v6' | 'any'>;
  /** ms since boot (CLOCK_BOOTTIME): from then on it picks nothing. */
  until: number;
}

/** BPF_HDR_START_NET (bpf-helpers(7)): offsets count from the IP header, whatever the link layer puts before it. */
const FROM_NETWORK = 1;
/** `protocol` in struct __sk_buff (linux/bpf.h): in the network's order, here read on a little-endian machine. */
const SKB_PROTOCOL = 16;
const ETH_P_IP = 0x0008;
const ETH_P_IPV6 = 0xdd86;

/** Registers that calls leave alone. */
const SKB: Register = 6;
/** Not 0: a later fragment, which holds no ports. */
const FRAGMENT: Register = 7;
const PROTOCOL: Register = 8;
/** Offset of what follows the IP header and its extensions. */
const NEXT: Register = 9;

/** Places below the frame. */
const IP = -40;
const L4 = -48;

const NUMBERS = { icmp4: 1, tcp: 6, udp: 17, icmp6: 58 } as const;
/** Hop-by-hop, routing, destination options (RFC 8200), authentication (RFC 4302), fragment. */
const EXTENSIONS = { hops: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;
/** Chains of more extension headers than this are taken as they are. */
const MOST_EXTENSIONS = 6;
/** Router and neighbour discovery (RFC 4861): without it IPv6 stops altogether. */
const DISCOVERY = { first: 133, last: 137 } as const;

/** Instructions that a jump reaches over, less what is not about peers (ports, 1,000 ranges of each kind and family). */
export const LARGEST_PROGRAM = 32_767 - 9000;
/** Instructions for each peer, at most. */
const [PER_V4, PER_V6] = [3, 13];

/** About how many instructions the peers take. Pure. */
export function programSize({ v4, v6 }: Pick<ResolvedPeers, 'v4' | 'v6'>): number {
  return v4.length * PER_V4 + v6.length * PER_V6;
}

/**
 * Pure: an eBPF classifier (tc-bpf(8)) that answers -1 for a packet of the match and 0 for any other. Addresses are the peer's: where
 * a packet goes (egress) or comes from (ingress). Throws RangeError where the match is too large for a program.
 */
export function classifier({ way, filter, peers, until }: Match): Buffer {
  const asm = createAssembler();
  asm.move(SKB, 1);
  asm.call(HELPERS.ktimeGetBootNs);
  asm.setLong(1, BigInt(Math.round(until)) * 1_000_000n);
  asm.jumpIfNotLess(0, 1, 'miss');
  const families = ([4, 6] as const).filter(
    (family) => peers.any || (family === 4 ? peers.v4 : peers.v6).length > 0,
  );
  asm.load(1, SKB, SKB_PROTOCOL, 'word');
  for (const family of families) asm.jumpIf(1, 'eq', family === 4 ? ETH_P_IP : ETH_P_IPV6, `v${family}`);
  asm.jump('miss');
  for (const family of families) {
    asm.label(`v${family}`);
    if (family === 4) matchV4(asm, way, filter, peers);
    else matchV6(asm, way, filter, peers);
  }
  if (families.length > 0) {
    asm.label('hit');
    answer(asm, -1);
  }
  asm.label('miss');
  answer(asm, 0);
  return asm.code();
}

function answer(asm: Assembler, value: number): void {
  asm.set(0, value);
  asm.exit();
}

/** Copies `length` bytes from the packet's `offset` (a number, or a register) to the frame's `place`; otherwise a miss. */
function loadBytes(asm: Assembler, offset: number | 'next', place: number, length: number): void {
  asm.move(1, SKB);
  if (offset === 'next') asm.move(2, NEXT);
  else asm.set(2, offset);
  asm.move(3, 10);
  asm.add(3, place);
  asm.set(4, length);
  asm.set(5, FROM_NETWORK);
  asm.call(HELPERS.skbLoadBytesRelative);
  asm.jumpIf(0, 'ne', 0, 'miss');
}

function matchV4(asm: Assembler, way: Match['way'], filter: Match['filter'], peers: Match['peers']): void {
  loadBytes(asm, 0, IP, 20);
  if (!isEveryone(peers, peers.v4)) {
    const at = IP + (way === 'egress' ? 16 : 12);
    for (const peer of peers.v4) {
      const [address, mask] = words(peer);
      // Loaded anew for each: what one comparison tells would lead the kernel's verifier down a path of its own through all the others.
      asm.load(1, 10, at, 'word');
      if (mask[0] !== -1) asm.and(1, mask[0] ?? 0);
      asm.jumpIf(1, 'eq', address[0] ?? 0, 'peer4');
    }
    asm.jump('miss');
    asm.label('peer4');
  }
  if (filter.protocols.length === 0) {
    asm.jump('hit');
    return;
  }
  asm.load(PROTOCOL, 10, IP + 9, 'byte');
  asm.load(FRAGMENT, 10, IP + 6, 'half');
  asm.fromNetwork16(FRAGMENT);
  asm.and(FRAGMENT, 0x1fff);
  asm.load(NEXT, 10, IP, 'byte');
  asm.and(NEXT, 0x0f);
  asm.shiftLeft(NEXT, 2);
  matchProtocols(asm, filter, 4);
}

function matchV6(asm: Assembler, way: Match['way'], filter: Match['filter'], peers: Match['peers']): void {
  loadBytes(asm, 0, IP, 40);
  if (!isEveryone(peers, peers.v6)) {
    const at = IP + (way === 'egress' ? 24 : 8);
    peers.v6.forEach((peer, index) => {
      matchV6Peer(asm, peer, at, `not6-${index}`);
    });
    asm.jump('miss');
    asm.label('peer6');
  }
  const hitsIcmp = filter.protocols.length === 0 || filter.protocols.includes('icmp');
  walkExtensions(asm);
  if (hitsIcmp) spareDiscovery(asm);
  if (filter.protocols.length === 0) asm.jump('hit');
  else matchProtocols(asm, filter, 6);
}

function matchV6Peer(asm: Assembler, peer: string, at: number, otherwise: string): void {
  const [address, mask] = words(peer);
  for (const word of [0, 1, 2, 3]) {
    if (mask[word] === 0) continue;
    asm.load(1, 10, at + 4 * word, 'word');
    if (mask[word] !== -1) asm.and(1, mask[word] ?? 0);
    asm.jumpIf(1, 'ne', address[word] ?? 0, otherwise);
  }
  asm.jump('peer6');
  asm.label(otherwise);
}

/** Leaves the protocol above IPv6 in PROTOCOL, its offset in NEXT, and whether it is a later fragment in FRAGMENT. */
function walkExtensions(asm: Assembler): void {
  asm.load(PROTOCOL, 10, IP + 6, 'byte');
  asm.set(NEXT, 40);
  asm.set(FRAGMENT, 0);
  for (let step = 0; step < MOST_EXTENSIONS; step++) {
    const [options, fragment, authentication, done] = ['options', 'fragment', 'auth', 'step'].map(
      (name) => `${name}${step}`,
    ) as [string, string, string, string];
    for (const number of [EXTENSIONS.hops, EXTENSIONS.routing, EXTENSIONS.destination])
      asm.jumpIf(PROTOCOL, 'eq', number, options);
    asm.jumpIf(PROTOCOL, 'eq', EXTENSIONS.fragment, fragment);
    asm.jumpIf(PROTOCOL, 'eq', EXTENSIONS.authentication, authentication);
    asm.jump('above6');
    asm.label(options);
    skipExtension(asm, 3, 8);
    asm.jump(done);
    asm.label(authentication);
    skipExtension(asm, 2, 8);
    asm.jump(done);
    asm.label(fragment);
    loadBytes(asm, 'next', L4, 4);
    asm.load(PROTOCOL, 10, L4, 'byte');
    asm.load(FRAGMENT, 10, L4 + 2, 'half');
    asm.fromNetwork16(FRAGMENT);
    asm.and(FRAGMENT, 0xfff8);
    asm.add(NEXT, 8);
    // What a later fragment holds is no header, whatever it looks like.
    asm.jumpIf(FRAGMENT, 'ne', 0, 'above6');
    asm.label(done);
  }
  asm.label('above6');
}

/** The header's length in its second byte, in units of 2^`shift` bytes beyond `base`. */
function skipExtension(asm: Assembler, shift: number, base: number): void {
  loadBytes(asm, 'next', L4, 4);
  asm.load(PROTOCOL, 10, L4, 'byte');
  asm.load(1, 10, L4 + 1, 'byte');
  asm.shiftLeft(1, shift);
  asm.add(1, base);
  asm.addRegister(NEXT, 1);
}

/** Discovery is never fragmented (RFC 6980). */
function spareDiscovery(asm: Assembler): void {
  asm.jumpIf(PROTOCOL, 'ne', NUMBERS.icmp6, 'spared');
  asm.jumpIf(FRAGMENT, 'ne', 0, 'spared');
  loadBytes(asm, 'next', L4, 1);
  asm.load(1, 10, L4, 'byte');
  asm.jumpIf(1, 'lt', DISCOVERY.first, 'spared');
  asm.jumpIf(1, 'le', DISCOVERY.last, 'miss');
  asm.label('spared');
}

function matchProtocols(asm: Assembler, filter: Match['filter'], family: 4 | 6): void {
  const hasPorts = filter.ports.length + filter.sourcePorts.length > 0;
  const withPorts = `ports${family}`;
  for (const protocol of filter.protocols) {
    const number = protocol === 'icmp' ? NUMBERS[`icmp${family}`] : NUMBERS[protocol];
    asm.jumpIf(PROTOCOL, 'eq', number, hasPorts && protocol !== 'icmp' ? withPorts : 'hit');
  }
  asm.jump('miss');
  if (!hasPorts) return;
  asm.label(withPorts);
  asm.jumpIf(FRAGMENT, 'ne', 0, 'miss');
  loadBytes(asm, 'next', L4, 4);
  matchPorts(asm, filter.sourcePorts, L4, `source${family}`);
  matchPorts(asm, filter.ports, L4 + 2, `destination${family}`);
  asm.jump('hit');
}

/** In order: what is below one range is in none of those after it, and the verifier need not try. */
function matchPorts(asm: Assembler, ranges: readonly PortRange[], place: number, name: string): void {
  if (ranges.length === 0) return;
  asm.load(1, 10, place, 'half');
  asm.fromNetwork16(1);
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    if (first === last) asm.jumpIf(1, 'eq', first, name);
    else {
      asm.jumpIf(1, 'lt', first, 'miss');
      asm.jumpIf(1, 'le', last, name);
    }
  }
  asm.jump('miss');
  asm.label(name);
}

function isEveryone({ any }: Match['peers'], addresses: readonly string[]): boolean {
  return any || addresses.some((address) => address.endsWith('/0'));
}

/** Address and mask as the words that the machine reads from a packet, the address masked. */
function words(peer: string): [address: number[], mask: number[]] {
  const [text = '', prefix] = peer.split('/');
  const bytes = ipaddr.parse(text).toByteArray();
  const bits = prefix === undefined ? bytes.length * 8 : Number(prefix);
  const mask = bytes.map((_, index) => 0xff & (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))));
  const masked = bytes.map((byte, index) => byte & (mask[index] ?? 0));
  return [asWords(masked), asWords(mask)];
}

function asWords(bytes: readonly number[]): number[] {
  const buffer = Buffer.from(bytes);
  return Array.from({ length: buffer.length / 4 }, (_, index) => buffer.readInt32LE(index * 4));
}
