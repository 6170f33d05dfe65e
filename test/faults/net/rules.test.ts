import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FaultSpec } from '../../../src/core/types.ts';
import { parseFilter } from '../../../src/faults/net/filter.ts';
import type { ResolvedPeers } from '../../../src/faults/net/peers.ts';
import { datestop, type Rendering, renderRules } from '../../../src/faults/net/rules.ts';
import type { Family } from '../../../src/runtime/iptables.ts';
import { joinArgs } from '../../../src/runtime/iptables-save.ts';

const DEADLINE = Date.UTC(2026, 10, 24, 8, 0, 0, 250);
const MARK = '-m comment --comment "squall i=0badcafe e=test r=run-1 d=1795507200250"';
const ND = [133, 134, 135, 136, 137].map((type) => `-p ipv6-icmp -m icmp6 --icmpv6-type ${type} -j RETURN`);

const NOBODY: ResolvedPeers = { v4: [], v6: [], any: false, missing: [] };

function render(
  fault: Partial<FaultSpec>,
  peers: Partial<ResolvedPeers>,
  family: Family = 4,
  answers = false,
) {
  const rendering: Rendering = {
    base: 'SQ-abc-0',
    mark: { instance: '0badcafe', experiment: 'test', run: 'run-1', deadline: DEADLINE },
    filter: parseFilter({ type: 'x', ...fault }),
    peers: { ...NOBODY, ...peers },
    verdict: () => [['-j', 'DROP']],
    answers,
  };
  const { chains, jumps } = renderRules(rendering, family);
  return {
    chains: Object.fromEntries([...chains].map(([name, rules]) => [name, rules.map(joinArgs)])),
    jumps: jumps.map(({ parent, args }) => `${parent} ${joinArgs(args)}`),
  };
}

describe('datestop', () => {
  it('is the last whole second that is to match, in UTC', () => {
    assert.equal(datestop(Date.UTC(2026, 10, 24, 8, 0, 0, 0)), '2026-11-24T07:59:59');
    assert.equal(datestop(Date.UTC(2026, 10, 24, 8, 0, 0, 1)), '2026-11-24T08:00:00');
    assert.equal(datestop(Date.UTC(2026, 10, 24, 8, 0, 0, 999)), '2026-11-24T08:00:00');
    assert.equal(datestop(Date.UTC(2027, 0, 1, 0, 0, 0, 0)), '2026-12-31T23:59:59');
  });
});

describe('renderRules', () => {
  it('makes a marked chain, a verdict chain and a jump that ends by itself', () => {
    assert.deepEqual(render({ to: [], ports: [6379], protocol: 'tcp' }, { v4: ['10.0.0.2', '10.0.0.3'] }), {
      chains: {
        'SQ-abc-0o': [
          MARK,
          '-d 10.0.0.2 -p tcp -m multiport --dports 6379 -j SQ-abc-0ov',
          '-d 10.0.0.3 -p tcp -m multiport --dports 6379 -j SQ-abc-0ov',
        ],
        'SQ-abc-0ov': [MARK, '-j DROP'],
      },
      jumps: [`OUTPUT ! -o lo -m time --datestop 2026-11-24T08:00:00 ${MARK} -j SQ-abc-0o`],
    });
  });

  it('matches sources on the way in', () => {
    const { chains, jumps } = render({ direction: 'ingress', from: [] }, { v4: ['10.0.0.0/8'] });
    assert.deepEqual(chains, {
      'SQ-abc-0i': [MARK, '-s 10.0.0.0/8 -j SQ-abc-0iv'],
      'SQ-abc-0iv': [MARK, '-j DROP'],
    });
    assert.deepEqual(jumps, [`INPUT ! -i lo -m time --datestop 2026-11-24T08:00:00 ${MARK} -j SQ-abc-0i`]);
  });

  it('means tcp and udp by ports without a protocol', () => {
    const { chains } = render({ ports: ['8000-8010'], sourcePorts: [1, 2] }, { any: true });
    assert.deepEqual(chains['SQ-abc-0o']?.slice(1), [
      '-p tcp -m multiport --dports 8000:8010 -m multiport --sports 1,2 -j SQ-abc-0ov',
      '-p udp -m multiport --dports 8000:8010 -m multiport --sports 1,2 -j SQ-abc-0ov',
    ]);
  });

  it('spares neighbour discovery in IPv6, also with protocol icmp', () => {
    assert.deepEqual(render({}, { any: true }, 6).chains['SQ-abc-0o'], [MARK, ...ND, '-j SQ-abc-0ov']);
    assert.deepEqual(render({ protocol: 'icmp' }, { v6: ['fd00::2'] }, 6).chains['SQ-abc-0o'], [
      MARK,
      ...ND,
      '-d fd00::2 -p ipv6-icmp -j SQ-abc-0ov',
    ]);
    assert.deepEqual(render({ protocol: 'tcp' }, { any: true }, 6).chains['SQ-abc-0o'], [
      MARK,
      '-p tcp -j SQ-abc-0ov',
    ]);
  });

  it('lets the answers of a rejection out where both directions are cut', () => {
    const { chains } = render({ direction: 'both' }, { any: true }, 4, true);
    assert.deepEqual(chains['SQ-abc-0o'], [
      MARK,
      '-p tcp -m tcp --tcp-flags RST RST -j RETURN',
      '-p icmp -m icmp --icmp-type 3/3 -j RETURN',
      '-j SQ-abc-0ov',
    ]);
    assert.deepEqual(chains['SQ-abc-0i'], [MARK, '-j SQ-abc-0iv']);
  });

  it('lets fellow targets through before anything is picked, each family and direction its own', () => {
    const peers = { any: true, spared: { v4: ['10.0.0.3', '10.0.0.4'], v6: ['fd00::3'] } };
    assert.deepEqual(render({ direction: 'both' }, peers).chains, {
      'SQ-abc-0o': [MARK, '-d 10.0.0.3 -j RETURN', '-d 10.0.0.4 -j RETURN', '-j SQ-abc-0ov'],
      'SQ-abc-0ov': [MARK, '-j DROP'],
      'SQ-abc-0i': [MARK, '-s 10.0.0.3 -j RETURN', '-s 10.0.0.4 -j RETURN', '-j SQ-abc-0iv'],
      'SQ-abc-0iv': [MARK, '-j DROP'],
    });
    assert.deepEqual(render({}, peers, 6).chains['SQ-abc-0o'], [
      MARK,
      ...ND,
      '-d fd00::3 -j RETURN',
      '-j SQ-abc-0ov',
    ]);
  });

  it('cuts nothing where no peer has an address, and never everything', () => {
    assert.deepEqual(render({ direction: 'both', ports: [80] }, {}, 4, true).chains, {
      'SQ-abc-0o': [MARK],
      'SQ-abc-0ov': [MARK],
      'SQ-abc-0i': [MARK],
      'SQ-abc-0iv': [MARK],
    });
  });

  it('writes a network of everything without an address, as iptables does', () => {
    assert.deepEqual(render({}, { v4: ['0.0.0.0/0'] }).chains['SQ-abc-0o'], [MARK, '-j SQ-abc-0ov']);
  });
});
