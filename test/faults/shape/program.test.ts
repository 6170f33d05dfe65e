import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifier, type Match } from '../../../src/faults/shape/program.ts';
import { run, verify } from './bpf-machine.ts';
import {
  addressText,
  type Extension,
  etherType,
  frameOf,
  type Ip,
  icmp6,
  ME6,
  NOW,
  PEER4,
  PEER6,
  tcp,
  udp,
  v4,
  v6,
} from './packets.ts';

const HIT = -1;
const MISS = 0;
const nanos = (ms: number) => BigInt(ms) * 1_000_000n;

/** Everything there is, for a minute. */
const everything: Match = {
  way: 'egress',
  filter: { protocols: [], ports: [], sourcePorts: [] },
  peers: { v4: [], v6: [], any: true },
  until: NOW + 60_000,
};

/** What a program answers for a packet, or for its first `length` bytes. */
function answer(match: Match, ip: Ip, length?: number): number {
  const code = classifier(match);
  verify(code);
  return run(code, {
    protocol: etherType(ip),
    frame: frameOf(ip).subarray(0, length),
    now: nanos(NOW),
  });
}

const filtered = (filter: Partial<Match['filter']>): Match => ({
  ...everything,
  filter: { ...everything.filter, ...filter },
});
const towards = (peers: Partial<Match['peers']>, way: Match['way'] = 'egress'): Match => ({
  ...everything,
  way,
  peers: { v4: [], v6: [], any: false, ...peers },
});
const only80 = filtered({ protocols: ['tcp'], ports: [{ first: 80, last: 80 }] });

describe('the deadline of a classifier', () => {
  const at = (now: bigint, until = NOW) =>
    run(classifier({ ...everything, until }), { protocol: 0x0800, frame: frameOf(v4()), now });

  it('is the first nanosecond that matches nothing', () => {
    assert.equal(at(nanos(NOW) - 1n), HIT);
    assert.equal(at(nanos(NOW)), MISS);
    assert.equal(at(nanos(NOW) + 1n), MISS);
  });

  it('may be further away than 32 bits of seconds or milliseconds reach', () => {
    const century = 100 * 365 * 86_400_000;
    assert.equal(at(nanos(century) - 1n, century), HIT);
    assert.equal(at(nanos(century), century), MISS);
  });

  it('is held in whole milliseconds', () => {
    assert.equal(at(nanos(NOW) - 1n, NOW + 0.4), HIT);
    assert.equal(at(nanos(NOW), NOW + 0.4), MISS);
  });
});

describe('the peers of a classifier', () => {
  it('are where packets go, or where they come from', () => {
    const match = { v4: [addressText(PEER4, 4)], v6: [addressText(PEER6, 6)] };
    for (const ip of [v4(), v6()]) {
      const back = { ...ip, source: ip.destination, destination: ip.source };
      assert.equal(answer(towards(match), ip), HIT);
      assert.equal(answer(towards(match), back), MISS);
      assert.equal(answer(towards(match, 'ingress'), ip), MISS);
      assert.equal(answer(towards(match, 'ingress'), back), HIT);
    }
  });

  it('leave out a family that has none', () => {
    assert.equal(answer(towards({ v4: ['10.0.0.2'] }), v6()), MISS);
    assert.equal(answer(towards({ v6: ['fd00::2'] }), v4()), MISS);
    assert.equal(answer(towards({ v4: ['0.0.0.0/0'] }), v6()), MISS);
  });

  it('are nobody where neither family has any', () => {
    for (const ip of [v4(), v6()]) assert.equal(answer(towards({}), ip), MISS);
  });

  it('are everyone of a family with /0', () => {
    assert.equal(answer(towards({ v4: ['192.0.2.1', '0.0.0.0/0'] }), v4()), HIT);
    assert.equal(answer(towards({ v6: ['2001:db8::1', '::/0'] }), v6()), HIT);
  });

  it('are a network up to its last address', () => {
    const inside = towards({ v4: ['10.0.0.0/30'], v6: ['fd00::/126'] });
    for (const host of [0n, 3n]) {
      assert.equal(answer(inside, v4({ destination: 0x0a00_0000n + host })), HIT);
      assert.equal(answer(inside, v6({ destination: ME6 + host })), HIT);
    }
    for (const host of [-1n, 4n]) {
      assert.equal(answer(inside, v4({ destination: 0x0a00_0000n + host })), MISS);
      assert.equal(answer(inside, v6({ destination: ME6 + host })), MISS);
    }
  });

  it('are never found in what is neither IPv4 nor IPv6', () => {
    const arp = { protocol: 0x0806, frame: frameOf(v4()), now: nanos(NOW) };
    assert.equal(run(classifier(everything), arp), MISS);
    const tagged = { ...arp, protocol: 0x8100 };
    assert.equal(run(classifier(everything), tagged), MISS);
  });
});

describe('the protocols and ports of a classifier', () => {
  it('are those of the packet', () => {
    for (const make of [v4, v6]) {
      assert.equal(answer(only80, make()), HIT);
      assert.equal(answer(only80, make({ upper: tcp(80, 81) })), MISS, 'the source port is another thing');
      assert.equal(answer(only80, make({ upper: udp(40_000, 80) })), MISS);
      const from80 = filtered({ protocols: ['tcp', 'udp'], sourcePorts: [{ first: 80, last: 80 }] });
      assert.equal(answer(from80, make({ upper: udp(80, 5) })), HIT);
      assert.equal(answer(from80, make({ upper: udp(5, 80) })), MISS);
    }
  });

  it('need both ports where both are named', () => {
    const both = filtered({
      protocols: ['tcp'],
      ports: [{ first: 80, last: 80 }],
      sourcePorts: [{ first: 1000, last: 2000 }],
    });
    assert.equal(answer(both, v4({ upper: tcp(1000, 80) })), HIT);
    assert.equal(answer(both, v4({ upper: tcp(2000, 80) })), HIT);
    assert.equal(answer(both, v4({ upper: tcp(999, 80) })), MISS);
    assert.equal(answer(both, v4({ upper: tcp(2001, 80) })), MISS);
    assert.equal(answer(both, v4({ upper: tcp(1000, 81) })), MISS);
  });

  it('know ranges in any order, within each other, and up to both ends', () => {
    const ranges = [
      { first: 8000, last: 9000 },
      { first: 65_535, last: 65_535 },
      { first: 1, last: 10 },
      { first: 8500, last: 8600 },
      { first: 8000, last: 8000 },
      { first: 5, last: 20 },
    ];
    const match = filtered({ protocols: ['tcp'], ports: ranges });
    for (const port of [1, 5, 10, 11, 20, 8000, 8499, 8600, 8601, 9000, 65_535])
      assert.equal(answer(match, v4({ upper: tcp(9, port) })), HIT, `${port}`);
    for (const port of [0, 21, 7999, 9001, 65_534])
      assert.equal(answer(match, v4({ upper: tcp(9, port) })), MISS, `${port}`);
  });

  it('stand behind the options of IPv4', () => {
    assert.equal(answer(only80, v4({ options: 10 })), HIT);
    assert.equal(answer(only80, v4({ options: 10, upper: tcp(1, 81) })), MISS);
  });

  it('stand behind the extension headers of IPv6', () => {
    const extensions: Extension[] = [
      { kind: 'hops', units: 0 },
      { kind: 'destination', units: 2 },
      { kind: 'routing', units: 1 },
      { kind: 'authentication', units: 4 },
      { kind: 'destination', units: 0 },
    ];
    assert.equal(answer(only80, v6({ extensions })), HIT);
    assert.equal(answer(only80, v6({ extensions, upper: tcp(1, 81) })), MISS);
  });

  it('are not looked for behind more than six extension headers', () => {
    const extensions: Extension[] = Array.from({ length: 7 }, () => ({ kind: 'destination', units: 0 }));
    assert.equal(answer(only80, v6({ extensions: extensions.slice(1) })), HIT);
    assert.equal(answer(only80, v6({ extensions })), MISS);
    assert.equal(answer(everything, v6({ extensions })), HIT);
  });

  it('tell icmp of both families', () => {
    const icmp = filtered({ protocols: ['icmp'] });
    assert.equal(answer(icmp, v4({ upper: { protocol: 1, bytes: Buffer.alloc(8) } })), HIT);
    assert.equal(answer(icmp, v6({ upper: icmp6(128) })), HIT);
    assert.equal(answer(icmp, v4({ upper: icmp6(128) })), MISS);
    assert.equal(answer(icmp, v6({ upper: { protocol: 1, bytes: Buffer.alloc(8) } })), MISS);
    assert.equal(answer(icmp, v4()), MISS);
  });
});

describe('fragments', () => {
  it('are met by the first alone where ports are named', () => {
    assert.equal(answer(only80, v4({ moreFragments: true })), HIT);
    assert.equal(answer(only80, v4({ fragment: 185, moreFragments: true })), MISS);
    assert.equal(answer(only80, v4({ fragment: 185 })), MISS);
    const first: Extension = { kind: 'fragment', fragment: 0, moreFragments: true };
    assert.equal(answer(only80, v6({ extensions: [first] })), HIT);
    assert.equal(answer(only80, v6({ extensions: [{ ...first, fragment: 181 }] })), MISS);
    assert.equal(
      answer(only80, v6({ extensions: [{ kind: 'fragment', fragment: 181, moreFragments: false }] })),
      MISS,
    );
  });

  it('are all met by a protocol', () => {
    const anyTcp = filtered({ protocols: ['tcp'] });
    const later: Extension = { kind: 'fragment', fragment: 181, moreFragments: false };
    assert.equal(answer(anyTcp, v4({ fragment: 185 })), HIT);
    assert.equal(answer(anyTcp, v6({ extensions: [later] })), HIT);
  });

  it('hold no headers after the first, whatever their bytes look like', () => {
    const later: Extension = { kind: 'fragment', fragment: 181, moreFragments: false };
    const looks: Extension = { kind: 'destination', units: 0 };
    assert.equal(answer(filtered({ protocols: ['tcp'] }), v6({ extensions: [later, looks] })), MISS);
    assert.equal(answer(everything, v6({ extensions: [later, looks] })), HIT);
    assert.equal(answer(everything, v6({ extensions: [later], upper: icmp6(135) })), HIT);
  });
});

describe('neighbour discovery', () => {
  const icmp = filtered({ protocols: ['icmp'] });

  it('is left alone, and only it', () => {
    for (const type of [133, 134, 135, 136, 137]) {
      assert.equal(answer(everything, v6({ upper: icmp6(type) })), MISS, `${type}`);
      assert.equal(answer(icmp, v6({ upper: icmp6(type) })), MISS, `${type}`);
    }
    for (const type of [1, 128, 132, 138, 255]) {
      assert.equal(answer(everything, v6({ upper: icmp6(type) })), HIT, `${type}`);
      assert.equal(answer(icmp, v6({ upper: icmp6(type) })), HIT, `${type}`);
    }
  });

  it('is found behind extension headers', () => {
    const extensions: Extension[] = [{ kind: 'hops', units: 0 }];
    assert.equal(answer(everything, v6({ extensions, upper: icmp6(135) })), MISS);
  });

  it('is a matter of IPv6 alone', () => {
    const upper = { protocol: 1, bytes: Buffer.from([135, 0, 0, 0]) };
    assert.equal(answer(everything, v4({ upper })), HIT);
  });
});

describe('packets that are cut short', () => {
  it('are missed where what is asked for is not there, and met where it is', () => {
    assert.equal(answer(everything, v4(), 33), MISS);
    assert.equal(answer(everything, v4(), 34), HIT);
    assert.equal(answer(only80, v4(), 37), MISS);
    assert.equal(answer(only80, v4(), 38), HIT);
    assert.equal(answer(everything, v6(), 53), MISS);
    assert.equal(answer(everything, v6(), 54), HIT);
    assert.equal(answer(only80, v6(), 57), MISS);
    assert.equal(answer(only80, v6(), 58), HIT);
    assert.equal(answer(everything, v6({ extensions: [{ kind: 'hops', units: 0 }] }), 57), MISS);
    assert.equal(answer(everything, v6({ upper: icmp6(128) }), 54), MISS);
  });
});

describe('the size of a classifier', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => `fd00::${at.toString(16)}:1`);
  const ranges = Array.from({ length: 1000 }, (_, at) => ({ first: at * 60 + 1, last: at * 60 + 31 }));

  it('takes as many peers and ports as a manifest may name', () => {
    const filter: Match['filter'] = { protocols: ['tcp', 'udp'], ports: ranges, sourcePorts: ranges };
    const match: Match = { ...towards({ v4: ['10.0.0.2'], v6: many(1000) }), filter };
    const last = v6({ destination: ME6 + (999n << 16n) + 1n, upper: tcp(31, 59_971) });
    assert.equal(answer(match, last), HIT);
  });

  it('has an end, which is told', () => {
    assert.throws(() => classifier(towards({ v6: many(5000) })), RangeError);
  });
});
