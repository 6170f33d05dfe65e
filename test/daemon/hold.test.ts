import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { holdResult, setHold } from '../../src/daemon/hold.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { scratch, standing } from '../journal/build.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { declared, record } from '../plan/build.ts';

const dir = scratch();
let files = 0;

/** Two experiments, a and b, and no hold. */
function setup() {
  files += 1;
  const journal = openJournal(IN_MEMORY);
  for (const name of ['a', 'b']) journal.experiments.put(record(declared({}, { name })));
  const halt = openHaltFile(join(dir, `halt-${files}`));
  const deps = { journal, halt, clock: new FakeClock(), log: createLog('silent') };
  const holds = () => journal.experiments.all().map(({ hold }) => hold);
  return { journal, halt, deps, holds };
}

describe('a hold', () => {
  it('of one experiment is remembered for that one', () => {
    const { deps, halt, holds } = setup();
    assert.deepEqual(setHold(deps, 'b', 'suspended'), ['b']);
    assert.deepEqual(holds(), [null, 'suspended']);
    assert.deepEqual(setHold(deps, 'a', 'halted'), ['a']);
    assert.deepEqual(holds(), ['halted', 'suspended']);
    assert.equal(halt.read(), false);
    setHold(deps, 'b', null);
    assert.deepEqual(holds(), ['halted', null]);
  });

  it('of all is the halt file, and concerns every experiment', () => {
    const { deps, halt, holds } = setup();
    assert.deepEqual(setHold(deps, 'all', 'halted'), ['a', 'b']);
    assert.equal(halt.read(), true);
    assert.deepEqual(holds(), [null, null]);
  });

  it('of all is set before the journal is asked for anything', () => {
    const { deps, halt, journal } = setup();
    const broken = {
      ...journal,
      experiments: { ...journal.experiments, all: () => assert.fail('disk I/O error') },
    };
    assert.throws(() => setHold({ ...deps, journal: broken }, 'all', 'halted'), /disk I\/O error/);
    assert.equal(halt.read(), true);
  });

  it('of all needs no write to the journal', () => {
    const { deps, halt, journal } = setup();
    const full = {
      ...journal,
      transaction: () => assert.fail('database or disk is full'),
      events: { ...journal.events, add: () => assert.fail('database or disk is full') },
    };
    assert.deepEqual(setHold({ ...deps, journal: full }, 'all', 'halted'), ['a', 'b']);
    assert.equal(halt.read(), true);
  });

  it('that is lifted for all is lifted for each', () => {
    const { deps, halt, holds } = setup();
    setHold(deps, 'a', 'halted');
    setHold(deps, 'all', 'halted');
    assert.deepEqual(setHold(deps, 'all', null), ['a', 'b']);
    assert.equal(halt.read(), false);
    assert.deepEqual(holds(), [null, null]);
  });

  it('of an unknown experiment holds nothing', () => {
    const { deps, halt } = setup();
    assert.deepEqual(setHold(deps, 'nobody', 'halted'), []);
    assert.equal(halt.read(), false);
  });

  it('is told as an event', () => {
    const { deps, journal } = setup();
    setHold(deps, 'all', 'halted');
    setHold(deps, 'a', 'suspended');
    setHold(deps, 'a', null);
    const told = journal.events
      .list()
      .map(({ experiment, reason, message }) => [experiment, reason, message]);
    assert.deepEqual(told, [
      [null, 'Halted', 'all experiments, by a person'],
      ['a', 'Suspended', 'by a person'],
      ['a', 'Resumed', 'by a person'],
    ]);
  });
});

describe('the result of a halt', () => {
  it('names what is still in the world of these experiments', () => {
    const { journal } = setup();
    standing(journal, { runId: 'a-1', experiment: 'a' });
    standing(journal, { runId: 'b-1', experiment: 'b' });
    assert.deepEqual(holdResult(journal, 'a', ['a'], 'halted'), {
      experiments: ['a'],
      left: [{ target: 'web-0', fault: 'container-pause', error: 'still injected' }],
    });
  });

  it('of all names what is left of a forgotten experiment too', () => {
    const { journal } = setup();
    standing(journal, { runId: 'gone-1', experiment: 'gone' });
    assert.equal(holdResult(journal, 'all', ['a', 'b'], 'halted').left.length, 1);
  });

  it('says why where it is known', () => {
    const { journal } = setup();
    const effect = standing(journal, { runId: 'a-1', experiment: 'a' });
    journal.effects.failed(effect, 'it hangs');
    assert.equal(holdResult(journal, 'a', ['a'], 'halted').left[0]?.error, 'it hangs');
  });

  it('has nothing to say of a resume', () => {
    const { journal } = setup();
    standing(journal, { runId: 'a-1', experiment: 'a' });
    assert.deepEqual(holdResult(journal, 'a', ['a'], null), { experiments: ['a'], left: [] });
  });
});
