import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import { BLOCK, container, containers, declared, policy } from '../build.ts';
import { Model, word } from '../model.ts';
import { phases, RUNS, SELECT, shop, site, three, tighten } from './site.ts';

describe('a run that a Policy does not permit any more', () => {
  const cases: [what: string, spec: PolicySpec, reason: string, message: string][] = [
    [
      'for its fault',
      { faults: { deny: ['container-pause'] } },
      'FaultNotAllowed',
      'Policy x does not allow container-pause',
    ],
    [
      'for its duration',
      { maxDuration: '30s' },
      'TooLong',
      'Policy x: maxDuration allows 30s, the run takes 1m',
    ],
    [
      'for the time of day',
      { windows: { allow: [{ days: ['wed'] }] } },
      'OutsideWindow',
      'Policy x: chaos may not run now; opens Wed 00:00 UTC',
    ],
    [
      'for a target that is protected now',
      { protect: [{ names: ['web-0'] }] },
      'Protected',
      'web-0 is protected by Policy x',
    ],
    [
      'for the network of a target',
      { networks: ['chaos-*'] },
      'NetworkNotAllowed',
      'web-0 is on network net, which Policy x does not allow',
    ],
    [
      'for what it hits',
      { maxTargets: 1 },
      'TooManyTargets',
      'Policy x: 2 containers are hit at once (web-0, web-1), maxTargets allows 1',
    ],
    [
      'for the share of a service',
      { maxPercent: 25 },
      'TooManyDown',
      'Policy x: 2 of 4 containers of shop/web are down, maxPercent allows 25 %',
    ],
    [
      'for what is left of a service',
      { minHealthy: 3 },
      'TooManyDown',
      'Policy x: 2 of 4 containers of shop/web are healthy, minHealthy asks for 3',
    ],
    [
      'for a budget',
      { budget: [{ faultTime: '1m', window: '1h' }] },
      'BudgetSpent',
      'Policy x: budget of 1m in 1h: 2s is spent, the rest of the run would take 1m58s',
    ],
  ];
  for (const [what, spec, reason, message] of cases)
    it(`${what} is ended, says why, and does not come back`, () => {
      const model = site({ a: SELECT('web-0', 'web-1') });
      model.policies = [policy(spec, { name: 'x' })];
      assert.deepEqual(model.settle('a').map(word), [
        'end Aborted',
        'recover web-1 denied',
        'recover web-0 denied',
        'finish Aborted',
      ]);
      const said = () => {
        const record = model.journal.experiments.get('a');
        const permitted = record?.conditions.find(({ type }) => type === 'Permitted');
        return [record?.phase, record?.reason, record?.message, permitted?.status, permitted?.message];
      };
      const words = ['Aborted', reason, `run a-1: ${message}`, 'False', message];
      assert.deepEqual(said(), words);
      const ends = model.journal.events.list({ experiment: 'a' }).filter((event) => event.reason === reason);
      assert.deepEqual(
        ends.map((event) => [event.type, event.message]),
        [['Warning', message]],
      );
      model.policies = [];
      assert.deepEqual(model.settle('a'), []);
      assert.deepEqual(said(), words);
    });

  it('for an opt-in that is taken back is ended', () => {
    const model = new Model(container('web-0', { optIn: false }));
    model.policies = [policy({ optIn: { select: { names: ['web-0'] } } })];
    model.declare(declared());
    model.settle();
    assert.deepEqual(model.standing(), ['web-0 container-pause']);
    model.policies = [];
    model.settle();
    assert.deepEqual([model.phase(), model.reason(), model.standing()], ['Aborted', 'NotOptedIn', []]);
  });

  it('for one that came into the network namespace of a target is ended', () => {
    const model = new Model(container('web-0'));
    model.policies = [policy({ protect: [{ names: ['side'] }] })];
    model.declare(declared({ faults: [BLOCK] }));
    model.settle();
    model.put(container('side', { networkMode: `container:${model.container('web-0').id}` }));
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Aborted', 'SharedNamespace']);
  });

  it('is ended before host names are asked for', () => {
    const model = site({ a: { ...SELECT('web-0'), faults: [{ ...BLOCK, to: [{ cidr: '192.0.2.0/24' }] }] } });
    model.declare(
      declared({ ...SELECT('web-0'), faults: [{ ...BLOCK, to: [{ host: 'db.example' }] }] }, { name: 'a' }),
    );
    tighten(model, [{ faults: { deny: ['network-block'] } }], ['a']);
    assert.deepEqual(phases(model), ['a Denied FaultNotAllowed']);
    assert.deepEqual(model.standing(), []);
  });

  it('goes on where it is held, and is ended when it would come back', () => {
    const model = site({ a: SELECT('web-0') });
    model.hold('halted', 'a');
    tighten(model, [{ maxDuration: '30s' }], ['a']);
    assert.deepEqual(phases(model), ['a Halted Halted']);
    model.hold(null, 'a');
    assert.deepEqual(model.settle('a').map(word), ['end Aborted', 'finish Aborted'], 'nothing goes in again');
  });

  it('is complete where its end is the end of the window', () => {
    const model = new Model(...containers(1));
    model.policies = [policy({ windows: { allow: [{ to: '00:01' }] } })];
    model.clock.advance(900);
    model.declare(declared());
    model.settle();
    assert.equal(model.phase(), 'Running');
    assert.equal(model.pass().wakeAfter, 59_100, 'it is looked at at the end of the window');
    model.clock.advance(59_100);
    assert.deepEqual(model.settle().map(word), [
      'end Completed',
      'recover web-0 deadline',
      'finish Completed',
    ]);
  });

  it('is ended when the clock is set to where the window is shut', () => {
    const model = new Model(...containers(1));
    model.policies = [policy({ windows: { allow: [{ days: ['tue'] }] } })];
    model.declare(declared());
    model.settle();
    assert.equal(model.pass().wakeAfter, 60_000);
    model.clock.step(24 * 3_600_000);
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Aborted', 'OutsideWindow']);
  });
});

describe('of several runs, those end that began later:', () => {
  const orders = [
    ['a', 'b', 'c'],
    ['c', 'b', 'a'],
    ['b', 'c', 'a'],
  ];
  for (const order of orders) {
    it(`runs at once (seen by ${order})`, () => {
      const model = three();
      tighten(model, [{ maxConcurrentRuns: 2 }], order);
      assert.deepEqual(phases(model), [RUNS('a'), RUNS('b'), 'c Aborted TooManyRuns']);
      const message = 'Policy x: maxConcurrentRuns allows 2, and a, b are under way';
      assert.equal(model.journal.experiments.get('c')?.message, `run c-1: ${message}`);
    });

    it(`targets (seen by ${order}), and what fits in the place of one that ends goes on`, () => {
      const model = site(
        { a: SELECT('web-0', 'web-1'), b: SELECT('web-2', 'web-3'), c: SELECT('web-4') },
        containers(5, 'web', shop),
      );
      tighten(model, [{ maxTargets: 3 }], order);
      assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyTargets', RUNS('c')]);
    });

    it(`of a service (seen by ${order})`, () => {
      const model = three();
      tighten(model, [{ minHealthy: 2 }], order);
      assert.deepEqual(phases(model), [RUNS('a'), RUNS('b'), 'c Aborted TooManyDown']);
    });

    it(`with a budget (seen by ${order})`, () => {
      const model = three();
      // 6s are spent by all of them, a and b go on for 57s and 58s
      tighten(model, [{ budget: [{ faultTime: '2m1s', window: '1h' }] }], order);
      assert.deepEqual(phases(model), [RUNS('a'), RUNS('b'), 'c Aborted BudgetSpent']);
    });
  }

  it('and not in favour of one that is ending anyhow', () => {
    const model = site({ a: SELECT('web-0'), b: SELECT('web-1') });
    model.delete('a');
    model.pass('a');
    assert.deepEqual(phases(model), ['a Recovering Deleted', RUNS('b')]);
    tighten(model, [{ maxConcurrentRuns: 1, maxTargets: 1 }], ['b']);
    assert.deepEqual(phases(model), ['a Recovering Deleted', RUNS('b')]);
  });

  it('and not for the moment that the recovery of another takes', () => {
    const model = site({ a: SELECT('web-0'), b: SELECT('web-1') });
    // 3s are spent, a goes on for 58s
    model.policies = [policy({ budget: [{ faultTime: '61s', window: '1h' }] })];
    model.pass('b');
    model.clock.advance(200);
    for (const name of ['b', 'a']) model.settle(name);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted BudgetSpent']);
  });

  it('where they began at once, by their names', () => {
    const model = new Model(...containers(4, 'web', shop));
    for (const [name, target] of Object.entries({ b: 'web-1', a: 'web-0' })) {
      model.declare(declared(SELECT(target), { name }));
      model.settle(name);
    }
    tighten(model, [{ maxConcurrentRuns: 1 }], ['b', 'a']);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyRuns']);
  });
});

describe('the health of a service', () => {
  const LIMIT: PolicySpec[] = [{ minHealthy: 2 }];

  it('that gets too low by itself ends what is in it, the later first', () => {
    const model = site({ a: SELECT('web-0'), b: SELECT('web-1') });
    tighten(model, LIMIT, ['a', 'b']);
    assert.deepEqual(phases(model), [RUNS('a'), RUNS('b')]);
    model.stop('web-3');
    tighten(model, LIMIT, ['a', 'b']);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyDown']);
    model.stop('web-2');
    tighten(model, LIMIT, ['a', 'b']);
    assert.deepEqual(phases(model), ['a Aborted TooManyDown', 'b Aborted TooManyDown']);
  });

  it('is no reason to end what is in another', () => {
    const redis = container('redis', { project: 'shop', service: 'redis' });
    const model = site({ a: SELECT('redis') }, [...containers(3, 'web', shop), redis]);
    for (const name of ['web-0', 'web-1', 'web-2']) model.stop(name);
    tighten(model, [{ maxPercent: 100 }, { minHealthy: 0 }], ['a']);
    assert.deepEqual(phases(model), [RUNS('a')]);
  });

  it('counts a target once, though its fault has it down', () => {
    const model = site({ a: SELECT('web-0') });
    model.put({ ...model.container('web-0'), state: 'paused' });
    tighten(model, [{ minHealthy: 3 }], ['a']);
    assert.deepEqual(phases(model), [RUNS('a')]);
  });

  it('counts what a later run has down as that run’s', () => {
    const model = site({ a: SELECT('web-0'), b: SELECT('web-1') });
    for (const name of ['web-0', 'web-1']) model.put({ ...model.container(name), state: 'paused' });
    tighten(model, [{ minHealthy: 3 }], ['a', 'b']);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyDown']);
  });

  it('counts a held run, whose fault may be back any time', () => {
    const model = site({ a: SELECT('web-0', 'web-1') });
    model.hold('halted', 'a');
    model.settle('a');
    model.policies = [policy({ minHealthy: 2 })];
    model.declare(declared(SELECT('web-2'), { name: 'b' }));
    model.settle('b');
    assert.deepEqual(phases(model), ['a Halted Halted', 'b Denied TooManyDown']);
  });

  it('of containers without a service is that of the selection', () => {
    const model = site({ a: { targets: { select: { names: ['/^web/'] }, mode: 'one' } } }, containers(3));
    tighten(model, [{ minHealthy: 2 }], ['a']);
    assert.deepEqual(phases(model), [RUNS('a')]);
    for (const { name } of model.containers)
      if (!model.standing()[0]?.startsWith(name))
        model.put({ ...model.container(name), health: 'unhealthy' });
    tighten(model, [{ minHealthy: 2 }], ['a']);
    assert.deepEqual(phases(model), ['a Aborted TooManyDown']);
  });
});
