/** Packets as they are described, their bytes, and which of them a filter means: written from the words of the documents, not from the code. */
import type { Match } from '../../../src/faults/shape/program.ts';

/** What follows the IP header and its extensions. */
export interface Upper {
  /** As in the header before: 1 icmp, 6 tcp, 17 udp, 58 icmp6, or any other. */
  protocol: number;
  bytes: Buffer;
}

export interface V4 {
  family: 4;
  source: bigint;
  destination: bigint;
  /** Words of options, 0 to 10. */
  options: number;
  /** Where the fragment belongs, in units of 8 bytes; 0 is the first, or a whole packet. */
  fragment: number;
  moreFragments: boolean;
  upper: Upper;
}

/** An extension header of IPv6 (RFC 8200, RFC 4302). */
export type Extension =
  | { kind: 'hops' | 'routing' | 'destination' | 'authentication'; units: number }
  | { kind: 'fragment'; fragment: number; moreFragments: boolean };

export interface V6 {
  family: 6;
  source: bigint;
  destination: bigint;
  extensions: readonly Extension[];
  upper: Upper;
}

export type Ip = V4 | V6;

/** ms since boot at which everything here happens, unless a test says otherwise. */
export const NOW = 1_000_000;

const ETHERNET = 14;
const NUMBERS = { hops: 0, routing: 43, fragment: 44, authentication: 51, destination: 60 } as const;
/** Chains that are longer than this are not followed to their end. */
const FOLLOWED = 6;

export function etherType({ family }: Ip): number {
  return family === 4 ? 0x0800 : 0x86dd;
}

/** The frame, from its Ethernet header on. */
export function frameOf(ip: Ip): Buffer {
  const ethernet = Buffer.alloc(ETHERNET, 0x02);
  ethernet.writeUInt16BE(etherType(ip), 12);
  return Buffer.concat([ethernet, ip.family === 4 ? v4Header(ip) : v6Headers(ip), ip.upper.bytes]);
}

function v4Header({ source, destination, options, fragment, moreFragments, upper }: V4): Buffer {
  const header = Buffer.alloc(20 + 4 * options, 0x01);
  header.writeUInt8(0x40 | (5 + options), 0);
  header.writeUInt16BE(header.length + upper.bytes.length, 2);
  header.writeUInt16BE(fragment | (moreFragments ? 0x2000 : 0x4000), 6);
  header.writeUInt8(upper.protocol, 9);
  addressBytes(source, 4).copy(header, 12);
  addressBytes(destination, 4).copy(header, 16);
  return header;
}

function v6Headers({ source, destination, extensions, upper }: V6): Buffer {
  const numbers = [...extensions.map(({ kind }) => NUMBERS[kind]), upper.protocol];
  const header = Buffer.alloc(40);
  header.writeUInt8(0x60, 0);
  header.writeUInt8(numbers[0] ?? 0, 6);
  addressBytes(source, 16).copy(header, 8);
  addressBytes(destination, 16).copy(header, 24);
  return Buffer.concat([header, ...extensions.map((one, at) => extensionBytes(one, numbers[at + 1] ?? 59))]);
}

function extensionBytes(extension: Extension, next: number): Buffer {
  const bytes = Buffer.alloc(sizeOf(extension), 0x05);
  bytes.writeUInt8(next, 0);
  if (extension.kind === 'fragment')
    bytes.writeUInt16BE((extension.fragment << 3) | (extension.moreFragments ? 1 : 0), 2);
  else bytes.writeUInt8(extension.units, 1);
  return bytes;
}

/** Units of 8 bytes beyond the first 8; of 4 beyond the first 8 for authentication. */
function sizeOf(extension: Extension): number {
  if (extension.kind === 'fragment') return 8;
  return 8 + extension.units * (extension.kind === 'authentication' ? 4 : 8);
}

function addressBytes(address: bigint, length: number): Buffer {
  return Buffer.from(address.toString(16).padStart(length * 2, '0'), 'hex');
}

export function addressText(address: bigint, family: 4 | 6): string {
  const bytes = addressBytes(address, family === 4 ? 4 : 16);
  if (family === 4) return bytes.join('.');
  return (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');
}

/** What a packet tells of itself as far as its first `length` bytes go; undefined where what is needed is beyond. */
interface Told {
  protocol: number;
  /** Where the upper protocol begins; undefined in a later fragment, which has no such beginning. */
  upperAt: number | undefined;
}

/** Whether the match means a packet of which only `length` bytes are there. */
export function means({ way, filter, peers, until }: Match, ip: Ip, length: number, now: bigint): boolean {
  if (now >= BigInt(until) * 1_000_000n) return false;
  if (length < ETHERNET + (ip.family === 4 ? 20 : 40)) return false;
  const other = way === 'egress' ? ip.destination : ip.source;
  const networks = ip.family === 4 ? peers.v4 : peers.v6;
  if (!peers.any && !networks.some((network) => contains(network, other, ip.family))) return false;
  const told = ip.family === 4 ? toldByV4(ip) : toldByV6(ip, length);
  if (!told) return false;
  const wantsIcmp = filter.protocols.length === 0 || filter.protocols.includes('icmp');
  if (ip.family === 6 && wantsIcmp && told.protocol === 58 && told.upperAt !== undefined) {
    if (length <= told.upperAt) return false;
    const type = frameOf(ip).readUInt8(told.upperAt);
    if (type >= 133 && type <= 137) return false;
  }
  if (filter.protocols.length === 0) return true;
  const icmp = ip.family === 4 ? 1 : 58;
  const name = { 6: 'tcp', 17: 'udp', [icmp]: 'icmp' }[told.protocol] as 'tcp' | 'udp' | 'icmp' | undefined;
  if (name === undefined || !filter.protocols.includes(name)) return false;
  return name === 'icmp' || meansPorts(filter, ip, told.upperAt, length);
}

function toldByV4({ options, fragment, upper }: V4): Told {
  return { protocol: upper.protocol, upperAt: fragment > 0 ? undefined : ETHERNET + 20 + 4 * options };
}

function toldByV6({ extensions, upper }: V6, length: number): Told | undefined {
  let at = ETHERNET + 40;
  for (const [index, extension] of extensions.entries()) {
    const next = extensions[index + 1];
    const number = next ? NUMBERS[next.kind] : upper.protocol;
    if (index === FOLLOWED) return { protocol: NUMBERS[extension.kind], upperAt: at };
    if (length < at + 4) return undefined;
    if (extension.kind === 'fragment' && extension.fragment > 0)
      return { protocol: number, upperAt: undefined };
    at += sizeOf(extension);
  }
  return { protocol: upper.protocol, upperAt: at };
}

function meansPorts(filter: Match['filter'], ip: Ip, at: number | undefined, length: number): boolean {
  if (filter.ports.length === 0 && filter.sourcePorts.length === 0) return true;
  if (at === undefined || length < at + 4) return false;
  const frame = frameOf(ip);
  const within = (port: number, ranges: Match['filter']['ports']) =>
    ranges.length === 0 || ranges.some(({ first, last }) => port >= first && port <= last);
  return (
    within(frame.readUInt16BE(at), filter.sourcePorts) && within(frame.readUInt16BE(at + 2), filter.ports)
  );
}

/** `network`: an address, or one with the number of bits that count. */
function contains(network: string, address: bigint, family: 4 | 6): boolean {
  const [text = '', bits] = network.split('/');
  const all = family === 4 ? 32 : 128;
  const free = BigInt(all - Number(bits ?? all));
  return address >> free === parseAddress(text, family) >> free;
}

/** Only what `addressText` writes. */
function parseAddress(text: string, family: 4 | 6): bigint {
  const parts = text.split(family === 4 ? '.' : ':');
  const [radix, width] = family === 4 ? [10, 8n] : [16, 16n];
  return parts.reduce((value, part) => (value << width) | BigInt(Number.parseInt(part, radix)), 0n);
}

export const tcp = (sourcePort: number, port: number): Upper => ports(6, sourcePort, port);
export const udp = (sourcePort: number, port: number): Upper => ports(17, sourcePort, port);
export const icmp6 = (type: number): Upper => ({
  protocol: 58,
  bytes: Buffer.from([type, 0, 0, 0, 0, 0, 0, 0]),
});

export function ports(protocol: number, sourcePort: number, port: number): Upper {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt16BE(sourcePort, 0);
  bytes.writeUInt16BE(port, 2);
  return { protocol, bytes };
}

export const ME4 = 0x0a00_0001n;
export const PEER4 = 0x0a00_0002n;
export const ME6 = 0xfd00n << 112n;
export const PEER6 = ME6 + 2n;

export function v4(change: Partial<V4> = {}): V4 {
  const whole = { options: 0, fragment: 0, moreFragments: false, upper: tcp(40_000, 80) };
  return { family: 4, source: ME4, destination: PEER4, ...whole, ...change };
}

export function v6(change: Partial<V6> = {}): V6 {
  return { family: 6, source: ME6, destination: PEER6, extensions: [], upper: tcp(40_000, 80), ...change };
}
