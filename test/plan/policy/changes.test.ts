import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import type { Container, ExperimentSpec } from '../../../src/core/types.ts';
import { container, containers, declared, policy } from '../build.ts';
import { Model, word } from '../model.ts';
import { phases, RUNS, SELECT, shop, site, three, tighten } from './site.ts';

describe('the health gate', () => {
  it('that fails ends what runs', () => {
    const model = three();
    model.gate = { holds: false, known: true, message: 'policy x: probe up fails: no answer' };
    tighten(model, []);
    assert.deepEqual(
      phases(model),
      ['a', 'b', 'c'].map((name) => `${name} Aborted HealthGate`),
    );
    assert.equal(model.journal.experiments.get('a')?.message, 'run a-1: policy x: probe up fails: no answer');
  });

  it('of which nothing is known yet starts nothing, and ends nothing; an edit is taken up', () => {
    const model = site({ a: SELECT('web-0') });
    model.gate = { holds: false, known: false, message: 'policy x: probe up has no result yet' };
    model.declare(declared(SELECT('web-1'), { name: 'b' }));
    model.declare(declared({ ...SELECT('web-0'), duration: '90s' }, { name: 'a' }));
    tighten(model, [], ['a', 'b']);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Denied HealthGate']);
    assert.equal(model.runs('a')[0]?.duration, 90_000);
  });
});

describe('a Policy that nobody can read', () => {
  const unknown = policy({}, { name: 'lost', unknown: true, stale: 'lost.yaml:1:1 SQ101 ...' });
  const taken = policy({}, { name: 'twice', conflict: 'a.yaml:1:1 and b.yaml:1:1 declare it differently' });
  for (const [reason, bad] of [
    ['PolicyUnknown', unknown],
    ['PolicyInvalid', taken],
  ] as const) {
    it(`(${reason}) ends nothing, starts nothing, and lets nobody join`, () => {
      const model = site({ a: { targets: { select: { names: ['/^web/'] }, mode: 'all' } } });
      model.policies = [bad];
      model.put(container('web-9', shop));
      model.declare(declared(SELECT('web-9'), { name: 'b' }));
      assert.deepEqual(model.settle('a'), []);
      assert.match(
        model.journal.experiments.get('a')?.message ?? '',
        /web-9 left alone: Policy (lost|twice) is /,
      );
      model.settle('b');
      assert.deepEqual(phases(model), [RUNS('a'), `b Denied ${reason}`]);
    });

    it(`(${reason}) does not keep the others from ending what runs`, () => {
      const model = three();
      model.policies = [bad, policy({ maxConcurrentRuns: 1 })];
      for (const name of ['a', 'b', 'c']) model.settle(name);
      assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyRuns', 'c Aborted TooManyRuns']);
    });
  }
});

describe('a join', () => {
  const all: Partial<ExperimentSpec> = { targets: { select: { names: ['/^web/'] }, mode: 'all' } };
  const joins = (spec: PolicySpec, late: Container) => {
    const model = site({ a: all }, containers(2, 'web', shop));
    model.policies = [policy(spec, { name: 'x' })];
    model.put(late);
    model.settle('a');
    return [model.runs('a')[0]?.targets.length, model.journal.experiments.get('a')?.message];
  };
  const late = container('web-9', shop);

  it('is permitted within the limits', () => {
    assert.deepEqual(joins({ maxTargets: 3 }, late), [3, 'container-pause on 3 containers']);
  });

  it('over a limit is left alone, and said', () => {
    const message = 'Policy x: 3 containers would be hit at once (web-0, web-1, web-9), maxTargets allows 2';
    assert.deepEqual(joins({ maxTargets: 2 }, late), [
      2,
      `container-pause on 2 containers; web-9 left alone: ${message}`,
    ]);
  });

  it('over the budget is left alone', () => {
    const [targets, message] = joins({ budget: [{ faultTime: '2m30s', window: '1h' }] }, late);
    assert.equal(targets, 2);
    assert.match(
      `${message}`,
      /web-9 left alone: Policy x: budget of 2m30s in 1h: nothing is used, 2m30s is left, the run takes 3m$/,
    );
  });

  it('of what is barred is told with the rest', () => {
    assert.deepEqual(joins({ protect: [{ names: ['web-9'] }] }, late), [
      2,
      'container-pause on 2 containers; 2 of 3 that match: web-9 is protected by Policy x',
    ]);
  });
});

describe('an edit', () => {
  it('that a Policy refuses ends the run, and is denied from then on', () => {
    const model = site({ a: SELECT('web-0') });
    model.policies = [policy({ maxDuration: '60s' }, { name: 'x' })];
    model.declare(declared({ ...SELECT('web-0'), duration: '2m' }, { name: 'a' }));
    assert.deepEqual(model.settle('a').map(word), ['end Aborted', 'recover web-0 denied', 'finish Aborted']);
    assert.deepEqual(phases(model), ['a Denied TooLong']);
    assert.deepEqual(model.standing(), []);
  });

  it('that comes with the Policy that asks for it is taken up, and nothing is interrupted', () => {
    const model = site({ a: SELECT('web-0', 'web-1') });
    model.policies = [policy({ maxTargets: 1, maxDuration: '30s' })];
    model.declare(declared({ ...SELECT('web-0'), duration: '30s' }, { name: 'a' }));
    assert.deepEqual(model.settle('a').map(word), ['edit', 'recover web-1 edited']);
    assert.deepEqual(phases(model), [RUNS('a')]);
  });

  it('that leaves the targets does not keep one that is protected now', () => {
    const spec: Partial<ExperimentSpec> = {
      targets: { select: { names: ['/^web/'] }, mode: { count: 2 }, seed: 1 },
    };
    const model = site({ a: spec });
    const [target] = model.runs('a')[0]?.targets ?? [];
    model.policies = [policy({ protect: [{ names: [target?.name ?? ''] }] })];
    model.declare(declared({ ...spec, duration: '30s' }, { name: 'a' }));
    assert.deepEqual(model.pass('a').actions.map(word).slice(0, 1), ['end Aborted']);
    model.settle('a');
    assert.ok(model.standing().every((one) => !one.startsWith(target?.name ?? '')));
  });

  it('of the run that began first is no new run', () => {
    const model = site({ a: SELECT('web-0'), b: SELECT('web-1') });
    model.policies = [policy({ maxConcurrentRuns: 1 })];
    model.declare(declared({ ...SELECT('web-0'), duration: '90s' }, { name: 'a' }));
    for (const name of ['a', 'b']) model.settle(name);
    assert.deepEqual(phases(model), [RUNS('a'), 'b Aborted TooManyRuns']);
  });

  it('that needs longer than the window is open is refused', () => {
    const model = new Model(...containers(1));
    model.policies = [policy({ windows: { allow: [{ to: '00:05' }] } })];
    model.declare(declared());
    model.settle();
    model.declare(declared({ duration: '6m' }));
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'OutsideWindow']);
  });
});

describe('what is denied', () => {
  it('is told once for each reason, however often its message changes', () => {
    const model = new Model(...containers(2));
    model.policies = [policy({ windows: { allow: [{ days: ['wed'] }] } })];
    model.declare(declared());
    for (let pass = 0; pass < 5; pass += 1) {
      model.settle();
      model.clock.advance(60_000);
    }
    model.policies = [policy({ windows: { allow: [{ to: '00:20' }] } })];
    model.declare(declared({ duration: '1h' }));
    for (let pass = 0; pass < 5; pass += 1) {
      model.settle();
      model.clock.advance(61_000);
    }
    model.policies = [policy({ maxTargets: 1 })];
    model.settle();
    const reasons = model.journal.events.list({ experiment: 'exp' }).map(({ reason }) => reason);
    assert.deepEqual(reasons, ['OutsideWindow', 'TooManyTargets']);
  });

  it('starts when the window opens, and the budget is free again', () => {
    const model = new Model(...containers(1));
    model.policies = [
      policy({ windows: { allow: [{ from: '10:00' }] }, budget: [{ faultTime: '2m', window: '1h' }] }),
    ];
    model.declare(declared());
    const wait = model.pass().wakeAfter ?? 0;
    assert.equal(wait, 10 * 3_600_000);
    model.clock.advance(wait);
    model.settle();
    assert.equal(model.phase(), 'Running');
    model.clock.advance(60_000);
    model.settle();
    model.declare(declared({ duration: '90s' }));
    const free = model.pass().wakeAfter ?? 0;
    assert.equal(model.reason(), 'BudgetSpent');
    model.clock.advance(free - 1000);
    model.settle();
    assert.equal(model.phase(), 'Denied');
    model.clock.advance(1000);
    model.settle();
    assert.equal(model.phase(), 'Running');
  });
});
