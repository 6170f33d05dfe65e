import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../../src/core/log.ts';
import type { FaultSpec } from '../../../src/core/types.ts';
import type { FaultContext, FaultKind, World } from '../../../src/faults/fault.ts';
import { FAULTS } from '../../../src/faults/index.ts';
import { networkBandwidth } from '../../../src/faults/network-bandwidth.ts';
import { networkCorrupt } from '../../../src/faults/network-corrupt.ts';
import { networkDuplicate } from '../../../src/faults/network-duplicate.ts';
import { networkLatency } from '../../../src/faults/network-latency.ts';
import { networkLoss } from '../../../src/faults/network-loss.ts';
import { networkReorder } from '../../../src/faults/network-reorder.ts';
import { thresholdFor } from '../../../src/faults/shape/correlation.ts';
import { FakeClock } from '../../lab/fake-clock.ts';
import { WHOLE_HOST } from '../../lab/host.ts';
import { aContainer } from '../container-support.ts';
import { wrong } from '../wrong.ts';
import { anEffect, createModel } from './model.ts';

const to = [{ cidr: '172.18.0.0/16' }];
const KINDS = [
  networkLatency,
  networkLoss,
  networkDuplicate,
  networkCorrupt,
  networkReorder,
  networkBandwidth,
] as const;

/** The qdisc that a fault comes to on its device, as tc is told: `1: netem limit ...`. */
async function told(kind: FaultKind, parameters: object): Promise<string> {
  const model = createModel(['eth0']);
  const clock = new FakeClock();
  const context: FaultContext = {
    ...{ clock, log: createLog('silent'), docker: {} as FaultContext['docker'], instance: '0badcafe' },
    netns: { enter: (_, use) => use(model.ns) },
  };
  const target = aContainer();
  const fault = { type: kind.type, to, interface: 'eth0', ...parameters } as FaultSpec;
  const effect = anEffect({
    fault,
    deadline: { wall: clock.now() + 1000, boot: clock.boot() + 1000, bootId: '' },
  });
  const undo = await kind.prepare(context, effect, target);
  await kind.inject(context, { ...effect, undo });
  const [device, ...others] = model.told.keys();
  assert.deepEqual(others, [], 'one way, one device');
  return model.told.get(device ?? '') ?? '';
}

/** A chance as netem is told it, where each hangs on the one before. */
const correlated = (percent: number, correlation: number) =>
  `${(thresholdFor(percent / 100, correlation / 100) * 100).toFixed(8)}% ${correlation}%`;

const GEMODEL = { p: 1, r: 20, lossInBad: 80, lossInGood: 0.5 };
const STATE = { p13: 2, p31: 30, p32: 10, p23: 60, p14: 0.5 };

/** What each kind tells tc, by its parameters. */
const TOLD: [FaultKind, object, string][] = [
  [networkLatency, { delay: '100ms' }, '1: netem limit 25000 delay 100000us 0us 0%'],
  [networkLatency, { delay: '1us' }, '1: netem limit 1000 delay 1us 0us 0%'],
  [networkLatency, { delay: '10m' }, '1: netem limit 500000 delay 600000000us 0us 0%'],
  [networkLatency, { delay: '100ms', jitter: '20ms' }, '1: netem limit 45000 delay 100000us 20000us 0%'],
  [
    networkLatency,
    { delay: '100ms', jitter: '20ms', correlation: 25 },
    '1: netem limit 45000 delay 100000us 20000us 25%',
  ],
  [
    networkLatency,
    { delay: '1.5s', jitter: '1s', distribution: 'uniform' },
    '1: netem limit 500000 delay 1500000us 1000000us 0%',
  ],
  ...['normal', 'pareto', 'paretonormal'].map((distribution, index): [FaultKind, object, string] => [
    networkLatency,
    { delay: '100ms', jitter: '20ms', distribution },
    `${index + 2}: netem limit 45000 delay 100000us 20000us 0% distribution ${distribution}`,
  ]),
  [
    networkLatency,
    { delay: '100ms', rate: '12mbit' },
    '5: netem limit 300 delay 100000us 0us 0% rate 12000000bit',
  ],
  [
    networkLatency,
    { delay: '100ms', jitter: '25ms', rate: '12mbit', distribution: 'paretonormal' },
    '8: netem limit 400 delay 100000us 25000us 0% distribution paretonormal rate 12000000bit',
  ],

  [networkLoss, { percent: 25 }, '1: netem limit 1000 loss random 25% 0%'],
  [networkLoss, { percent: 100 }, '1: netem limit 1000 loss random 100% 0%'],
  [networkLoss, { percent: 5, correlation: 25 }, `1: netem limit 1000 loss random ${correlated(5, 25)}`],
  [networkLoss, { gemodel: GEMODEL }, '1: netem limit 1000 loss gemodel 1% 20% 80% 0.5%'],
  [networkLoss, { gemodel: { p: 1 } }, '1: netem limit 1000 loss gemodel 1% 99% 100% 0%'],
  [networkLoss, { state: STATE }, '1: netem limit 1000 loss state 2% 30% 10% 60% 0.5%'],
  [networkLoss, { state: { p13: 2 } }, '1: netem limit 1000 loss state 2% 98% 0% 100% 0%'],

  [networkDuplicate, { percent: 10 }, '1: netem limit 1000 duplicate 10% 0%'],
  [networkDuplicate, { percent: 1, correlation: 50 }, `1: netem limit 1000 duplicate ${correlated(1, 50)}`],
  [networkCorrupt, { percent: 0.1 }, '1: netem limit 1000 corrupt 0.1% 0%'],
  [networkCorrupt, { percent: 100, correlation: 5 }, `1: netem limit 1000 corrupt ${correlated(100, 5)}`],

  [
    networkReorder,
    { percent: 25, delay: '20ms' },
    '1: netem limit 5000 delay 20000us 0us 0% reorder 25% 0% gap 1',
  ],
  [networkReorder, { percent: 25 }, '1: netem limit 2500 delay 10000us 0us 0% reorder 25% 0% gap 1'],
  [
    networkReorder,
    { percent: 50, correlation: 25, gap: 5, delay: '1us' },
    `1: netem limit 1000 delay 1us 0us 0% reorder ${correlated(50, 25)} gap 5`,
  ],
];

describe('what tc is told', () => {
  for (const [kind, parameters, expected] of TOLD) {
    it(`by ${kind.type} with ${JSON.stringify(parameters)}`, async () => {
      assert.deepEqual(wrong(kind, { to, ...parameters }), []);
      assert.equal(await told(kind, parameters), expected);
    });
  }

  it('names the same parameters wherever a qdisc is only changed: what is left out would stay as it was', async () => {
    const seen = new Map<string, string>();
    for (const [kind, parameters, expected] of TOLD) {
      // Of the models of loss netem keeps one, the last that it was told.
      const words = expected
        .split(' ')
        .filter((word) => /^[a-z]+$/.test(word) && !/random|model|state/.test(word));
      const qdisc = `${kind.type} ${expected.split(' ')[0]}`;
      assert.equal(words.join(' '), seen.get(qdisc) ?? words.join(' '), JSON.stringify(parameters));
      seen.set(qdisc, words.join(' '));
    }
  });
});

describe('a bandwidth', () => {
  const numbers = async (parameters: object) => {
    const words = (await told(networkBandwidth, parameters)).split(' ');
    const after = (word: string) => Number.parseInt(words[words.indexOf(word) + 1] ?? '', 10);
    return { words: words.filter((word) => !/\d(bit|b)$/.test(word)), after };
  };

  it('is a token bucket of bytes with a queue behind it', async () => {
    const { words, after } = await numbers({ rate: '80mbit' });
    assert.deepEqual(words, ['1:', 'tbf', 'rate', 'burst', 'limit']);
    assert.equal(after('rate'), 80_000_000);
    assert.equal(after('burst'), 100_000, 'of 10 ms');
    assert.ok(after('limit') >= 2_000_000, 'of 200 ms');
  });

  it('holds the largest frame at the lowest rate, and passes the highest', async () => {
    const slow = await numbers({ rate: '1kbit' });
    assert.deepEqual(['rate', 'burst'].map(slow.after), [1000, 9216]);
    assert.ok(slow.after('limit') >= 15_000);
    const fast = await numbers({ rate: '100gbit' });
    assert.equal(fast.after('rate'), 1e11);
    assert.ok(fast.after('limit') < 2 ** 32, 'tc counts it in 32 bits');
  });

  it('takes a burst and a queue as they are given', async () => {
    const { after } = await numbers({ rate: '1mbit', burst: '32KiB', limit: '64KiB' });
    assert.equal(after('burst'), 32_768);
    assert.ok(after('limit') >= 65_536);
  });

  it('has a ceiling of another qdisc', async () => {
    const { words, after } = await numbers({ rate: '1mbit', ceil: '2mbit' });
    assert.deepEqual(words, ['2:', 'tbf', 'rate', 'burst', 'limit', 'peakrate', 'mtu', '1600']);
    assert.equal(after('peakrate'), 2_000_000);
  });
});

describe('an edit', () => {
  const handles = async (kind: FaultKind, ...edits: object[]) =>
    Promise.all(edits.map(async (parameters) => (await told(kind, parameters)).split(' ')[0]));

  it('of latency makes another qdisc for what netem does not give up: a table of jitter, a rate', async () => {
    const delay = '100ms';
    const jitter = '10ms';
    const found = await handles(
      networkLatency,
      { delay, jitter },
      { delay, jitter, distribution: 'normal' },
      { delay, jitter, distribution: 'pareto' },
      { delay, jitter, distribution: 'paretonormal' },
      { delay, rate: '1mbit' },
      { delay, jitter, rate: '1mbit', distribution: 'normal' },
      { delay, jitter, rate: '1mbit', distribution: 'pareto' },
      { delay, jitter, rate: '1mbit', distribution: 'paretonormal' },
    );
    assert.equal(new Set(found).size, found.length);
  });

  it('of nothing but numbers changes a qdisc where it is', async () => {
    assert.deepEqual(
      await handles(
        networkLatency,
        { delay: '100ms' },
        { delay: '1s', jitter: '5ms', correlation: 5, distribution: 'uniform' },
      ),
      ['1:', '1:'],
    );
    assert.deepEqual(
      await handles(networkLatency, { delay: '1s', rate: '1mbit' }, { delay: '2s', rate: '9mbit' }),
      ['5:', '5:'],
    );
    assert.deepEqual(await handles(networkBandwidth, { rate: '1mbit' }, { rate: '2mbit', burst: '1MB' }), [
      '1:',
      '1:',
    ]);
  });

  it('of a bandwidth makes another qdisc for its ceiling', async () => {
    assert.deepEqual(await handles(networkBandwidth, { rate: '1mbit' }, { rate: '1mbit', ceil: '2mbit' }), [
      '1:',
      '2:',
    ]);
  });
});

const good: [FaultKind, Record<string, unknown>][] = [
  [networkLatency, { delay: '100ms', interface: 'eth0' }],
  [networkLatency, { delay: '100ms', jitter: '100ms', correlation: 0, distribution: 'pareto' }],
  [networkLatency, { delay: '10m', rate: '1kbit', direction: 'both', ports: [80], protocol: 'tcp' }],
  [networkLoss, { percent: 5, correlation: 0 }],
  [networkLoss, { percent: 5, interface: 'eth0' }],
  [networkLoss, { gemodel: { p: 100, r: 1, lossInBad: 0, lossInGood: 0 } }],
  [networkLoss, { state: { p13: 100, p31: 100, p32: 0, p23: 0, p14: 100 } }],
  [networkDuplicate, { percent: 0.000_000_03 }],
  [networkCorrupt, { percent: 100, correlation: 50 }],
  [networkReorder, { percent: 100, gap: 4_294_967_295, delay: '10m' }],
  [networkBandwidth, { rate: '1kbit' }],
  [networkBandwidth, { rate: '100gbit', burst: '1600B', limit: '1024MiB' }],
  [networkBandwidth, { rate: '1mbit', ceil: '1.1mbit' }],
];
const bad: [FaultKind, Record<string, unknown>][] = [
  [networkLatency, {}],
  [networkLatency, { delay: '0s' }],
  [networkLatency, { delay: '400ns' }],
  [networkLatency, { delay: '10m1ms' }],
  [networkLatency, { delay: 100 }],
  [networkLatency, { delay: '100ms', jitter: '101ms' }],
  [networkLatency, { delay: '100ms', correlation: 5 }],
  [networkLatency, { delay: '100ms', distribution: 'normal' }],
  [networkLatency, { delay: '100ms', jitter: '1ms', distribution: 'gauss' }],
  [networkLatency, { delay: '100ms', jitter: '1ms', correlation: 101 }],
  [networkLatency, { delay: '100ms', rate: '1mbps' }],
  [networkLatency, { delay: '100ms', percent: 5 }],
  [networkLatency, { delay: '100ms', interface: '' }],
  [networkLatency, { delay: '100ms', interface: 'eth0:1' }],
  [networkLatency, { delay: '100ms', interface: 'sixteen-letters-' }],
  [networkLatency, { delay: '100ms', protocol: 'icmp', ports: [80] }],

  [networkLoss, {}],
  [networkLoss, { correlation: 5 }],
  [networkLoss, { every: 3, correlation: 5 }],
  [networkLoss, { every: 3, interface: 'eth0' }],
  [networkLoss, { percent: 5, gemodel: { p: 1 } }],
  [networkLoss, { gemodel: { p: 1 }, state: { p13: 1 } }],
  [networkLoss, { gemodel: {} }],
  [networkLoss, { gemodel: { p: 0 } }],
  [networkLoss, { gemodel: { p: 100 } }],
  [networkLoss, { gemodel: { p: 1, r: 0 } }],
  [networkLoss, { gemodel: { p: 1, h: 5 } }],
  [networkLoss, { state: { p13: 100 } }],
  [networkLoss, { state: { p31: 1 } }],
  [networkLoss, { percent: 0.000_000_02, correlation: 5 }],

  [networkDuplicate, {}],
  [networkDuplicate, { percent: 0 }],
  [networkDuplicate, { percent: 0.000_000_02 }],
  [networkDuplicate, { percent: 5, delay: '1ms' }],
  [networkCorrupt, { percent: 100.1 }],
  [networkCorrupt, { percent: 5, correlation: -1 }],
  [networkCorrupt, { percent: 5, correlation: 100 }],

  [networkReorder, {}],
  [networkReorder, { delay: '10ms' }],
  [networkReorder, { percent: 5, gap: 0 }],
  [networkReorder, { percent: 5, gap: 1.5 }],
  [networkReorder, { percent: 5, gap: 4_294_967_296 }],
  [networkReorder, { percent: 5, delay: '400ns' }],
  [networkReorder, { percent: 5, delay: '11m' }],
  [networkReorder, { percent: 5, jitter: '1ms' }],

  [networkBandwidth, {}],
  [networkBandwidth, { rate: '10' }],
  [networkBandwidth, { rate: '999bit' }],
  [networkBandwidth, { rate: '101gbit' }],
  [networkBandwidth, { rate: '1mbit', burst: '1599B' }],
  [networkBandwidth, { rate: '1mbit', limit: '1500B' }],
  [networkBandwidth, { rate: '1mbit', burst: '2048MiB' }],
  [networkBandwidth, { rate: '1mbit', ceil: '1mbit' }],
  [networkBandwidth, { rate: '1mbit', ceil: '1000kbit' }],
  [networkBandwidth, { rate: '1mbit', ceil: '512kbit' }],
];

describe('the parameters of packet-level kinds', () => {
  for (const [kind, parameters] of good)
    it(`${kind.type} takes ${JSON.stringify(parameters)}`, () =>
      assert.deepEqual(wrong(kind, { to, ...parameters }), []));
  for (const [kind, parameters] of bad)
    it(`${kind.type} refuses ${JSON.stringify(parameters)}`, () =>
      assert.notDeepEqual(wrong(kind, { to, ...parameters }), []));

  it('begin with peers, which none goes without', () => {
    for (const { type, example, ...kind } of KINDS) {
      const { type: _, to: __, ...rest } = example;
      assert.notDeepEqual(wrong({ type, example, ...kind }, rest), [], type);
      assert.notDeepEqual(wrong({ type, example, ...kind }, { ...rest, to: [] }), [], type);
    }
  });
});

describe('a packet-level kind', () => {
  const world = (change: Partial<typeof WHOLE_HOST.shaping> = {}): World => ({
    containers: [],
    hosts: new Map(),
    host: { ...WHOLE_HOST, shaping: { ...WHOLE_HOST.shaping, ...change } },
  });
  const target = aContainer({ attachments: [{ network: 'net', ip4: '172.18.0.5', aliases: [] }] });
  const resolve = (kind: FaultKind, parameters: object = {}, change = {}, one = target) =>
    kind.resolve({ ...kind.example, to, ...parameters } as FaultSpec, one, world(change));

  it('takes packets out of their way, and is ended by the kernel', () => {
    for (const kind of KINDS) {
      if (kind !== networkLoss) assert.equal(kind.diverts?.(kind.example), true, kind.type);
      assert.deepEqual([kind.endedBy, kind.nature, kind.entersNetwork], ['kernel', 'state', true]);
    }
    assert.equal(networkLoss.diverts?.({ type: 'network-loss', percent: 5 }), false);
    assert.equal(networkLoss.diverts?.({ type: 'network-loss', percent: 5, correlation: 5 }), true);
    const shaping = FAULTS.filter(({ diverts, example }) => diverts?.(example));
    assert.equal(shaping.length, KINDS.length - 1, 'all of them are in this list');
  });

  it('comes to its peers, and the networks of its target', () => {
    assert.deepEqual(resolve(networkLatency), {
      v4: ['172.18.0.0/16'],
      v6: [],
      any: false,
      missing: [],
      networks: ['net'],
    });
  });

  it('refuses more addresses than a program holds, and says what to do', () => {
    const cidrs = Array.from({ length: 2000 }, (_, index) => ({
      cidr: `fd00::${(index + 1).toString(16)}/128`,
    }));
    assert.throws(() => resolve(networkLatency, { to: cidrs }), {
      code: 'SQ208',
      message: 'network-latency: 2000 addresses are too many',
      hint: /cidr/,
    });
  });

  it('refuses a host that lacks what it needs, and says what', () => {
    for (const lacking of ['ifb', 'classifier'] as const)
      for (const kind of KINDS.filter((one) => one !== networkLoss))
        assert.throws(() => resolve(kind, {}, { [lacking]: false }), { code: 'SQ208', hint: /./ }, kind.type);
    for (const kind of [networkLatency, networkDuplicate, networkCorrupt, networkReorder]) {
      assert.throws(
        () => resolve(kind, {}, { netem: false }),
        { code: 'SQ208', message: /netem/ },
        kind.type,
      );
      assert.doesNotThrow(() => resolve(kind, {}, { tbf: false }), kind.type);
    }
    assert.throws(() => resolve(networkBandwidth, {}, { tbf: false }), { code: 'SQ208', message: /tbf/ });
    assert.doesNotThrow(() => resolve(networkBandwidth, {}, { netem: false }));
    const nothing = { ifb: false, classifier: false, netem: false, tbf: false };
    assert.doesNotThrow(() => resolve(networkLoss, {}, nothing), 'netfilter does it');
    assert.throws(() => resolve(networkLoss, { correlation: 5 }, nothing), { code: 'SQ208' });
  });

  it('refuses what its schema can not say, and the network of the host', () => {
    assert.throws(() => resolve(networkLatency, { jitter: '1h' }), { code: 'SQ208', message: /jitter/ });
    assert.throws(() => resolve(networkLatency, {}, {}, aContainer({ networkMode: 'host' })), {
      code: 'SQ208',
    });
  });
});
