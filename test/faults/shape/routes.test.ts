import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deviceNames, interfacesTo, parseRoutes } from '../../../src/faults/shape/routes.ts';

/**
 * /proc/net/route of Linux 6.18: 172.18/16 on eth0 with the default route, 172.19/16 on eth2, 10/8 by way of eth2, the host 10.9.8.7 by way
 * of eth0, the black hole 10.66/16, 10.67/16 unreachable, 10.68/16 prohibited, 192.0.2.0/25 on both (eth2 is preferred).
 */
const V4 = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT                                                       
eth0	00000000	010012AC	0003	0	0	0	00000000	0	0	0                                                                               
eth2	0000000A	010013AC	0003	0	0	0	000000FF	0	0	0                                                                               
eth0	0708090A	090012AC	0007	0	0	0	FFFFFFFF	0	0	0                                                                               
*	0000420A	00000000	0001	0	0	0	0000FFFF	0	0	0                                                                                  
*	0000430A	00000000	0201	0	0	0	0000FFFF	0	0	0                                                                                  
*	0000440A	00000000	0201	0	0	0	0000FFFF	0	0	0                                                                                  
eth0	000012AC	00000000	0001	0	0	0	0000FFFF	0	0	0                                                                               
eth2	000013AC	00000000	0001	0	0	0	0000FFFF	0	0	0                                                                               
eth2	000200C0	00000000	0001	0	0	5	80FFFFFF	0	0	0                                                                               
eth0	000200C0	00000000	0001	0	0	50	80FFFFFF	0	0	0                                                                              
`;

/**
 * /proc/net/ipv6_route of the same namespace: fd00:1::/64 on eth0 with the default route, fd00:2::/64 on eth2, fd12::/16 by way of eth2,
 * fd66::/16 unreachable, fd67::/16 a black hole, and a device of Squall's, which has no route but for multicast.
 */
const V6 = `fd000001000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000004 00000000 00000001     eth0
fd000002000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth2
fd120000000000000000000000000000 10 00000000000000000000000000000000 00 fd000002000000000000000000000001 00000400 00000001 00000000 00000003     eth2
fd660000000000000000000000000000 10 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000002 00000000 00200200       lo
fd670000000000000000000000000000 10 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth2
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000001000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000001 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001       lo
fd000001000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     eth0
fd000002000000000000000000000005 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000002 00000000 80200001     eth2
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth0
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000002 00000000 00000001     eth2
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 sq-0123456789ab
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

const ROUTES = parseRoutes(V4, V6);
const to = (peers: { v4?: string[]; v6?: string[]; any?: boolean }, routes = ROUTES) =>
  interfacesTo({ v4: [], v6: [], any: false, ...peers }, routes);

describe('routes', () => {
  it('are read with their networks', () => {
    const v4 = ROUTES.filter(({ family }) => family === 4);
    assert.deepEqual(
      v4.map(({ dev, address, length }) => `${address}/${length} ${dev}`),
      [
        '0.0.0.0/0 eth0',
        '10.0.0.0/8 eth2',
        '10.9.8.7/32 eth0',
        '172.18.0.0/16 eth0',
        '172.19.0.0/16 eth2',
        '192.0.2.0/25 eth2',
        '192.0.2.0/25 eth0',
      ],
    );
    const v6 = ROUTES.filter(({ family }) => family === 6);
    assert.deepEqual(
      v6.map(({ dev, address, length }) => `${address}/${length} ${dev}`),
      [
        'fd00:1::/64 eth0',
        'fd00:2::/64 eth2',
        'fd12::/16 eth2',
        'fe80::/64 eth0',
        'fe80::/64 eth2',
        '::/0 eth0',
        'fd00:1::5/128 eth0',
        'fd00:2::5/128 eth2',
        'ff00::/8 eth0',
        'ff00::/8 eth2',
      ],
    );
  });

  it('are none where the kernel has no such file, or nothing in it', () => {
    assert.deepEqual(parseRoutes('', ''), []);
    assert.deepEqual(parseRoutes(V4.split('\n')[0] ?? '', ''), []);
    assert.deepEqual(parseRoutes('nonsense\n\n', 'nonsense\n'), []);
  });

  it('that carry nothing away are left out: loopback, refusals, black holes, and what is down', () => {
    assert.deepEqual([...new Set(ROUTES.map(({ dev }) => dev))].sort(), ['eth0', 'eth2']);
    assert.deepEqual(parseRoutes('eth9\t000014AC\t00000000\t0000\t0\t0\t0\t0000FFFF\t0\t0\t0\n', ''), []);
  });

  it("never lead to Squall's own devices, which would send packets round in circles", () => {
    assert.ok(V6.includes('sq-0123456789ab'));
    for (const peers of [{ any: true }, { v6: ['::/0'] }, { v6: ['ff02::1'] }])
      assert.deepEqual(to(peers), ['eth0', 'eth2']);
  });
});

describe('the interfaces that lead to peers', () => {
  it('are those of the longest route to an address', () => {
    assert.deepEqual(to({ v4: ['172.18.0.9'] }), ['eth0']);
    assert.deepEqual(to({ v4: ['172.19.0.9'] }), ['eth2']);
    assert.deepEqual(to({ v4: ['10.9.8.6'] }), ['eth2']);
    assert.deepEqual(to({ v4: ['10.9.8.7'] }), ['eth0'], 'a route of its own');
    assert.deepEqual(to({ v4: ['203.0.113.1'] }), ['eth0'], 'the default route');
    assert.deepEqual(to({ v6: ['fd00:2::9'] }), ['eth2']);
    assert.deepEqual(to({ v6: ['fd12:3::9'] }), ['eth2']);
    assert.deepEqual(to({ v6: ['2001:db8::1'] }), ['eth0']);
  });

  it('are all that have a route of that length, whichever the kernel prefers', () => {
    assert.deepEqual(to({ v4: ['192.0.2.1'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v6: ['fe80::1'] }), ['eth0', 'eth2']);
  });

  it('are those of all peers, each once and sorted', () => {
    assert.deepEqual(to({ v4: ['172.19.0.1', '172.18.0.1', '172.18.0.2'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v4: ['172.18.0.1'], v6: ['fd00:2::1'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v4: ['172.19.0.1'], v6: ['fd00:2::1'] }), ['eth2']);
  });

  it('are for a network also those of the routes inside it', () => {
    assert.deepEqual(to({ v4: ['10.0.0.0/8'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v4: ['10.9.0.0/16'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v4: ['10.8.0.0/16'] }), ['eth2']);
    assert.deepEqual(to({ v4: ['172.18.0.0/15'] }), ['eth0', 'eth2'], 'half is on each');
    assert.deepEqual(to({ v4: ['172.18.0.0/16'] }), ['eth0']);
    assert.deepEqual(to({ v4: ['172.18.4.0/24'] }), ['eth0']);
    const half = ROUTES.filter(({ dev, address }) => `${dev} ${address}` !== 'eth0 192.0.2.0');
    assert.deepEqual(
      to({ v4: ['192.0.2.0/24'] }, half),
      ['eth0', 'eth2'],
      'the other half goes the default way',
    );
    assert.deepEqual(to({ v6: ['fd00::/8'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ v6: ['fd00:2::/64'] }), ['eth2']);
  });

  it('are for a network that is not routed as one those around it and inside', () => {
    const routes = ROUTES.filter(({ length }) => length !== 0);
    assert.deepEqual(to({ v4: ['192.0.0.0/16'] }, routes), ['eth0', 'eth2']);
    assert.deepEqual(to({ v4: ['203.0.113.0/24'] }, routes), []);
  });

  it('are all for everyone, by a family or by the word', () => {
    assert.deepEqual(to({ v4: ['0.0.0.0/0'] }), ['eth0', 'eth2']);
    assert.deepEqual(to({ any: true }), ['eth0', 'eth2']);
    assert.deepEqual(to({ any: true }, []), []);
  });

  it('are none for nobody, and where nothing leads there', () => {
    assert.deepEqual(to({}), []);
    const routes = ROUTES.filter(({ length }) => length !== 0);
    assert.deepEqual(to({ v4: ['203.0.113.1'], v6: ['2001:db8::1'] }, routes), []);
    assert.deepEqual(to({ v6: ['fd00:1::1'] }, parseRoutes(V4, '')), [], 'each family by its own routes');
  });
});

describe('the devices of a namespace', () => {
  it('are the names in /proc/net/dev', () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
  eth0:     186       2    0    0    0     0          0         0       90       1    0    0    0     0       0          0
sq-0123456789ab:12345678       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
    assert.deepEqual(deviceNames(text), ['lo', 'eth0', 'sq-0123456789ab']);
    assert.deepEqual(deviceNames(''), []);
  });
});
