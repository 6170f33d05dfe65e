import assert from 'node:assert/strict';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Effect } from '../../src/core/types.ts';
import { CLAIM_LEASE } from '../../src/journal/effects.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { BLOCK, BOOT, container, deadline, KILL, NOW } from '../plan/build.ts';
import { claim, intent, scratch, standing } from './build.ts';

const dir = scratch();
let journal: Journal;
beforeEach(() => {
  journal = openJournal(IN_MEMORY);
});

describe('an intent', () => {
  it('is the whole effect, not yet injected', () => {
    const effect = journal.effects.intend(intent());
    assert.deepEqual(effect, {
      id: effect.id,
      ...(({ at: _, ...rest }) => rest)(intent()),
      phase: 'intended',
      epoch: 1,
      intendedAt: NOW,
      injectedAt: null,
      recoveringAt: null,
      recoveringBoot: null,
      recoveredAt: null,
      strikes: 1,
      error: null,
    });
    assert.deepEqual(journal.effects.get(effect.id), effect);
    assert.deepEqual(journal.effects.live(), [effect]);
  });

  it('for the same slot of the same target is the same effect, one epoch and one strike on', () => {
    const first = standing(journal);
    const again = {
      incarnation: 'later',
      fault: BLOCK,
      resolved: [],
      undo: 'new',
      deadline: deadline(90_000),
      at: NOW + 9,
    };
    const second = journal.effects.intend(intent(again));
    assert.equal(second.id, first.id);
    const { epoch, strikes, phase, incarnation, fault, resolved, undo, deadline: ends, intendedAt } = second;
    assert.deepEqual([epoch, strikes, phase], [first.epoch + 1, 2, 'intended']);
    assert.deepEqual({ incarnation, fault, resolved, undo, deadline: ends, at: intendedAt }, again);
  });

  it('brings back what was recovered', () => {
    const effect = standing(journal);
    const claimed = journal.effects.claim(effect, claim('a')) as Effect;
    journal.effects.recovered(claimed, NOW + 9);
    const again = journal.effects.intend(intent());
    assert.deepEqual(
      [again.phase, again.recoveringAt, again.recoveredAt, again.error],
      ['intended', null, null, null],
    );
  });

  it('for another slot, target or run is another effect', () => {
    const ids = [
      intent(),
      intent({ slot: 1 }),
      intent({ target: { id: 'f'.repeat(64), name: 'other' } }),
      intent({ runId: 'exp-2' }),
    ].map((one) => journal.effects.intend(one).id);
    assert.equal(new Set(ids).size, 4);
    assert.deepEqual(
      journal.effects.ofRun('exp-1').map(({ id }) => id),
      ids.slice(0, 3),
    );
  });

  it('keeps any JSON as it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (resolved, undo) => {
        const kept = journal.effects.intend(intent({ resolved, undo } as Parameters<typeof intent>[0]));
        assert.deepEqual([kept.resolved, kept.undo], JSON.parse(JSON.stringify([resolved, undo])));
      }),
      { numRuns: 50 },
    );
  });
});

describe('a claim', () => {
  it('raises the epoch, and starts the time of recovery', () => {
    const effect = standing(journal);
    const claimed = journal.effects.claim(effect, claim('daemon:1'));
    assert.deepEqual(
      [claimed?.phase, claimed?.epoch, claimed?.recoveringAt],
      ['recovering', effect.epoch + 1, NOW + 5],
    );
  });

  it('is won by one of two', () => {
    const effect = standing(journal);
    assert.ok(journal.effects.claim(effect, claim('daemon:1')));
    assert.equal(journal.effects.claim(effect, claim('sentinel:2')), undefined);
  });

  it('is won by one of two processes', () => {
    const file = join(dir, 'two.db');
    const [one, two] = [openJournal(file), openJournal(file)];
    const effect = standing(one);
    const seen = two.effects.get(effect.id) as Effect;
    assert.deepEqual(seen, effect);
    const claims = [
      one.effects.claim(effect, claim('daemon:1')),
      two.effects.claim(seen, claim('sentinel:2')),
    ];
    assert.deepEqual(claims.map(Boolean), [true, false]);
    one.close();
    two.close();
  });

  it('is not taken over while its lease holds, and is after that', () => {
    const effect = standing(journal);
    const claimed = journal.effects.claim(effect, claim('daemon:1')) as Effect;
    const later = (boot: number) => claim('sentinel:2', { now: NOW + 99, boot: BOOT + 5 + boot });
    assert.equal(journal.effects.claim(claimed, later(CLAIM_LEASE)), undefined);
    const taken = journal.effects.claim(claimed, later(CLAIM_LEASE + 1));
    assert.equal(taken?.epoch, claimed.epoch + 1);
    assert.equal(taken?.recoveringAt, NOW + 5, 'the time of recovery counts from the first try');
    assert.equal(journal.effects.recovered(claimed, NOW), false, 'the first has lost it');
    assert.equal(journal.effects.recovered(taken as Effect, NOW), true);
  });

  it('is taken over after a reboot, when the boot clock starts anew', () => {
    const claimed = journal.effects.claim(standing(journal), claim('daemon:1')) as Effect;
    assert.ok(journal.effects.claim(claimed, claim('sentinel:2', { boot: 10 })));
  });

  it('has its whole time again after a reboot', () => {
    const claimed = journal.effects.claim(standing(journal), claim('daemon:1')) as Effect;
    const taken = journal.effects.claim(claimed, claim('sentinel:2', { boot: 10 })) as Effect;
    assert.equal(taken.recoveringBoot, 10);
    assert.equal(taken.recoveringAt, claimed.recoveringAt);
  });

  it('is renewed by its claimant at once', () => {
    const claimed = journal.effects.claim(standing(journal), claim('daemon:1')) as Effect;
    assert.ok(journal.effects.claim(claimed, claim('daemon:1')));
  });

  it('of a failed effect needs no lease to run out', () => {
    const claimed = journal.effects.claim(standing(journal), claim('daemon:1')) as Effect;
    assert.ok(journal.effects.failed(claimed, 'it hangs'));
    const failed = journal.effects.get(claimed.id) as Effect;
    assert.deepEqual([failed.phase, failed.error], ['failed', 'it hangs']);
    assert.ok(journal.effects.claim(failed, claim('sentinel:2')));
  });

  it('of an intent that may not have been carried out is given', () => {
    assert.ok(journal.effects.claim(journal.effects.intend(intent()), claim('a')));
  });

  it('made before the deadline moved does not hold', () => {
    const effect = standing(journal);
    journal.effects.touch(effect.runId);
    assert.equal(journal.effects.claim(effect, claim('sentinel:2')), undefined);
    assert.ok(journal.effects.claim(journal.effects.get(effect.id) as Effect, claim('sentinel:2')));
  });

  it('made before a new strike was intended does not hold', () => {
    const effect = standing(journal, { fault: KILL });
    journal.effects.intend(intent({ fault: KILL }));
    assert.equal(journal.effects.claim(effect, claim('sentinel:2')), undefined);
  });
});

describe('an injection', () => {
  it('stands when nobody claimed it meanwhile', () => {
    const effect = journal.effects.intend(intent());
    assert.equal(journal.effects.injected(effect, NOW + 7), true);
    const { phase, injectedAt } = journal.effects.get(effect.id) as Effect;
    assert.deepEqual([phase, injectedAt], ['injected', NOW + 7]);
  });

  it('does not stand when somebody did, and leaves the claim alone', () => {
    const effect = journal.effects.intend(intent());
    const claimed = journal.effects.claim(effect, claim('sentinel:2'));
    assert.equal(journal.effects.injected(effect, NOW + 7), false);
    assert.deepEqual(journal.effects.get(effect.id), claimed);
    assert.equal(
      journal.effects.injected(claimed as Effect, NOW + 7),
      false,
      'nor at the epoch of the claim',
    );
  });
});

describe('an injection for an older intent', () => {
  it('does not stand: a newer strike has its own', () => {
    const older = journal.effects.intend(intent());
    const newer = journal.effects.intend(intent({ fault: BLOCK }));
    assert.equal(journal.effects.injected(older, NOW + 7), false);
    assert.equal(journal.effects.injected(newer, NOW + 7), true);
  });
});

describe('recovered', () => {
  function recovered(): Effect {
    const claimed = journal.effects.claim(standing(journal), claim('a')) as Effect;
    assert.equal(journal.effects.recovered(claimed, NOW + 9), true);
    return claimed;
  }

  it('is not live any more, but known', () => {
    const { id, runId } = recovered();
    assert.deepEqual(journal.effects.live(), []);
    assert.equal(journal.effects.get(id)?.recoveredAt, NOW + 9);
    assert.equal(journal.effects.ofRun(runId).length, 1);
  });

  it('is final: no claim, no injection, no failure, no touch moves it', () => {
    const claimed = recovered();
    const before = journal.effects.get(claimed.id) as Effect;
    assert.equal(journal.effects.claim(before, claim('b', { boot: BOOT + 99_999 })), undefined);
    assert.equal(journal.effects.injected(before, NOW), false);
    assert.equal(journal.effects.failed(claimed, 'late'), false);
    assert.equal(journal.effects.recovered(claimed, NOW + 99), false);
    journal.effects.touch(claimed.runId);
    assert.deepEqual(journal.effects.get(claimed.id), before);
  });
});

it('reopen makes a recovery owed again, whatever came of it, and lets no claim on it hold', () => {
  const claimed = journal.effects.claim(standing(journal), claim('sentinel:2')) as Effect;
  const again = journal.effects.reopen(claimed.id);
  assert.deepEqual(
    [again?.phase, again?.epoch, again?.recoveringBoot],
    ['recovering', claimed.epoch + 1, null],
  );
  assert.equal(journal.effects.recovered(claimed, NOW), false);
  const mine = journal.effects.claim(again as Effect, claim('daemon:1')) as Effect;
  assert.ok(journal.effects.recovered(mine, NOW));
  assert.equal(journal.effects.reopen(claimed.id)?.phase, 'recovering');
  assert.equal(journal.effects.reopen(999), undefined);
});

it('touch raises the epochs of its own run, and leaves the deadline as the world has it', () => {
  const mine = standing(journal);
  const other = standing(journal, { runId: 'exp-2' });
  journal.effects.touch('exp-1');
  assert.deepEqual(journal.effects.get(mine.id), { ...mine, epoch: mine.epoch + 1 });
  assert.deepEqual(journal.effects.get(other.id), other);
});

it('an effect on a target with another name is found by its id', () => {
  const effect = standing(journal, { target: { id: container('x').id, name: 'renamed' } });
  assert.deepEqual(journal.effects.get(effect.id)?.target, { id: container('x').id, name: 'renamed' });
  assert.equal(journal.effects.get(effect.id + 1), undefined);
});
