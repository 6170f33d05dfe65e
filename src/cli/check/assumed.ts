import { hash } from '../../core/canonical.ts';
import { type HostFeatures, hostKey } from '../../faults/fault.ts';
import type { Lookup } from '../../plan/actions.ts';

/** A host that can do all: what one can do is `squall doctor`'s to say, on that host. */
export const WHOLE_HOST: HostFeatures = {
  iptables: true,
  ip6tables: true,
  shaping: { ifb: true, classifier: true, netem: true, tbf: true },
};

/** The answers of resolvers that nobody asks: each name has an address of its own. */
export function assumedHosts(lookups: readonly Lookup[]): Map<string, readonly string[]> {
  return new Map(
    lookups.map(({ container, host }) => [hostKey(container.id, host), [assumedAddress(18, hashed(host))]]),
  );
}

/** Of 198.18.0.0/15, which is nobody's (RFC 2544). `net`: 18 or 19. */
export function assumedAddress(net: 18 | 19, number: number): string {
  return `198.${net}.${(number >> 8) & 255}.${number & 255}`;
}

function hashed(text: string): number {
  return Number.parseInt(hash(text, 4), 16);
}
