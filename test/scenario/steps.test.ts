import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ScenarioSpec } from '../../src/core/kinds.ts';
import { container } from '../probes/support.ts';
import { EXPERIMENT, Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

/** `a` then `b`. */
const TWO: ScenarioSpec = { steps: [{ experimentRef: { name: 'a' } }, { experimentRef: { name: 'b' } }] };
const SIDE_BY_SIDE: ScenarioSpec = {
  steps: [{ parallel: [{ experiment: EXPERIMENT }, { experiment: EXPERIMENT }] }, { wait: '10s' }],
};
const PROBE = { type: 'container', container: 'web', interval: '1s' };

function declareBoth(): void {
  stage.declareExperiment('a', { suspend: true });
  stage.declareExperiment('b');
}

describe('the steps of a scenario', () => {
  it('begin one after the other, each when the one before has ended', async () => {
    declareBoth();
    await stage.declare('night', TWO);
    assert.deepEqual(stage.wanted(), ['night-1-1']);
    assert.equal(stage.status('night'), 'Running Started: run night-1: 0 of 2 steps ended; now experiment a');
    await stage.play('night-1-1');
    assert.deepEqual(stage.wanted(), ['night-1-1', 'night-1-2']);
    await stage.play('night-1-2');
    assert.equal(stage.status('night'), 'Completed Completed: all 2 steps succeeded');
    assert.deepEqual(stage.steps('night'), { 'steps[0]': 'Succeeded', 'steps[1]': 'Succeeded' });
    assert.deepEqual(stage.events(), [
      'Started: manifest run night-1',
      'StepStarted: experiment a (steps[0]): experiment night-1-1',
      'StepSucceeded: experiment a (steps[0])',
      'StepStarted: experiment b (steps[1]): experiment night-1-2',
      'StepSucceeded: experiment b (steps[1])',
      'Completed: all 2 steps succeeded',
    ]);
  });

  it('are passed on to the queue of experiments', async () => {
    declareBoth();
    await stage.declare('night', TWO);
    assert.deepEqual(stage.touched, ['night-1-1']);
  });

  it('of a parallel run side by side, and the next begins when all have ended', async () => {
    await stage.declare('par', SIDE_BY_SIDE);
    assert.deepEqual(stage.wanted(), ['par-1-2', 'par-1-3']);
    await stage.play('par-1-3');
    assert.equal(stage.steps('par')['steps[1]'], 'Pending');
    await stage.play('par-1-2');
    assert.deepEqual(stage.steps('par'), {
      'steps[0]': 'Succeeded',
      'steps[0].parallel[0]': 'Succeeded',
      'steps[0].parallel[1]': 'Succeeded',
      'steps[1]': 'Running',
    });
  });

  it('of a serial within a parallel keep their own order', async () => {
    const steps = [
      { parallel: [{ serial: [{ experiment: EXPERIMENT }, { wait: '5s' }] }, { experiment: EXPERIMENT }] },
    ];
    await stage.declare('deep', { steps });
    assert.deepEqual(stage.wanted(), ['deep-1-3', 'deep-1-5']);
    assert.equal(stage.steps('deep')['steps[0].parallel[0].serial[1]'], 'Pending');
    await stage.play('deep-1-3');
    assert.equal(stage.steps('deep')['steps[0].parallel[0].serial[1]'], 'Running');
    await stage.play('deep-1-5');
    assert.equal(stage.object('deep').phase, 'Running');
    await stage.pass(5000);
    assert.equal(stage.object('deep').phase, 'Completed');
  });

  it('that wait are over at their moment, whatever the wall clock does, and after a restart', async () => {
    await stage.declare('waits', { steps: [{ wait: '10s' }, { wait: '10s' }] });
    stage.clock.step(3_600_000);
    await stage.wake('waits');
    await stage.pass(9990);
    assert.equal(stage.steps('waits')['steps[0]'], 'Running');
    await stage.pass(10);
    assert.equal(stage.steps('waits')['steps[0]'], 'Succeeded');
    await stage.stop();
    stage.clock.advance(4000);
    await stage.restart();
    await stage.pass(5990);
    assert.equal(stage.object('waits').phase, 'Running');
    await stage.pass(10);
    assert.equal(stage.object('waits').phase, 'Completed');
  });

  it('copy the experiment that they refer to, unsuspended and with their own duration', async () => {
    stage.declareExperiment('a', { suspend: true }, { labels: { suite: 'x' } });
    await stage.declare('copy', { steps: [{ experimentRef: { name: 'a', duration: '7s' } }] });
    const row = stage.journal.spawned.get('Experiment', 'copy-1-1');
    assert.deepEqual(row?.spec, { ...EXPERIMENT, duration: '7s' });
    assert.equal(row?.copyOf, 'a');
    assert.deepEqual(row?.labels, { suite: 'x' });
    assert.deepEqual(row?.source, { file: 'exp.yaml', line: 1, column: 1 });
    const { uid } = stage.object('copy');
    assert.deepEqual(row?.owner, { kind: 'Scenario', name: 'copy', uid });
  });

  it('have experiments whose long names are cut, and stay different', async () => {
    const [one, other] = [`${'x'.repeat(61)}-1`, `${'x'.repeat(61)}-2`];
    for (const name of [one, other]) await stage.declare(name, { steps: [{ experiment: EXPERIMENT }] });
    const names = stage.wanted();
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.match(name, /^x{50}-[0-9a-f]{8}-1-1$/);
  });
});

describe('a probe as a step', () => {
  const declareProbe = (more: object = {}) =>
    stage.declare('probe', { steps: [{ probe: { ...PROBE, ...more } }] });

  it('succeeds when it holds', async () => {
    stage.containers = [container('web')];
    await declareProbe();
    assert.equal(stage.status('probe'), 'Completed Completed: its step succeeded');
  });

  it('fails with as many failures in a row as its threshold says', async () => {
    await declareProbe({ failureThreshold: 3 });
    await stage.pass(1999);
    assert.equal(stage.object('probe').phase, 'Running');
    await stage.pass(1);
    assert.equal(
      stage.status('probe'),
      'Failed StepFailed: probe container (steps[0]) failed: there is no container web',
    );
  });

  it('may take until `within` to hold', async () => {
    await declareProbe({ within: '30s' });
    await stage.pass(20_500);
    assert.equal(stage.object('probe').phase, 'Running');
    stage.containers = [container('web')];
    await stage.pass(1000);
    assert.equal(stage.object('probe').phase, 'Completed');
  });

  it('fails when `within` is over, which counts from its start before a restart', async () => {
    await declareProbe({ within: '30s' });
    await stage.pass(20_000);
    await stage.restart();
    await stage.pass(9990);
    assert.equal(stage.object('probe').phase, 'Running');
    await stage.pass(10);
    assert.match(stage.status('probe'), /failed: it did not hold in time: there is no container web$/);
  });

  it('is tried again after a restart, though nothing has changed', async () => {
    await declareProbe({ within: '1h' });
    await stage.restart();
    stage.containers = [container('web')];
    await stage.pass(1000);
    assert.equal(stage.object('probe').phase, 'Completed');
  });

  it('is tried no more when it is over, while another goes on', async () => {
    stage.containers = [container('web')];
    const late = { ...PROBE, container: 'late', within: '1h' };
    const steps = [{ parallel: [{ probe: { ...PROBE, within: '1h' } }, { probe: late }] }];
    await stage.declare('pair', { steps });
    const { within: _, ...tried } = late;
    await stage.pass(2000);
    assert.deepEqual(stage.samples, [PROBE, tried, tried, tried]);
  });

  it('is tried no more when it is over, when the scenario is gone, and when the daemon stops', async () => {
    await declareProbe({ within: '5s' });
    assert.ok(stage.clock.pending > 0);
    await stage.pass(5000);
    assert.equal(stage.clock.pending, 0);
    await stage.declare('gone', { steps: [{ probe: { ...PROBE, within: '1h' } }] });
    assert.ok(stage.clock.pending > 0);
    await stage.remove('gone');
    await stage.pass(3_600_000); // the queue's own timer
    assert.equal(stage.clock.pending, 0);
    await stage.declare('stops', { steps: [{ probe: { ...PROBE, within: '1h' } }] });
    await stage.stop();
    assert.equal(stage.clock.pending, 0);
  });
});
