import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ScenarioSpec } from '../../src/core/kinds.ts';
import { requestRun, stateOf } from '../../src/scenario/state.ts';
import { EXPERIMENT, Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

describe('a hold', () => {
  const declareOne = (more: Partial<ScenarioSpec> = {}) =>
    stage.declare('one', { steps: [{ experiment: EXPERIMENT }], ...more });
  const HALTS: [string, () => Promise<void>, string, string][] = [
    ['a halt of the scenario', () => stage.hold('one', 'halted'), 'Halted', 'halted by a person'],
    [
      'its suspension by a person',
      () => stage.hold('one', 'suspended'),
      'Suspended',
      'suspended by a person',
    ],
    ['spec.suspend', () => declareOne({ suspend: true }), 'Suspended', 'spec.suspend is true'],
    [
      'a halt of everything',
      () => {
        stage.halted = true;
        return stage.wake('one');
      },
      'HaltedAll',
      'all chaos is halted',
    ],
  ];
  for (const [title, act, reason, message] of HALTS)
    it(`ends a run that is under way, as Halted: ${title}`, async () => {
      await declareOne();
      await stage.begin('one-1-1');
      await act();
      const what = `${message}; \`squall run scenario/one\` starts another run`;
      assert.deepEqual(stage.wanted(), []);
      assert.equal(stage.status('one'), `Recovering ${reason}: ${what}`);
      await stage.end('one-1-1', 'Halted', 'Deleted');
      assert.equal(stateOf(stage.object('one')).history[0]?.phase, 'Halted');
      stage.halted = false;
      await stage.hold('one', null);
      await declareOne();
      assert.equal(stage.status('one'), `Halted ${reason}: ${what}`, 'it does not go on');
      assert.equal(stage.run('one').number, 1);
    });

  it('keeps a new one from beginning, until it is lifted', async () => {
    stage.halted = true;
    await declareOne();
    assert.equal(
      stage.status('one'),
      'Halted HaltedAll: all chaos is halted: `squall resume --all` lifts it',
    );
    assert.deepEqual(stage.wanted(), []);
    stage.halted = false;
    await stage.wake('one');
    assert.equal(stage.object('one').phase, 'Running');
  });

  it('names the command that lifts it', async () => {
    await declareOne({ suspend: true });
    await stage.hold('one', 'halted');
    assert.equal(
      stage.status('one'),
      'Halted Halted: halted by a person: `squall resume scenario/one` lifts it',
    );
  });

  it('drops a run that was asked for', async () => {
    await declareOne({ suspend: true });
    stage.journal.objects.put({ ...requestRun(stage.object('one')), hold: 'halted' });
    await stage.wake('one');
    await stage.hold('one', null);
    assert.equal(stage.object('one').phase, 'Suspended');
  });

  it('by spec.suspend does not keep a template from running when it is asked to', async () => {
    await declareOne({ suspend: true });
    assert.equal(stage.status('one'), 'Suspended Suspended: spec.suspend is true');
    stage.journal.objects.put(requestRun(stage.object('one')));
    await stage.wake('one');
    await stage.play('one-1-1');
    assert.equal(stateOf(stage.object('one')).history[0]?.phase, 'Completed');
    assert.equal(stage.object('one').phase, 'Suspended');
  });
});

describe('a scenario that a schedule fired', () => {
  const SPEC: ScenarioSpec = { suspend: true, steps: [{ experiment: EXPERIMENT }] };

  it('runs once, though its spec is a template', async () => {
    await stage.fire('nightly', 'nightly-100', SPEC);
    assert.equal(stage.run('nightly-100').trigger, 'schedule/nightly');
    await stage.play('nightly-100-1-1');
    await stage.restart();
    assert.equal(stage.status('nightly-100'), 'Completed Completed: its step succeeded');
    assert.equal(stage.run('nightly-100').number, 1);
  });

  it('is held by what it is a copy of, and ends as Halted without having begun', async () => {
    await stage.declare('origin', SPEC);
    await stage.hold('origin', 'suspended');
    await stage.fire('nightly', 'nightly-100', SPEC, 'origin');
    assert.deepEqual(stage.wanted(), []);
    assert.match(
      stage.status('nightly-100'),
      /^Halted Suspended: Scenario\/origin is suspended by a person; /,
    );
    assert.equal(stage.run('nightly-100').ending?.phase, 'Halted');
    await stage.hold('origin', null);
    await stage.wake('nightly-100');
    assert.equal(stage.object('nightly-100').phase, 'Halted');
    assert.deepEqual(stage.wanted(), []);
  });

  it('ends when its schedule is halted', async () => {
    await stage.fire('nightly', 'nightly-100', SPEC);
    await stage.begin('nightly-100-1-1');
    await stage.hold('nightly', 'halted', 'Schedule');
    await stage.wake('nightly-100');
    assert.equal(stage.object('nightly-100').phase, 'Recovering');
    assert.match(stage.status('nightly-100'), /Schedule\/nightly is halted by a person/);
  });
});
