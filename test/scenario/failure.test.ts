import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ScenarioSpec } from '../../src/core/kinds.ts';
import { EXPERIMENT, Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

const SIDE_BY_SIDE: ScenarioSpec = {
  steps: [{ parallel: [{ experiment: EXPERIMENT }, { experiment: EXPERIMENT }] }, { wait: '10s' }],
};

describe('a step fails', () => {
  /** Declares one step, gives its message. */
  const failure = () => stage.run('one').steps['steps[0]']?.message;
  const declareOne = () => stage.declare('one', { steps: [{ experiment: EXPERIMENT }] });

  it('where the experiment that it names is missing, and the near miss is told', async () => {
    stage.declareExperiment('redis-unreachable');
    await stage.declare('one', { steps: [{ experimentRef: { name: 'redis-unreachabel' } }] });
    assert.equal(failure(), 'there is no experiment redis-unreachabel, did you mean redis-unreachable?');
    assert.equal(
      stage.status('one'),
      'Failed StepFailed: experiment redis-unreachabel (steps[0]) failed: there is no experiment redis-unreachabel, did you mean redis-unreachable?',
    );
  });

  it('where the experiment that it names is wrong in its file, or held by a person', async () => {
    stage.declareExperiment('stale', {}, { stale: 'a.yaml:3:1 does not parse' });
    await stage.declare('one', { steps: [{ experimentRef: { name: 'stale' } }] });
    assert.equal(failure(), 'experiment stale is not right: a.yaml:3:1 does not parse');
    stage.declareExperiment('held');
    await declareOne();
    await stage.rest('one-2-1', 'Running');
    const record = stage.journal.experiments.get('one-2-1');
    assert.ok(record);
    stage.journal.experiments.put({ ...record, name: 'held', hold: 'suspended', owner: null });
    await stage.declare('one', { steps: [{ experimentRef: { name: 'held' } }, { wait: '1s' }] });
    await stage.play('one-2-1');
    assert.equal(failure(), 'experiment held is suspended by a person: `squall resume held` lifts it');
  });

  it('where the name of its experiment is taken', async () => {
    stage.declareExperiment('one-1-1');
    await declareOne();
    assert.equal(failure(), 'an experiment called one-1-1 is there already, which this step would start');
    assert.deepEqual(stage.wanted(), []);
  });

  it('where a file takes over the name of its experiment, and that one is wanted no more', async () => {
    await declareOne();
    await stage.begin('one-1-1');
    const record = stage.journal.experiments.get('one-1-1') ?? assert.fail();
    stage.declareExperiment('one-1-1');
    stage.journal.experiments.put({ ...record, owner: null });
    await stage.wake('one');
    assert.equal(failure(), 'experiment one-1-1 is Invalid: exp.yaml declares that name now');
    assert.deepEqual(stage.journal.spawned.all(), []);
    assert.equal(stage.object('one').phase, 'Failed');
  });

  it('where the experiment is denied, and that one never starts later', async () => {
    await declareOne();
    await stage.rest('one-1-1', 'Denied', 'NotOptedIn', 'web-0 has not opted in');
    assert.equal(failure(), 'experiment one-1-1 is Denied: web-0 has not opted in');
    assert.deepEqual(stage.wanted(), []);
    assert.equal(stage.object('one').phase, 'Failed');
  });

  it('where nothing has matched for 30 s', async () => {
    await declareOne();
    await stage.rest('one-1-1', 'Pending', 'NoMatch', 'no container matches');
    await stage.pass(29_990);
    assert.equal(stage.object('one').phase, 'Running');
    await stage.pass(10);
    assert.equal(failure(), 'experiment one-1-1 has not begun within 30s: no container matches');
    assert.deepEqual(stage.wanted(), []);
  });

  it('not where the experiment began in time, however long it takes', async () => {
    await declareOne();
    await stage.rest('one-1-1', 'Pending', 'NoMatch', 'no container matches');
    await stage.pass(29_000);
    await stage.begin('one-1-1');
    await stage.pass(3_600_000);
    await stage.end('one-1-1');
    assert.equal(stage.object('one').phase, 'Completed');
  });

  it('not at once where a health gate has no verdict yet', async () => {
    await declareOne();
    await stage.rest('one-1-1', 'Denied', 'HealthGate', 'policy default: probe web has no result yet');
    assert.equal(stage.object('one').phase, 'Running');
    await stage.play('one-1-1');
    assert.equal(stage.object('one').phase, 'Completed');
  });

  for (const phase of ['Aborted', 'Failed', 'Halted'] as const)
    it(`where the run of the experiment ends as ${phase}`, async () => {
      await declareOne();
      await stage.play('one-1-1', phase, 'SomeReason');
      assert.equal(failure(), `experiment one-1-1 is ${phase}: SomeReason`);
      assert.equal(stage.object('one').phase, 'Failed');
    });

  it('and then no other step begins; what runs is released, and the end waits until it is recovered', async () => {
    await stage.declare('par', SIDE_BY_SIDE);
    await stage.begin('par-1-2');
    await stage.begin('par-1-3');
    await stage.end('par-1-2', 'Aborted', 'Protected');
    assert.deepEqual(stage.wanted(), ['par-1-2']);
    const why = '(steps[0].parallel[0]) failed: experiment par-1-2 is Aborted: Protected';
    assert.equal(stage.status('par'), `Recovering StepFailed: container-pause ${why}`);
    assert.deepEqual(stage.steps('par'), {
      'steps[0]': 'Failed',
      'steps[0].parallel[0]': 'Failed',
      'steps[0].parallel[1]': 'Aborted',
      'steps[1]': 'Skipped',
    });
    await stage.end('par-1-3', 'Halted', 'Deleted');
    assert.equal(stage.status('par'), `Failed StepFailed: container-pause ${why}`);
    assert.equal(stage.run('par').failedStep, 'steps[0].parallel[0]');
    assert.deepEqual(stage.events().slice(-3), [
      'StepFailed: container-pause (steps[0].parallel[0]): experiment par-1-2 is Aborted: Protected',
      `Recovering: container-pause ${why}: recovering par-1-3`,
      `Failed: container-pause ${why}`,
    ]);
  });

  it('before a sibling that would begin with it does', async () => {
    const steps = [{ parallel: [{ experiment: EXPERIMENT }, { experimentRef: { name: 'nobody' } }] }];
    await stage.declare('par', { steps });
    assert.deepEqual(stage.wanted(), []);
    assert.deepEqual(stage.touched, []);
    assert.equal(stage.steps('par')['steps[0].parallel[0]'], 'Skipped');
    assert.equal(stage.object('par').phase, 'Failed');
    assert.ok(!stage.events().some((event) => event.startsWith('StepStarted')));
  });

  it('and what comes after it is skipped, though it could not begin either', async () => {
    const steps = [{ serial: [{ experimentRef: { name: 'nobody' } }, { experimentRef: { name: 'noone' } }] }];
    await stage.declare('two', { steps });
    assert.deepEqual(stage.steps('two'), {
      'steps[0]': 'Failed',
      'steps[0].serial[0]': 'Failed',
      'steps[0].serial[1]': 'Skipped',
    });
  });

  it('and that several are being recovered is told once', async () => {
    await stage.declare('par', { steps: [{ parallel: Array(3).fill({ experiment: EXPERIMENT }) }] });
    for (const name of ['par-1-2', 'par-1-3', 'par-1-4']) await stage.begin(name);
    await stage.end('par-1-2', 'Aborted', 'Protected');
    await stage.end('par-1-3', 'Halted', 'Deleted');
    assert.equal(stage.object('par').phase, 'Recovering');
    await stage.end('par-1-4', 'Halted', 'Deleted');
    assert.equal(stage.object('par').phase, 'Failed');
    assert.equal(stage.events().filter((event) => event.startsWith('Recovering')).length, 1);
  });

  it('and with onFailure: continue the first is the one that is named', async () => {
    const steps = [{ experimentRef: { name: 'nobody' } }, { experimentRef: { name: 'noone' } }];
    await stage.declare('two', { steps, onFailure: 'continue' });
    assert.equal(
      stage.status('two'),
      'Failed StepFailed: experiment nobody (steps[0]) failed: there is no experiment nobody, and 1 more',
    );
    assert.equal(stage.run('two').failedStep, 'steps[0]');
  });

  it('and with onFailure: continue the next goes on, and the end is Failed', async () => {
    await stage.declare('on', { ...SIDE_BY_SIDE, onFailure: 'continue' });
    await stage.play('on-1-2', 'Aborted', 'Protected');
    assert.equal(stage.steps('on')['steps[0].parallel[1]'], 'Running');
    await stage.play('on-1-3');
    assert.equal(stage.steps('on')['steps[0]'], 'Failed');
    assert.equal(stage.steps('on')['steps[1]'], 'Running');
    await stage.pass(10_000);
    assert.match(
      stage.status('on'),
      /^Failed StepFailed: container-pause \(steps\[0\]\.parallel\[0\]\) failed/,
    );
  });

  it('with onFailure: continue where its experiment is halted, once that is recovered', async () => {
    const steps = [{ experiment: EXPERIMENT }, { experiment: EXPERIMENT }];
    await stage.declare('on', { steps, onFailure: 'continue' });
    await stage.begin('on-1-1');
    await stage.rest('on-1-1', 'Halted', 'Halted', 'halted by a person');
    assert.deepEqual(stage.wanted(), []);
    assert.equal(stage.steps('on')['steps[1]'], 'Pending');
    await stage.end('on-1-1', 'Halted', 'Deleted');
    assert.equal(
      stage.run('on').steps['steps[0]']?.message,
      'experiment on-1-1 is Halted: halted by a person',
    );
    assert.deepEqual(stage.wanted(), ['on-1-2']);
  });
});
