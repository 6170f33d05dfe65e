import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { classifier, type Match } from '../../../src/faults/shape/program.ts';
import { run, verify } from './bpf-machine.ts';
import {
  addressText,
  type Extension,
  etherType,
  frameOf,
  type Ip,
  icmp6,
  ME4,
  ME6,
  means,
  NOW,
  ports,
  type Upper,
} from './packets.ts';

const HIT = -1;
const MISS = 0;
const NANOS = BigInt(NOW) * 1_000_000n;

/** Addresses that differ in few bits: networks take in some of them. */
const address = (family: 4 | 6) =>
  fc
    .subarray(family === 4 ? [0n, 8n, 31n] : [0n, 31n, 32n, 64n, 127n], { maxLength: 2 })
    .map((bits) => bits.reduce((value, bit) => value ^ (1n << bit), family === 4 ? ME4 : ME6));

const network = (family: 4 | 6) =>
  fc
    .tuple(address(family), fc.option(fc.integer({ min: 0, max: family === 4 ? 32 : 128 })))
    .map(([base, bits]) => `${addressText(base, family)}${bits === null ? '' : `/${bits}`}`);

const port = fc.constantFrom(1, 80, 81, 8080, 65_535);
const range = fc.tuple(port, port).map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const portRanges = fc.array(
  fc.oneof(
    range,
    port.map((one) => ({ first: one, last: one })),
  ),
  { maxLength: 4 },
);

const filter: fc.Arbitrary<Match['filter']> = fc.oneof(
  fc
    .constantFrom<Match['filter']['protocols'][]>([], ['icmp'], ['tcp'], ['udp'])
    .map((protocols) => ({ protocols, ports: [], sourcePorts: [] })),
  fc.record({
    protocols: fc.constantFrom<Match['filter']['protocols'][]>(['tcp'], ['udp'], ['tcp', 'udp']),
    ports: portRanges,
    sourcePorts: portRanges,
  }),
);

const match: fc.Arbitrary<Match> = fc.record({
  way: fc.constantFrom('egress', 'ingress'),
  filter,
  peers: fc.record({
    v4: fc.array(network(4), { maxLength: 4 }),
    v6: fc.array(network(6), { maxLength: 4 }),
    any: fc.boolean(),
  }),
  until: fc.oneof({ weight: 9, arbitrary: fc.constant(NOW + 1) }, fc.constantFrom(NOW, NOW - 1)),
});

const upper: fc.Arbitrary<Upper> = fc
  .oneof(
    fc.tuple(fc.constantFrom(6, 6, 17, 132), port, port).map((words) => ports(...words)),
    fc.integer({ min: 130, max: 140 }).map(icmp6),
    fc.record({ protocol: fc.constantFrom(1, 58, 0, 44, 59, 60), bytes: fc.constant(Buffer.alloc(8)) }),
  )
  .map(({ protocol, bytes }) => ({ protocol, bytes }));

const place = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constantFrom(1, 185, 8191));
const extension: fc.Arbitrary<Extension> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('hops', 'routing', 'destination', 'authentication'),
    units: fc.nat(3),
  }),
  fc.record({ kind: fc.constant('fragment'), fragment: place, moreFragments: fc.boolean() }),
);

const packet: fc.Arbitrary<Ip> = fc.oneof(
  fc.record({
    family: fc.constant(4),
    source: address(4),
    destination: address(4),
    options: fc.constantFrom(0, 0, 1, 10),
    fragment: place,
    moreFragments: fc.boolean(),
    upper,
  }),
  fc.record({
    family: fc.constant(6),
    source: address(6),
    destination: address(6),
    extensions: fc.oneof(fc.constant([]), fc.array(extension, { maxLength: 8 })),
    // Not a number of an extension: those are described above.
    upper: upper.filter(({ protocol }) => ![0, 43, 44, 51, 60].includes(protocol)),
  }),
);

describe('any classifier', () => {
  it('passes the verifier, and means the packets that its filter means', () => {
    const counted = new Map([
      [HIT, 0],
      [MISS, 0],
    ]);
    const whole = fc.constant(undefined);
    const cut = fc.tuple(packet, fc.oneof({ weight: 4, arbitrary: whole }, fc.nat(140)));
    fc.assert(
      fc.property(match, fc.array(cut, { minLength: 1, maxLength: 10 }), (one, packets) => {
        const code = classifier(one);
        verify(code);
        for (const [ip, at] of packets) {
          const frame = frameOf(ip).subarray(0, at);
          const answered = run(code, { protocol: etherType(ip), frame, now: NANOS });
          assert.equal(answered, means(one, ip, frame.length, NANOS) ? HIT : MISS);
          counted.set(answered, (counted.get(answered) ?? 0) + 1);
        }
      }),
      { numRuns: 500 },
    );
    // Otherwise it would not have shown much.
    const all = [...counted.values()].reduce((sum, count) => sum + count);
    for (const count of counted.values()) assert.ok(count > all / 10, `${count} of ${all}`);
  });
});
