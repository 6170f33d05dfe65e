import ipaddr from 'ipaddr.js';

/** Addresses and networks of both families. */
export interface Addresses {
  v4: string[];
  v6: string[];
}

/** An address in its shortest form; undefined where the text is none. IPv4 inside IPv6 is taken out, a zone is cut off. */
export function normalAddress(text: string): { family: 4 | 6; address: string } | undefined {
  const bare = text.replace(/%.*$/, '');
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return undefined;
  const parsed = ipaddr.process(bare);
  return { family: parsed.kind() === 'ipv4' ? 4 : 6, address: parsed.toString() };
}

/** A network with its host bits cleared, as the kernel keeps it: `10.1.2.3/8` -> `10.0.0.0/8`. A bare address is a network of one. */
export function normalCidr(text: string): { family: 4 | 6; address: string } | undefined {
  if (!text.includes('/')) return normalAddress(text);
  const [address = '', bits = ''] = text.split('/');
  const base = normalAddress(address);
  if (!base || !/^\d{1,3}$/.test(bits) || !ipaddr.isValidCIDR(text)) return undefined;
  const [parsed, length] = ipaddr.parseCIDR(text);
  const network =
    parsed.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(text)
      : ipaddr.IPv6.networkAddressFromCIDR(text);
  const family = parsed.kind() === 'ipv4' ? 4 : 6;
  if (length === (family === 4 ? 32 : 128)) return { family, address: network.toString() };
  return { family, address: `${network.toString()}/${length}` };
}

/** False for addresses that never leave the namespace: rules do not apply to `lo`. */
export function leavesNamespace(address: string): boolean {
  const range = ipaddr.process(address).range();
  return range !== 'loopback' && range !== 'unspecified';
}

/** Sorted and without repetition. */
export function gather(found: Iterable<{ family: 4 | 6; address: string }>): Addresses {
  const v4 = new Set<string>();
  const v6 = new Set<string>();
  for (const { family, address } of found) (family === 4 ? v4 : v6).add(address);
  return { v4: [...v4].sort(), v6: [...v6].sort() };
}

/** A network's first and last address; an address is a network of one. */
interface Span {
  text: string;
  first: bigint;
  last: bigint;
}

/**
 * The smaller of the first two networks (or addresses) of one family that have an address in common; undefined where none have. Sorted
 * once and walked once: lists may hold thousands.
 */
export function commonNetwork(some: readonly string[], others: readonly string[]): string | undefined {
  const [a, b] = [spansOf(some), spansOf(others)];
  for (let i = 0, j = 0; ; ) {
    const [one, other] = [a[i], b[j]];
    if (!one || !other) return undefined;
    if (one.last < other.first) i += 1;
    else if (other.last < one.first) j += 1;
    else return one.last - one.first <= other.last - other.first ? one.text : other.text;
  }
}

function spansOf(networks: readonly string[]): Span[] {
  return networks.map(spanOf).sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
}

function spanOf(text: string): Span {
  const [address = '', length] = text.split('/');
  const bytes = ipaddr.parse(address).toByteArray();
  const first = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const free = BigInt(bytes.length * 8 - Number(length ?? bytes.length * 8));
  return { text, first, last: first + (1n << free) - 1n };
}
