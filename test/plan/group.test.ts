import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExperimentSpec } from '../../src/core/types.ts';
import type { ResolvedPeers } from '../../src/faults/net/peers.ts';
import { container, containers, declared, idOf } from './build.ts';
import { Model, running, word } from './model.ts';

type Targets = ExperimentSpec['targets'];

const SHOP = { project: 'shop', service: 'redis' };
const SPLIT = { type: 'network-partition', to: [{ service: 'redis' }] };
const ALONE = { type: 'network-partition', to: [{ any: true }] };
const half: Targets = { select: { services: ['redis'] }, mode: { percent: 50 }, seed: 3 };
const every: Targets = { select: { services: ['redis'] }, mode: 'all' };

/** What each target is cut off from, by names of containers. */
function cuts(model: Model): Record<string, string[]> {
  return told(model, ({ v4 }) => v4);
}

/** Whom each target that is cut off from everyone still reaches, by names. */
function spares(model: Model): Record<string, string[]> {
  return told(model, ({ spared }) => spared?.v4 ?? []);
}

function told(model: Model, addresses: (peers: ResolvedPeers) => string[]): Record<string, string[]> {
  const name = (address: string) =>
    model.containers.find(({ attachments }) => attachments.some(({ ip4 }) => ip4 === address))?.name ??
    address;
  const live = model.journal.effects.live().filter(({ phase }) => phase === 'injected');
  return Object.fromEntries(
    live
      .map(({ target, resolved }): [string, string[]] => [
        target.name,
        addresses(resolved as unknown as ResolvedPeers)
          .map(name)
          .sort(),
      ])
      .sort(),
  );
}

describe('a partition of one service', () => {
  it('cuts the chosen share from the rest, and nobody of the share from each other', () => {
    const model = running({ faults: [SPLIT], targets: half }, containers(5, 'redis', SHOP));
    const chosen = model.runs()[0]?.targets.map(({ name }) => name) ?? [];
    assert.equal(chosen.length, 2);
    const rest = model.containers.map(({ name }) => name).filter((name) => !chosen.includes(name));
    assert.deepEqual(cuts(model), Object.fromEntries(chosen.sort().map((name) => [name, rest])));
  });

  it('is denied where all of it is chosen', () => {
    const model = new Model(...containers(3, 'redis', SHOP));
    model.declare(declared({ faults: [SPLIT], targets: every }));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'PeerUnresolved']);
    assert.match(model.journal.experiments.get('exp')?.message ?? '', /wholly among the targets/);
  });

  it('stands while a target is down, and takes it back on its own side', () => {
    const model = running({ faults: [SPLIT], targets: half }, containers(4, 'redis', SHOP));
    const before = cuts(model);
    const [down = ''] = Object.keys(before);
    model.stop(down);
    assert.deepEqual(model.settle(), []);
    model.start(down);
    assert.deepEqual(model.settle().map(word), [`inject ${down} restarted`]);
    assert.deepEqual(cuts(model), before);
  });

  it('that is edited to other targets changes who is on which side', () => {
    const model = running({ faults: [SPLIT], targets: half }, containers(4, 'redis', SHOP));
    const names = ['redis-0', 'redis-1', 'redis-2'];
    model.declare(declared({ faults: [SPLIT], targets: { select: { names }, mode: 'all' } }));
    model.settle();
    assert.deepEqual(cuts(model), Object.fromEntries(names.map((name) => [name, ['redis-3']])));
  });

  it('that is edited to all of it is refused, for it would cut nobody off', () => {
    const model = running({ faults: [SPLIT], targets: half }, containers(4, 'redis', SHOP));
    model.declare(declared({ faults: [SPLIT], targets: every }));
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'PeerUnresolved']);
    assert.deepEqual(model.standing(), []);
  });

  it('goes on, and is edited, while the other side is gone', () => {
    const targets: Targets = { select: { names: ['redis-0'] }, mode: 'all' };
    const model = running({ faults: [SPLIT], targets }, containers(2, 'redis', SHOP));
    model.remove('redis-1');
    model.settle();
    assert.deepEqual(cuts(model), { 'redis-0': [] });
    model.declare(declared({ faults: [SPLIT], targets, duration: '90s' }));
    assert.deepEqual(model.settle().map(word), ['edit', 'inject redis-0 deadline']);
    model.put(container('redis-1', SHOP));
    model.settle();
    assert.deepEqual(cuts(model), { 'redis-0': ['redis-1'] });
  });
});

describe('a container that joins a partition', () => {
  const cache = containers(3, 'cache', { project: 'shop', service: 'cache' });
  const both = { type: 'network-partition', to: [{ service: 'redis' }, { service: 'cache' }] };

  it('is cut off like all of them', () => {
    const model = running({ faults: [both], targets: every }, [...containers(2, 'redis', SHOP), ...cache]);
    model.put(container('redis-9', SHOP));
    assert.deepEqual(model.settle().map(word), ['edit', 'inject redis-9 matched']);
    const others = cache.map(({ name }) => name);
    assert.deepEqual(cuts(model), { 'redis-0': others, 'redis-1': others, 'redis-9': others });
  });

  it('that was cut off before is let in by the others at once', () => {
    const model = running({ faults: [ALONE], targets: every }, [...containers(2, 'redis', SHOP), ...cache]);
    assert.deepEqual(spares(model), { 'redis-0': ['redis-1'], 'redis-1': ['redis-0'] });
    model.put(container('redis-9', SHOP));
    assert.deepEqual(model.pass().actions.map(word), [
      'edit',
      'inject redis-0 peers',
      'inject redis-1 peers',
      'inject redis-9 matched',
    ]);
    assert.deepEqual(spares(model)['redis-0'], ['redis-1', 'redis-9']);
    assert.deepEqual(model.settle(), []);
  });

  it('but is over a limit stays on the other side', () => {
    const change = { faults: [ALONE], targets: every, blastRadius: { maxTargets: 2 } };
    const model = running(change, containers(2, 'redis', SHOP));
    model.put(container('redis-9', SHOP));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual(spares(model), { 'redis-0': ['redis-1'], 'redis-1': ['redis-0'] });
  });

  it('but would leave nobody on the other side stays there', () => {
    const labels = { side: 'one' };
    const targets: Targets = { select: { labels }, mode: 'all' };
    const found = [container('redis-0', { ...SHOP, labels }), container('redis-1', SHOP)];
    const model = running({ faults: [SPLIT], targets }, found);
    model.put(container('redis-1', { ...SHOP, labels }));
    assert.deepEqual(model.settle(), []);
    assert.deepEqual(cuts(model), { 'redis-0': ['redis-1'] });
    const message = model.journal.experiments.get('exp')?.message ?? '';
    assert.match(message, /redis-1 left alone: nobody is on the other side/);
  });

  it('and goes again is spared no more', () => {
    const model = running({ faults: [ALONE], targets: every }, containers(3, 'redis', SHOP));
    model.remove('redis-2');
    model.settle();
    assert.deepEqual(spares(model), { 'redis-0': ['redis-1'], 'redis-1': ['redis-0'] });
  });
});

describe('targets in one network namespace', () => {
  it('are one of the group: the first carries the partition, and spares the rest', () => {
    const found = [
      ...containers(2, 'redis', SHOP),
      container('redis-side', { ...SHOP, attachments: [], networkMode: `container:${idOf('redis-0')}` }),
    ];
    const model = running({ faults: [ALONE], targets: { ...every, seed: 1 } }, found);
    const carried = Object.keys(cuts(model));
    assert.equal(carried.length, 2, 'one of the two that share, and the third');
    for (const [name, spared] of Object.entries(spares(model)))
      assert.deepEqual(spared, name === 'redis-1' ? ['redis-0'] : ['redis-1']);
  });
});
