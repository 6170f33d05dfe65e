import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import type { FaultSpec } from '../../../src/core/types.ts';
import { commonNetwork } from '../../../src/faults/net/addresses.ts';
import { type Diverter, overlap } from '../../../src/faults/net/overlap.ts';
import type { ResolvedPeers } from '../../../src/faults/net/peers.ts';

/** A diverting fault towards these addresses and networks; `any` for everyone. */
function diverter(to: 'any' | string[], fault: Partial<FaultSpec> = {}): Diverter {
  const list = to === 'any' ? [] : to;
  const resolved: ResolvedPeers = {
    v4: list.filter((address) => !address.includes(':')).sort(),
    v6: list.filter((address) => address.includes(':')).sort(),
    any: to === 'any',
    missing: [],
  };
  return { fault: { type: 'test', ...fault }, resolved };
}

const REDIS = ['10.0.0.3', 'fd00::3'];

describe('two filters overlap', () => {
  it('where they are the same, in words that name the packets', () => {
    const one = diverter(REDIS, { ports: [6379], protocol: 'tcp' });
    assert.equal(overlap(one, one), 'egress tcp packets to 10.0.0.3, port 6379');
    assert.equal(overlap(diverter('any'), diverter('any')), 'egress packets to anyone');
    const both = diverter(REDIS, { direction: 'both', protocol: 'icmp' });
    assert.equal(overlap(both, both), 'egress and ingress icmp packets to and from 10.0.0.3');
    const all = diverter(REDIS, {
      direction: 'ingress',
      ports: ['80-90'],
      sourcePorts: [5],
      interface: 'eth1',
    });
    assert.equal(
      overlap(all, all),
      'ingress tcp and udp packets from 10.0.0.3, port 80-90, source port 5, interface eth1',
    );
  });

  it('by what they have in common alone', () => {
    const wide = diverter(['10.0.0.0/8'], { direction: 'both', ports: ['1-100'] });
    const narrow = diverter(['10.2.0.0/16'], { protocol: 'udp', ports: ['90-200'] });
    assert.equal(overlap(wide, narrow), 'egress udp packets to 10.2.0.0/16, port 90-100');
    assert.equal(overlap(narrow, wide), 'egress udp packets to 10.2.0.0/16, port 90-100');
    assert.equal(
      overlap(diverter('any', { interface: 'eth0' }), diverter(REDIS)),
      'egress packets to 10.0.0.3, interface eth0',
    );
  });

  const apart: [string, Diverter, Diverter][] = [
    ['directions', diverter('any', { direction: 'egress' }), diverter('any', { direction: 'ingress' })],
    ['addresses', diverter(['10.0.0.3']), diverter(['10.0.0.4', '10.1.0.0/16'])],
    ['families', diverter(['0.0.0.0/0']), diverter(['::/0'])],
    ['protocols', diverter('any', { protocol: 'icmp' }), diverter('any', { ports: [80] })],
    ['ports', diverter('any', { ports: ['80-89'] }), diverter('any', { ports: [79, '90-99'] })],
    ['source ports', diverter('any', { sourcePorts: [1] }), diverter('any', { sourcePorts: [2] })],
    ['interfaces', diverter('any', { interface: 'eth0' }), diverter('any', { interface: 'eth1' })],
  ];
  for (const [what, one, other] of apart)
    it(`not where their ${what} are apart`, () => assert.equal(overlap(one, other), undefined));

  it('not with a filter whose peers have no address just now', () => {
    assert.equal(overlap(diverter([]), diverter('any')), undefined);
    assert.equal(overlap(diverter('any'), diverter([])), undefined);
  });
});

/** A packet in a small universe, in which every combination can be tried. */
interface Packet {
  way: string;
  device: string;
  protocol: string;
  address: string;
  port: number;
  source: number;
}

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.1.1', 'fd00::1', 'fd00:1::1'];
const PACKETS: Packet[] = ['egress', 'ingress'].flatMap((way) =>
  ['eth0', 'eth1'].flatMap((device) =>
    ['tcp', 'udp', 'icmp', 'sctp'].flatMap((protocol) =>
      ADDRESSES.flatMap((address) =>
        [1, 2, 3].flatMap((port) =>
          [1, 2, 3].map((source) => ({ way, device, protocol, address, port, source })),
        ),
      ),
    ),
  ),
);

/** What the parameters say, read without any of the code that is tested. */
function takes({ fault, resolved }: Diverter, packet: Packet): boolean {
  const withPorts = fault.ports !== undefined || fault.sourcePorts !== undefined;
  const protocol = fault.protocol ?? 'all';
  return (
    [packet.way, 'both'].includes(String(fault.direction ?? 'egress')) &&
    [packet.device, undefined].includes(fault.interface as string | undefined) &&
    (protocol === 'all' || protocol === packet.protocol) &&
    (!withPorts || ['tcp', 'udp'].includes(packet.protocol)) &&
    hasPort(fault.ports, packet.port) &&
    hasPort(fault.sourcePorts, packet.source) &&
    (resolved.any || [...resolved.v4, ...resolved.v6].some((network) => holds(network, packet.address)))
  );
}

function hasPort(ports: unknown, port: number): boolean {
  if (ports === undefined) return true;
  return (ports as (number | string)[]).some((range) => {
    const [first = 0, last = first] = String(range).split('-').map(Number);
    return first <= port && port <= last;
  });
}

function holds(network: string, address: string): boolean {
  const one = ipaddr.parse(address);
  const full = network.includes(':') ? 128 : 32;
  const [base, length] = ipaddr.parseCIDR(network.includes('/') ? network : `${network}/${full}`);
  if (base.kind() !== one.kind()) return false;
  const bits = (of: ipaddr.IPv4 | ipaddr.IPv6) =>
    of
      .toByteArray()
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');
  return bits(one).slice(0, length) === bits(base).slice(0, length);
}

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const networks = fc.subarray([
  ...ADDRESSES,
  '10.0.0.0/24',
  '10.0.0.0/16',
  '0.0.0.0/0',
  'fd00::/64',
  'fd00::/16',
]);
const ports = some(
  fc.uniqueArray(fc.constantFrom<number | string>(1, 2, 3, '1-2', '2-3'), { minLength: 1, maxLength: 3 }),
);
const diverters: fc.Arbitrary<Diverter> = fc
  .record({
    to: fc.oneof(fc.constant<'any'>('any'), networks),
    direction: some(fc.constantFrom('egress', 'ingress', 'both')),
    interface: some(fc.constantFrom('eth0', 'eth1')),
    protocol: some(fc.constantFrom('tcp', 'udp', 'icmp', 'all')),
    ports,
    sourcePorts: ports,
  })
  .filter((one) => one.protocol !== 'icmp' || (!one.ports && !one.sourcePorts))
  .map(({ to, ...fault }) =>
    diverter(
      to,
      Object.fromEntries(Object.entries(fault).filter(([, value]) => value !== undefined)) as FaultSpec,
    ),
  );

describe('whatever the filters', () => {
  it('they overlap exactly where one packet matches both, whoever is asked first', () => {
    fc.assert(
      fc.property(diverters, diverters, (one, other) => {
        const shared = PACKETS.some((packet) => takes(one, packet) && takes(other, packet));
        assert.equal(overlap(one, other) !== undefined, shared);
        assert.equal(overlap(other, one) !== undefined, shared);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('networks in common', () => {
  const v4 = fc.tuple(fc.nat(0xffff_ffff), fc.integer({ min: 0, max: 32 })).map(([bits, length]) => {
    const address = [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
    return length === 32
      ? address
      : `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`)}/${length}`;
  });

  it('are found as comparing each with each would find them', () => {
    const first = (network: string) => network.split('/')[0] ?? '';
    fc.assert(
      fc.property(fc.array(v4, { maxLength: 6 }), fc.array(v4, { maxLength: 6 }), (some, others) => {
        const pairs = some.flatMap((one) => others.map((other) => [one, other] as const));
        const shared = pairs.some(([a, b]) => holds(a, first(b)) || holds(b, first(a)));
        const found = commonNetwork(some, others);
        assert.equal(found !== undefined, shared);
        if (found === undefined) return;
        assert.ok(some.some((network) => holds(network, first(found))));
        assert.ok(others.some((network) => holds(network, first(found))));
      }),
      { numRuns: 2000 },
    );
  });

  it('are found at once in long lists', () => {
    const list = (of: number) => Array.from({ length: 4000 }, (_, n) => `10.${of}.${n >> 8}.${n & 255}`);
    const started = performance.now();
    assert.equal(commonNetwork(list(1), list(2)), undefined);
    assert.equal(commonNetwork(list(1), [...list(2), '10.1.15.159']), '10.1.15.159');
    assert.ok(performance.now() - started < 1000);
  });
});
