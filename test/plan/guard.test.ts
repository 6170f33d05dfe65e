import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import type { BlastRadius, Container } from '../../src/core/types.ts';
import { refusalOf } from '../../src/plan/guard.ts';
import { withSharers } from '../../src/plan/hit.ts';
import {
  BLOCK,
  container,
  containers,
  effect,
  type GuardWords,
  guarded,
  idOf,
  KILL,
  PAUSE,
  STOP,
} from './build.ts';

const shop = { project: 'shop', service: 'web' };

/** Chooses the first `chosen` of these. */
function limit(
  found: readonly Container[],
  chosen: number,
  blastRadius: BlastRadius,
  change: GuardWords = {},
) {
  return guarded(found.slice(0, chosen), { candidates: found, containers: found, blastRadius, ...change });
}

const overBlastRadius = (message: string) => ({ code: 'SQ204', reason: 'BlastRadius', message });

describe('without limits', () => {
  it('everything is permitted', () => {
    assert.equal(guarded(containers(20)), undefined);
  });
});

describe('maxTargets', () => {
  it('permits as many', () => {
    assert.equal(limit(containers(3), 2, { maxTargets: 2 }), undefined);
  });

  it('refuses one more, with their names, and trims nothing', () => {
    const message = '3 containers would be hit (web-0, web-1, web-2), maxTargets allows 2';
    assert.deepEqual(limit(containers(3), 3, { maxTargets: 2 }), overBlastRadius(message));
  });

  it('of none permits nothing', () => {
    const message = '1 container would be hit (web-0), maxTargets allows 0';
    assert.deepEqual(limit(containers(1), 1, { maxTargets: 0 }), overBlastRadius(message));
  });

  it('names five at most', () => {
    assert.match(limit(containers(7), 7, { maxTargets: 1 })?.message ?? '', /web-4, \.\.\.\)/);
  });

  it('counts those that share a network namespace with a target of a network fault', () => {
    const app = container('app');
    const side = container('side', { networkMode: `container:${app.id}` });
    const input = { containers: [app, side], blastRadius: { maxTargets: 1 } };
    assert.equal(guarded([app], { ...input, faults: [PAUSE] }), undefined);
    const message = '2 containers would be hit (app, side), maxTargets allows 1';
    assert.deepEqual(guarded([app], { ...input, faults: [BLOCK] }), overBlastRadius(message));
    assert.deepEqual(
      guarded([side], { ...input, faults: [BLOCK] })?.code,
      'SQ204',
      'whichever of the two is the target',
    );
  });
});

describe('maxPercent', () => {
  const four = containers(4, 'web', shop);

  it('permits its share of the service, exactly', () => {
    assert.equal(limit(four, 2, { maxPercent: 50 }), undefined);
  });

  it('refuses more', () => {
    const message = '3 of 4 containers of shop/web would be down, maxPercent allows 50 %';
    assert.deepEqual(limit(four, 3, { maxPercent: 50 }), overBlastRadius(message));
  });

  it('counts a service of another project apart', () => {
    const found = [...four, ...containers(4, 'other', { project: 'blog', service: 'web' })];
    assert.equal(limit(found, 3, { maxPercent: 50 })?.code, 'SQ204');
  });

  it('counts what has not opted in as part of the service', () => {
    const found = [container('web-0', shop), container('web-1', { ...shop, optIn: false })];
    assert.equal(limit(found, 1, { maxPercent: 50 }), undefined);
  });

  const down: [what: string, Partial<Container>][] = [
    ['is stopped', { state: 'exited', pid: 0 }],
    ['restarts', { state: 'restarting', pid: 0 }],
    ['is paused', { state: 'paused' }],
    ['is unhealthy', { health: 'unhealthy' }],
    ['is not healthy yet', { health: 'starting' }],
  ];
  for (const [what, change] of down)
    it(`counts as down one that ${what} already`, () => {
      const found = [...containers(3, 'web', shop), container('web-3', { ...shop, ...change })];
      assert.equal(limit(found, 1, { maxPercent: 50 }), undefined);
      assert.equal(limit(found, 2, { maxPercent: 50 })?.code, 'SQ204');
    });

  it('counts a target that is down itself once', () => {
    const found = [container('web-0', { ...shop, health: 'unhealthy' }), container('web-1', shop)];
    assert.equal(limit(found, 1, { maxPercent: 50 }), undefined);
  });

  it('counts what other experiments have down', () => {
    const other = effect(KILL, four[3] as Container, { experiment: 'other' });
    assert.equal(limit(four, 2, { maxPercent: 50 }, { others: [other] })?.code, 'SQ204');
  });

  it("counts another instance's faults", () => {
    const foreign = [{ containerId: idOf('web-3'), instance: 'feedc0de', experiment: 'theirs' }];
    assert.equal(limit(four, 2, { maxPercent: 50 }, { foreign })?.code, 'SQ204');
  });

  it('takes containers without a service as one group with all that could be chosen', () => {
    const found = containers(4);
    assert.equal(limit(found, 2, { maxPercent: 50 }), undefined);
    const message = '3 of 4 containers of the selection would be down, maxPercent allows 50 %';
    assert.deepEqual(limit(found, 3, { maxPercent: 50 }), overBlastRadius(message));
  });

  it('holds for each service that is hit', () => {
    const found = [container('one-0', { service: 'one' }), ...containers(2, 'two', { service: 'two' })];
    const chosen = found.slice(1, 2);
    const input = { candidates: found, containers: found, blastRadius: { maxPercent: 50 } };
    assert.equal(guarded(chosen, input), undefined);
    assert.match(guarded([...chosen, found[0] as Container], input)?.message ?? '', /^1 of 1 .* \/one /);
  });

  it('holds for the service of one that only shares a namespace', () => {
    const app = container('app-0', { service: 'app' });
    const found = [app, container('app-1', { service: 'app' })];
    found.push(container('side', { service: 'side', networkMode: `container:${app.id}` }));
    const input = { candidates: found, containers: found, faults: [BLOCK], blastRadius: { maxPercent: 50 } };
    assert.match(guarded([app], input)?.message ?? 'permitted', /^1 of 1 containers of \/side /);
  });
});

describe('minHealthy', () => {
  const three = containers(3, 'web', shop);

  it('permits what leaves enough', () => {
    assert.equal(limit(three, 2, { minHealthy: 1 }), undefined);
  });

  it('refuses what leaves too few', () => {
    const message = '1 of 3 containers of shop/web would stay healthy, minHealthy asks for 2';
    assert.deepEqual(limit(three, 2, { minHealthy: 2 }), overBlastRadius(message));
  });

  it('does not count on one that is down already', () => {
    const found = [...three.slice(0, 2), container('web-2', { ...shop, health: 'unhealthy' })];
    assert.equal(limit(found, 1, { minHealthy: 1 }), undefined);
    assert.equal(limit(found, 2, { minHealthy: 1 })?.code, 'SQ204');
  });
});

describe('sharers of a network namespace', () => {
  const app = container('app');
  const refusal = (why: string) => ({
    code: 'SQ205',
    reason: 'SharedNamespace',
    message: `side shares a network namespace with a target and ${why}`,
  });
  const share = (change: Parameters<typeof container>[1]) =>
    container('side', { networkMode: `container:${app.id}`, ...change });
  const hit = (side: Container, faults = [BLOCK], self = new Set<string>()) =>
    guarded([app], { containers: [app, side], faults, self });

  it('refuse by not having opted in', () => {
    assert.deepEqual(hit(share({ optIn: false })), refusal('has not opted in'));
  });

  it('refuse by being protected', () => {
    assert.deepEqual(hit(share({ protect: true })), refusal('is protected'));
  });

  it('refuse by being Squall', () => {
    assert.deepEqual(hit(share({}), [BLOCK], new Set([idOf('side')])), refusal('is protected'));
  });

  it('do not matter where no fault enters the network', () => {
    assert.equal(hit(share({ protect: true }), [PAUSE]), undefined);
  });

  it('do not matter when they do not run', () => {
    assert.equal(hit(share({ protect: true, state: 'exited' })), undefined);
  });

  it('do not matter when they share with somebody else', () => {
    assert.equal(hit(share({ protect: true, networkMode: `container:${idOf('redis')}` })), undefined);
  });

  it('are found from the owner, from a sharer and between two sharers', () => {
    const [one, two] = [share({ name: 'one', id: idOf('one') }), share({ name: 'two', id: idOf('two') })];
    const names = (chosen: Container[]) =>
      withSharers(chosen, [app, one, two, container('far')]).map(({ name }) => name);
    assert.deepEqual(names([app]), ['app', 'one', 'two']);
    assert.deepEqual(names([two]), ['two', 'app', 'one']);
    assert.deepEqual(names([app, one, two]), ['app', 'one', 'two']);
  });

  it('are found through another sharer', () => {
    const one = share({ name: 'one', id: idOf('one') });
    const two = container('two', { networkMode: `container:${one.id}` });
    assert.deepEqual(
      withSharers([app], [app, one, two]).map(({ name }) => name),
      ['app', 'one', 'two'],
    );
  });
});

describe('a collision', () => {
  const [one, two] = containers(2) as [Container, Container];

  it('within one experiment is refused', () => {
    const message = "two faults of this experiment use a target's lifecycle: split them into two experiments";
    assert.deepEqual(guarded([one], { faults: [KILL, STOP] }), {
      code: 'SQ206',
      reason: 'Conflict',
      message,
    });
  });

  it('with another experiment on the same target is refused, naming it', () => {
    const others = [effect(PAUSE, one, { experiment: 'other' })];
    const message = 'web-0 is under container-pause of experiment other: both use its lifecycle';
    assert.deepEqual(guarded([one, two], { others }), {
      code: 'SQ206',
      reason: 'Conflict',
      message,
    });
  });

  it('is none on another target', () => {
    assert.equal(guarded([two], { others: [effect(PAUSE, one, { experiment: 'other' })] }), undefined);
  });

  it('is none between faults that use different things', () => {
    const others = [effect(KILL, one, { experiment: 'other' })];
    assert.equal(guarded([one], { others, faults: [BLOCK] }), undefined);
  });

  it('is none between network rules, which stand beside each other', () => {
    const others = [effect(BLOCK, one, { experiment: 'other' })];
    assert.equal(guarded([one], { others, faults: [BLOCK, BLOCK] }), undefined);
  });

  it('with a fault that could not be recovered is one still', () => {
    const others = [effect(PAUSE, one, { experiment: 'other', phase: 'failed' })];
    assert.equal(guarded([one], { others })?.code, 'SQ206');
  });
});

describe("a fault's own word", () => {
  it('becomes a refusal, its hint included', () => {
    const error = new SquallError('SQ208', 'no', { hint: 'Do this' });
    assert.deepEqual(refusalOf(error), { code: 'SQ208', reason: 'FaultRefuses', message: 'no. Do this' });
    assert.equal(refusalOf(new SquallError('SQ209', 'no')).reason, 'PeerUnresolved');
  });

  it('is not made of any other error', () => {
    assert.throws(() => refusalOf(new TypeError('a bug')), TypeError);
  });
});
