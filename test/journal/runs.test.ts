import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { Effect, Run } from '../../src/core/types.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { container, declared, NOW, PAUSE, record, run } from '../plan/build.ts';
import { claim, standing } from './build.ts';

let journal: Journal;
beforeEach(() => {
  journal = openJournal(IN_MEMORY);
});

function put(number: number, change: Partial<Run> = {}): Run {
  const one = run([PAUSE], [container('web-0')], {
    id: `exp-${number}`,
    startedAt: NOW + number,
    phase: 'Completed',
    endedAt: NOW + number + 100,
    ...change,
  });
  journal.runs.put(one);
  return one;
}

const ids = (runs: readonly Run[]) => runs.map(({ id }) => id);

describe('runs', () => {
  it('are listed newest first, of one experiment, and so many', () => {
    for (const number of [1, 2, 3]) put(number);
    put(4, { id: 'other-1', experiment: 'other' });
    assert.deepEqual(ids(journal.runs.list()), ['other-1', 'exp-3', 'exp-2', 'exp-1']);
    assert.deepEqual(ids(journal.runs.list({ experiment: 'exp', limit: 2 })), ['exp-3', 'exp-2']);
  });

  it('that started in the same millisecond are listed by when they were written', () => {
    put(1, { startedAt: NOW });
    put(2, { startedAt: NOW });
    put(1, { startedAt: NOW, reason: 'written again' });
    assert.deepEqual(ids(journal.runs.list()), ['exp-2', 'exp-1']);
  });

  it('are replaced whole, but for how they began', () => {
    const before = put(1, { phase: 'Running', endedAt: null });
    const after: Run = {
      ...before,
      generation: 2,
      phase: 'Failed',
      reason: 'x',
      outcome: 'Failed',
      endedAt: NOW,
    };
    journal.runs.put({ ...after, trigger: 'manual', startedAt: 1 });
    assert.deepEqual(journal.runs.get('exp-1'), after);
  });

  it('are active until they have ended, also while they recover', () => {
    put(1);
    put(2, { phase: 'Running', endedAt: null });
    put(3, { phase: 'Recovering', endedAt: null });
    assert.deepEqual(ids(journal.runs.active()).sort(), ['exp-2', 'exp-3']);
  });
});

describe('the number of a run', () => {
  it('counts up for each experiment', () => {
    assert.equal(journal.runs.peekNumber('exp'), 1);
    journal.runs.takeNumber('exp');
    assert.equal(journal.runs.peekNumber('exp'), 2);
    assert.equal(journal.runs.peekNumber('exp'), 2, 'a look takes none');
    assert.equal(journal.runs.peekNumber('other'), 1);
  });

  it('counts beyond nine as numbers do', () => {
    for (let count = 0; count < 12; count += 1) journal.runs.takeNumber('exp');
    assert.equal(journal.runs.peekNumber('exp'), 13);
  });

  it('is not given again after the run, or the experiment, is forgotten', () => {
    journal.experiments.put(record(declared()));
    journal.runs.takeNumber('exp');
    put(1);
    journal.experiments.remove('exp');
    journal.runs.prune(0);
    assert.deepEqual(journal.runs.list(), []);
    assert.equal(journal.runs.peekNumber('exp'), 2);
  });

  it('is not taken by a transaction that failed', () => {
    const bad = () =>
      journal.transaction(() => {
        journal.runs.takeNumber('exp');
        throw new Error('no');
      });
    assert.throws(bad);
    assert.equal(journal.runs.peekNumber('exp'), 1);
  });

  it('of a name that was made for one time is forgotten with all else that has the name', () => {
    const numbers = () => journal.runs.peekNumber('nightly-1795478400') - 1;
    journal.runs.takeNumber('exp');
    journal.runs.takeNumber('nightly-1795478400');
    put(1, { id: 'nightly-1795478400-1', experiment: 'nightly-1795478400' });
    const event = {
      type: 'Normal',
      reason: 'x',
      run: null,
      target: null,
      message: '',
      object: null,
    } as const;
    journal.events.add({ ...event, time: NOW, experiment: 'nightly-1795478400' });
    journal.runs.retireNumber('nightly-1795478400');
    journal.runs.prune(1);
    assert.equal(numbers(), 1, 'a run has the name');
    journal.runs.prune(0);
    assert.equal(numbers(), 1, 'an event has it');
    journal.events.prune(0);
    journal.runs.prune(0);
    assert.equal(numbers(), 0);
    assert.equal(journal.runs.peekNumber('exp'), 2, 'what a person wrote may come again');
  });

  it('of a scenario that was made for one time stays while runs of its steps are remembered', () => {
    journal.runs.takeNumber('Scenario/day-1795478400');
    journal.runs.retireNumber('Scenario/day-1795478400');
    put(1, {
      id: 'day-1795478400-1-1-1',
      experiment: 'day-1795478400-1-1',
      trigger: 'scenario/day-1795478400',
    });
    journal.runs.prune(1);
    assert.equal(journal.runs.peekNumber('Scenario/day-1795478400'), 2);
    journal.runs.prune(0);
    assert.equal(journal.runs.peekNumber('Scenario/day-1795478400'), 1);
  });

  it('goes on where a name that was retired comes again', () => {
    for (const _ of [1, 2]) journal.runs.takeNumber('exp');
    journal.runs.retireNumber('exp');
    assert.equal(journal.runs.peekNumber('exp'), 3);
    journal.runs.takeNumber('exp');
    journal.runs.prune(0);
    assert.equal(journal.runs.peekNumber('exp'), 4);
  });

  it('of an experiment is no setting of the journal', () => {
    const { instance } = journal;
    journal.runs.takeNumber('instance');
    assert.equal(journal.instance, instance);
    assert.equal(journal.runs.peekNumber('instance'), 2);
  });
});

describe('forgetting', () => {
  it('takes the oldest runs, with their effects, and keeps the newest', () => {
    for (const number of [1, 2, 3]) put(number);
    recoveredEffect('exp-1');
    const kept = recoveredEffect('exp-3');
    journal.runs.prune(2);
    assert.deepEqual(ids(journal.runs.list()), ['exp-3', 'exp-2']);
    assert.deepEqual(journal.effects.ofRun('exp-1'), []);
    assert.deepEqual(
      journal.effects.ofRun('exp-3').map(({ id }) => id),
      [kept.id],
    );
  });

  it('keeps what a budget still counts', () => {
    for (const number of [1, 2, 3]) put(number);
    journal.runs.prune(1, NOW + 101);
    assert.deepEqual(ids(journal.runs.list()), ['exp-3', 'exp-2']);
  });

  it('never takes a run that goes on, is shown by its experiment, or left something in the world', () => {
    put(1, { phase: 'Running', endedAt: null });
    put(2);
    journal.experiments.put(record(declared(), { runId: 'exp-2' }));
    put(3);
    const claimed = journal.effects.claim(standing(journal, { runId: 'exp-3' }), claim('a')) as Effect;
    journal.effects.failed(claimed, 'it hangs');
    put(4);
    journal.runs.prune(0);
    assert.deepEqual(ids(journal.runs.list()), ['exp-3', 'exp-2', 'exp-1']);
    assert.equal(journal.effects.live().length, 1);
  });
});

function recoveredEffect(runId: string): Effect {
  const claimed = journal.effects.claim(standing(journal, { runId }), claim('a')) as Effect;
  journal.effects.recovered(claimed, NOW);
  return claimed;
}
