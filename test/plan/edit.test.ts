import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BLOCK, containers, declared, LOSS, PAUSE } from './build.ts';
import { running, word } from './model.ts';

const ended = ['end Completed', 'recover web-1 deadline', 'recover web-0 deadline', 'finish Completed'];

describe('an edit of a running experiment', () => {
  it('of the duration alone touches no fault; the deadline is start and new duration', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '90s' }));
    assert.deepEqual(model.settle().map(word), ['edit']);
    const [run] = model.runs();
    assert.equal(run?.generation, 2);
    assert.equal(run?.deadline.boot, model.clock.boot() + 80_000);
    assert.equal(model.pass().wakeAfter, 80_000);
  });

  it('to a duration that has passed already ends it', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '5s' }));
    assert.deepEqual(model.settle().map(word).slice(0, 4), ['edit', ...ended.slice(0, 3)]);
    assert.deepEqual(model.standing(), []);
    assert.equal(model.phase(), 'Completed');
  });

  it('to a duration that has passed already is not run anew by the new generation', () => {
    const model = running();
    model.clock.advance(10_000);
    model.declare(declared({ duration: '5s' }));
    model.settle();
    assert.equal(model.runs().length, 1);
  });

  it('keeps faults that both versions want, takes out what is gone and puts in what is new', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    model.declare(declared({ faults: [LOSS, PAUSE] }));
    assert.deepEqual(model.settle().map(word), [
      'edit',
      'inject web-0 new',
      'inject web-1 new',
      'recover web-1 edited',
      'recover web-0 edited',
    ]);
  });

  it('keeps targets that both versions choose', () => {
    const targets = (mode: { count: number }) => ({ targets: { select: { names: ['/^web/'] }, mode } });
    const model = running(targets({ count: 3 }), containers(9));
    const three = model.standing();
    model.declare(declared(targets({ count: 5 })));
    model.settle();
    const five = model.standing();
    assert.ok(three.every((one) => five.includes(one)));
    model.declare(declared(targets({ count: 2 })));
    const recovered = model.settle().filter(({ kind }) => kind === 'recover');
    assert.equal(recovered.length, 3);
    assert.ok(model.standing().every((one) => five.includes(one)));
  });

  it('of the duration alone keeps every target of a share that was drawn', () => {
    const mode = { maxPercent: 100 };
    for (let round = 0; round < 10; round += 1) {
      const targets = { select: { names: [`/^web${round}/`] }, mode };
      const model = running({ targets }, containers(10, `web${round}`));
      const before = model.standing();
      model.declare(declared({ targets, duration: '90s' }));
      model.settle();
      assert.deepEqual(model.standing(), before, 'what both versions want is not touched');
    }
  });

  it('that is refused ends the run, and what is new starts when it is permitted', () => {
    const model = running();
    model.declare(declared({ blastRadius: { maxTargets: 1 } }));
    assert.deepEqual(model.settle().map(word), [
      'end Aborted',
      'recover web-1 denied',
      'recover web-0 denied',
      'finish Aborted',
    ]);
    assert.deepEqual([model.phase(), model.reason()], ['Denied', 'BlastRadius']);
    assert.equal(model.runs()[0]?.phase, 'Aborted');
    model.remove('web-0');
    assert.deepEqual(model.settle().map(word), ['start', 'inject web-1 new']);
  });

  it('that selects nobody ends the run', () => {
    const model = running();
    model.declare(declared({ targets: { select: { names: ['other'] }, mode: 'all' } }));
    model.settle();
    assert.deepEqual([model.phase(), model.reason()], ['Pending', 'NoMatch']);
    assert.deepEqual(model.standing(), []);
  });

  it('never gives a new fault the slot of one that was taken out', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    for (const faults of [[PAUSE, LOSS], [PAUSE], [PAUSE, BLOCK]]) {
      model.declare(declared({ faults }));
      model.settle();
    }
    assert.deepEqual(
      model.runs()[0]?.faults.map(({ slot }) => slot),
      [0, 3],
    );
  });
});
