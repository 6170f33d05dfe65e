import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { activeRun, requestRun, stateOf } from '../../src/scenario/state.ts';
import { container } from '../probes/support.ts';
import { EXPERIMENT, Stage } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

describe('the life of a scenario', () => {
  it('is one run for each generation', async () => {
    await stage.declare('life', { steps: [{ wait: '1s' }] });
    await stage.pass(1000);
    assert.equal(stage.object('life').phase, 'Completed');
    await stage.declare('life', { steps: [{ wait: '1s' }] }, { labels: { a: 'b' } });
    await stage.restart();
    assert.equal(stage.run('life').number, 1);
    await stage.declare('life', { steps: [{ wait: '2s' }] });
    assert.equal(stage.run('life').number, 2);
    assert.equal(stage.run('life').generation, 2);
  });

  it('has another run when it is asked for, which releases what was left of the one before', async () => {
    await stage.declare('life', { steps: [{ experiment: EXPERIMENT }] });
    await stage.play('life-1-1');
    assert.deepEqual(stage.wanted(), ['life-1-1']);
    assert.equal(activeRun(stage.object('life')), undefined);
    stage.journal.objects.put(requestRun(stage.object('life')));
    await stage.wake('life');
    assert.deepEqual(stage.wanted(), ['life-2-1']);
    assert.equal(stage.run('life').trigger, 'manual');
    assert.equal(stage.run('life').id, activeRun(stage.object('life'))?.id);
    await stage.play('life-2-1');
    await stage.restart();
    assert.equal(stage.run('life').number, 2);
  });

  it('takes no number twice, not even after it was deleted and added again', async () => {
    await stage.declare('life', { steps: [{ experiment: EXPERIMENT }] });
    await stage.begin('life-1-1');
    await stage.remove('life');
    assert.deepEqual(stage.wanted(), []);
    await stage.declare('life', { steps: [{ experiment: EXPERIMENT }] });
    assert.deepEqual(stage.wanted(), ['life-2-1']);
    assert.equal(stage.object('life').phase, 'Running');
  });

  it('remembers its last ten runs', async () => {
    await stage.declare('life', { steps: [{ experimentRef: { name: 'nobody' } }] });
    for (let count = 1; count <= 11; count += 1) {
      stage.journal.objects.put(requestRun(stage.object('life'), 'manual'));
      await stage.wake('life');
    }
    const { history } = stateOf(stage.object('life'));
    assert.deepEqual(
      history.map(({ id }) => id),
      [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((number) => `life-${number}`),
    );
    const { startedAt, endedAt, ...last } = history.at(-1) ?? assert.fail();
    assert.equal(endedAt, startedAt);
    assert.deepEqual(last, {
      id: 'life-12',
      trigger: 'manual',
      generation: 1,
      failedStep: 'steps[0]',
      phase: 'Failed',
      reason: 'StepFailed',
      message: 'experiment nobody (steps[0]) failed: there is no experiment nobody',
    });
  });

  it('ends what runs when its manifest is edited, and then begins anew', async () => {
    await stage.declare('edit', { steps: [{ experiment: EXPERIMENT }] });
    await stage.begin('edit-1-1');
    await stage.declare('edit', { steps: [{ wait: '1s' }, { experiment: EXPERIMENT }] });
    assert.equal(stage.status('edit'), 'Recovering Edited: the manifest was edited: it runs anew');
    assert.equal(stage.run('edit').number, 1);
    await stage.end('edit-1-1', 'Halted', 'Deleted');
    assert.equal(stage.run('edit').number, 2);
    assert.equal(stage.object('edit').phase, 'Running');
    assert.equal(stateOf(stage.object('edit')).history[0]?.phase, 'Aborted');
  });

  it('ends with its timeout, whatever is under way then', async () => {
    await stage.declare('slow', { timeout: '1m', steps: [{ experiment: EXPERIMENT }, { wait: '1s' }] });
    await stage.begin('slow-1-1');
    await stage.pass(59_990);
    assert.equal(stage.object('slow').phase, 'Running');
    await stage.pass(10);
    const message = 'not done within its timeout of 1m, at container-pause';
    assert.equal(stage.status('slow'), `Recovering TimedOut: ${message}`);
    await stage.end('slow-1-1', 'Halted', 'Deleted');
    assert.equal(stage.status('slow'), `Failed TimedOut: ${message}`);
  });

  it('ends soon after what it started is recovered, though nobody tells of it', async () => {
    await stage.declare('quiet', { steps: [{ experiment: EXPERIMENT }] });
    await stage.begin('quiet-1-1');
    await stage.hold('quiet', 'halted');
    stage.journal.experiments.remove('quiet-1-1');
    await stage.pass(2000);
    assert.equal(stage.object('quiet').phase, 'Halted');
  });

  it('is Completed where the last step ended in time, though that is seen after the timeout', async () => {
    await stage.declare('close', { timeout: '10s', steps: [{ wait: '10s' }] });
    await stage.stop();
    stage.clock.advance(20_000);
    await stage.restart();
    assert.equal(stage.object('close').phase, 'Completed');
  });

  it('is Failed where something could not be recovered', async () => {
    await stage.declare('left', { steps: [{ experiment: EXPERIMENT }] });
    await stage.begin('left-1-1');
    const web = container('web');
    const target = { id: web.id, name: web.name };
    const deadline = { wall: 0, boot: 0, bootId: 'b' };
    stage.journal.effects.intend({
      ...{
        runId: 'left-1-1-1',
        experiment: 'left-1-1',
        instance: '0badcafe',
        target,
        slot: 0,
        deadline,
        at: 0,
      },
      ...{ incarnation: web.startedAt, fault: { type: 'container-pause' }, resolved: null, undo: null },
    });
    await stage.end('left-1-1', 'Failed', 'NotRecovered');
    assert.equal(stage.object('left').reason, 'NotRecovered');
    assert.match(stage.status('left'), /not all is recovered: see `squall describe left-1-1`$/);
  });

  it('tells once why it does not run, and not again what an end has told', async () => {
    await stage.declare('quiet', { suspend: true, steps: [{ wait: '1s' }] });
    await stage.wake('quiet');
    assert.deepEqual(stage.events(), ['Suspended: spec.suspend is true']);
    await stage.declare('quiet', { steps: [{ wait: '1s' }] });
    await stage.hold('quiet', 'halted');
    await stage.wake('quiet');
    assert.deepEqual(stage.events().slice(1), [
      'Started: manifest run quiet-1',
      'StepStarted: wait 1s (steps[0])',
      'Halted: halted by a person; `squall run scenario/quiet` starts another run',
    ]);
  });

  it('goes by how a run of an experiment ended, whatever came over the experiment afterwards', async () => {
    await stage.declare('late', { steps: [{ experiment: EXPERIMENT }] });
    await stage.begin('late-1-1');
    const run = stage.journal.runs.get('late-1-1-1') ?? assert.fail();
    stage.journal.runs.put({ ...run, phase: 'Completed', endedAt: stage.clock.now() });
    await stage.rest('late-1-1', 'Halted');
    assert.equal(stage.object('late').phase, 'Completed');
  });

  it('is Invalid, and does not begin, with a manifest that is stale or declared twice', async () => {
    await stage.declare('bad', { steps: [{ wait: '1s' }] }, { conflict: 'a.yaml and b.yaml differ' });
    assert.equal(stage.status('bad'), 'Invalid NameTaken: a.yaml and b.yaml differ');
    await stage.declare('bad', { steps: [{ wait: '1s' }] }, { stale: 'a.yaml:1:1 does not parse' });
    assert.equal(stage.status('bad'), 'Invalid Stale: a.yaml:1:1 does not parse');
    assert.equal(stateOf(stage.object('bad')).run, null);
    await stage.declare('bad', { steps: [{ wait: '1s' }] });
    assert.equal(stage.object('bad').phase, 'Running');
    await stage.declare('bad', { steps: [{ wait: '9s' }] }, { stale: 'a.yaml:1:1 does not parse' });
    assert.equal(stage.object('bad').phase, 'Running', 'what runs goes on');
  });
});

describe("what can't be written", () => {
  it('is decided again: no step begins twice, and none is lost', async () => {
    let failures = 3;
    stage.beforeWrite = () => {
      if (failures-- > 0) throw new Error('disk full');
    };
    await stage.declare('full', { steps: [{ experiment: EXPERIMENT }, { wait: '1s' }] });
    assert.deepEqual(stage.wanted(), []);
    assert.deepEqual(stage.touched, []);
    await stage.pass(5000);
    assert.deepEqual(stage.touched, ['full-1-1']);
    assert.equal(stage.events().filter((event) => event.startsWith('Started')).length, 1);
  });
});
