import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScheduleSpec } from '../../src/core/kinds.ts';
import {
  type DecideInput,
  type Decision,
  decideSchedule,
  latestStart,
  newState,
  type OwnedRun,
  type ScheduleAction,
  skipTo,
  slotName,
  startOf,
} from '../../src/schedule/decide.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const DAY = 24 * H;
/** The slot of these tests, and the night before it. */
const SLOT = Date.UTC(2026, 10, 24, 2, 30);
const NIGHTLY: ScheduleSpec = { cron: '30 2 * * *', experimentRef: { name: 'redis-unreachable' } };

function input(now: number, more: Partial<DecideInput> = {}, spec: Partial<ScheduleSpec> = {}): DecideInput {
  return {
    spec: { ...NIGHTLY, ...spec },
    uid: 'u1',
    name: 'nightly',
    state: { doneUntil: SLOT - DAY, lastSlot: SLOT - DAY },
    owned: [],
    held: false,
    now,
    ...more,
  };
}

function decide(now: number, more: Partial<DecideInput> = {}, spec: Partial<ScheduleSpec> = {}): Decision {
  return decideSchedule(input(now, more, spec));
}

function run(slot: number, more: Partial<OwnedRun> = {}): OwnedRun {
  return { name: slotName('nightly', slot), slot, active: false, endedAt: slot + M, ...more };
}

const active = (slot: number): OwnedRun => run(slot, { active: true, endedAt: null });
const fire = (slot: number): ScheduleAction => ({ kind: 'fire', slot, name: slotName('nightly', slot) });

/** The misses without their words. */
const misses = ({ actions }: Decision) =>
  actions.flatMap((action) =>
    action.kind === 'miss' ? [{ slot: action.slot, count: action.count, reason: action.reason }] : [],
  );
const message = ({ actions }: Decision) =>
  actions.flatMap((action) => (action.kind === 'miss' ? [action.message] : [])).join();

describe('names and starts', () => {
  it('name a run by its slot in seconds', () => {
    assert.equal(slotName('nightly', SLOT), 'nightly-1795487400');
    assert.equal(slotName('nightly', SLOT + 999), 'nightly-1795487400');
  });

  it('delay by uid and slot, from nothing to just under the jitter', () => {
    const delays = Array.from(
      { length: 500 },
      (_, day) => startOf('u1', SLOT + day * DAY, 10 * M) - SLOT - day * DAY,
    );
    assert.ok(delays.every((delay) => delay >= 0 && delay < 10 * M && Number.isInteger(delay)));
    assert.ok(Math.min(...delays) < M && Math.max(...delays) > 9 * M);
    assert.equal(startOf('u1', SLOT, 10 * M), startOf('u1', SLOT, 10 * M));
    assert.notEqual(startOf('u1', SLOT, 10 * M), startOf('u2', SLOT, 10 * M));
    assert.equal(startOf('u1', SLOT, 0), SLOT);
  });

  it('begin with a state that owes nothing', () => {
    const decision = decide(SLOT, { state: newState(SLOT) });
    assert.deepEqual(decision.actions, []);
    assert.equal(decision.next, SLOT + DAY);
  });
});

describe('a slot', () => {
  it('is waited for, a day at most', () => {
    const decision = decide(SLOT - H);
    assert.deepEqual(decision, {
      actions: [],
      state: { doneUntil: SLOT - DAY, lastSlot: SLOT - DAY },
      next: SLOT,
      wakeAfter: H,
    });
    assert.equal(decide(SLOT - H, {}, { cron: '30 2 1 1 *' }).wakeAfter, DAY);
  });

  it('fires when it is due, and is done with', () => {
    const decision = decide(SLOT);
    assert.deepEqual(decision, {
      actions: [fire(SLOT)],
      state: { doneUntil: SLOT, lastSlot: SLOT },
      next: SLOT + DAY,
      wakeAfter: DAY,
    });
    assert.deepEqual(decide(SLOT, { state: decision.state }).actions, []);
  });

  it('fires late within startingDeadline, its last moment included', () => {
    assert.deepEqual(decide(SLOT + M).actions, [fire(SLOT)]);
    const late = decide(SLOT + M + 1);
    assert.deepEqual(misses(late), [{ slot: SLOT, count: 1, reason: 'TooLate' }]);
    assert.equal(late.actions.length, 1);
    assert.deepEqual(late.state, { doneUntil: SLOT, lastSlot: SLOT - DAY });
    assert.equal(
      message(decide(SLOT + 12 * M)),
      '2026-11-24T02:30:00Z: not started, 12m late and startingDeadline is 1m',
    );
    assert.deepEqual(decide(SLOT + 2 * H, {}, { startingDeadline: '3h' }).actions, [fire(SLOT)]);
  });

  it('fires once where the state was lost but its run is there', () => {
    for (const there of [active(SLOT), run(SLOT)]) {
      const decision = decide(SLOT + 10 * S, { owned: [there] });
      assert.deepEqual(decision.actions, []);
      assert.deepEqual(decision.state, { doneUntil: SLOT, lastSlot: SLOT });
    }
  });

  it('comes never where no date fits, and nothing is waited for', () => {
    const decision = decide(SLOT, {}, { cron: '0 0 30 2 *' });
    assert.deepEqual([decision.actions, decision.next, decision.wakeAfter], [[], undefined, undefined]);
  });

  it('is due later by its jitter, and late from there on', () => {
    const at = startOf('u1', SLOT, 30 * M);
    assert.ok(at > SLOT + 2 * M);
    const before = decide(at - 1, {}, { jitter: '30m' });
    assert.deepEqual([before.actions, before.next, before.wakeAfter], [[], SLOT, 1]);
    assert.deepEqual(decide(at, {}, { jitter: '30m' }).actions, [fire(SLOT)]);
    assert.deepEqual(decide(at + M, {}, { jitter: '30m' }).actions, [fire(SLOT)]);
    assert.equal(misses(decide(at + M + 1, {}, { jitter: '30m' }))[0]?.reason, 'TooLate');
  });
});

describe('missed slots', () => {
  it('start once: the latest, if it is not late itself', () => {
    const decision = decide(SLOT + 10 * S, { state: { doneUntil: SLOT - 4 * DAY, lastSlot: null } });
    assert.deepEqual(misses(decision), [{ slot: SLOT - DAY, count: 3, reason: 'TooLate' }]);
    assert.deepEqual(decision.actions.slice(1), [fire(SLOT)]);
    assert.deepEqual(decision.state, { doneUntil: SLOT, lastSlot: SLOT });
    assert.equal(
      message(decision),
      '3 times up to 2026-11-23T02:30:00Z: not started, a later time is due too and only the latest may start',
    );
  });

  it('are one warning with the latest, where that is late as well', () => {
    const decision = decide(SLOT + H, { state: { doneUntil: SLOT - 4 * DAY, lastSlot: null } });
    assert.deepEqual(misses(decision), [{ slot: SLOT, count: 4, reason: 'TooLate' }]);
    assert.equal(decision.actions.length, 1);
    assert.deepEqual(decision.state, { doneUntil: SLOT, lastSlot: null });
  });

  it('are said to be too many from the hundred and first on', () => {
    for (const [nights, reason] of [
      [100, 'TooLate'],
      [101, 'TooManyMissed'],
    ] as const) {
      const state = { doneUntil: SLOT - (nights + 1) * DAY, lastSlot: null };
      assert.deepEqual(misses(decide(SLOT, { state })), [{ slot: SLOT - DAY, count: nights, reason }]);
      assert.deepEqual(decide(SLOT, { state }).actions[1], fire(SLOT));
    }
    const late = decide(SLOT + H, { state: { doneUntil: SLOT - 500 * DAY, lastSlot: null } });
    assert.deepEqual(misses(late), [{ slot: SLOT, count: 500, reason: 'TooManyMissed' }]);
    assert.equal(
      message(late),
      '500 times up to 2026-11-24T02:30:00Z were missed (was the clock set?); only the latest may start',
    );
  });

  it('of ten years of seconds cost no time, and are counted to ten thousand', () => {
    const started = performance.now();
    const state = { doneUntil: SLOT - 3650 * DAY, lastSlot: null };
    const decision = decide(SLOT + 500, { state }, { cron: '* * * * * *', timeZone: 'Europe/Zurich' });
    assert.ok(performance.now() - started < 500);
    assert.deepEqual(misses(decision), [{ slot: SLOT - S, count: 10_000, reason: 'TooManyMissed' }]);
    assert.deepEqual(decision.actions[1], fire(SLOT));
    assert.match(message(decision), /^at least 10000 times up to 2026-11-24T02:29:59Z were missed/);
  });
});

describe('a run that is still active', () => {
  const owned = [active(SLOT - DAY)];

  it('holds the next one back under Forbid, which is the default, until the deadline', () => {
    const decision = decide(SLOT, { owned });
    assert.deepEqual(decision, {
      actions: [],
      state: { doneUntil: SLOT - DAY, lastSlot: SLOT - DAY },
      next: SLOT,
      wakeAfter: M + 1,
    });
    assert.deepEqual(decide(SLOT + 40 * S, { owned: [run(SLOT - DAY)] }).actions, [fire(SLOT)]);
    const late = decide(SLOT + M + 1, { owned });
    assert.deepEqual(misses(late), [{ slot: SLOT, count: 1, reason: 'StillRunning' }]);
    assert.deepEqual(late.state, { doneUntil: SLOT, lastSlot: SLOT - DAY });
    assert.equal(
      message(late),
      '2026-11-24T02:30:00Z: not started, nightly-1795401000 is not over (concurrencyPolicy Forbid)',
    );
  });

  it('lets a waiting slot be overtaken by the next', () => {
    const spec = { cron: '*/10 * * * *', startingDeadline: '15m' };
    const state = { doneUntil: SLOT - 10 * M, lastSlot: SLOT - 10 * M };
    const running = [active(SLOT - 10 * M)];
    const first = decide(SLOT, { state, owned: running }, spec);
    assert.deepEqual([first.actions, first.wakeAfter], [[], 10 * M]);
    const second = decide(SLOT + 10 * M, { state, owned: running }, spec);
    assert.deepEqual(misses(second), [{ slot: SLOT, count: 1, reason: 'StillRunning' }]);
    assert.equal(second.next, SLOT + 10 * M);
  });

  it('is ended first under Replace, and the slot fires once it is', () => {
    const spec = { concurrencyPolicy: 'Replace' } as const;
    const first = decide(SLOT, { owned: [run(SLOT - 2 * DAY), ...owned] }, spec);
    assert.deepEqual(first.actions, [{ kind: 'replace', runs: [slotName('nightly', SLOT - DAY)] }]);
    assert.deepEqual([first.state.doneUntil, first.next, first.wakeAfter], [SLOT - DAY, SLOT, M + 1]);
    const second = decide(SLOT + 3 * S, { state: first.state, owned: [run(SLOT - DAY)] }, spec);
    assert.deepEqual(second.actions, [fire(SLOT)]);
    const late = decide(SLOT + M + 1, { state: first.state, owned }, spec);
    assert.deepEqual(misses(late), [{ slot: SLOT, count: 1, reason: 'StillRunning' }]);
    assert.match(message(late), /not ended in time \(concurrencyPolicy Replace\)$/);
  });

  it('is not ended for a slot that is late', () => {
    const decision = decide(SLOT + H, { owned }, { concurrencyPolicy: 'Replace' });
    assert.deepEqual(
      decision.actions.map(({ kind }) => kind),
      ['miss'],
    );
  });

  it('does not matter under Allow', () => {
    assert.deepEqual(decide(SLOT, { owned }, { concurrencyPolicy: 'Allow' }).actions, [fire(SLOT)]);
  });
});

describe('while it is held', () => {
  for (const [how, more, spec] of [
    ['by a hold', { held: true }, {}],
    ['by its own spec', {}, { suspend: true }],
  ] as const)
    it(`${how} nothing fires, and nothing is made up afterwards`, () => {
      const decision = decide(SLOT + 10 * S, more, spec);
      assert.deepEqual(decision, {
        actions: [],
        state: { doneUntil: SLOT + 10 * S, lastSlot: SLOT - DAY },
        next: undefined,
        wakeAfter: undefined,
      });
      assert.deepEqual(decide(SLOT + 20 * S, { state: decision.state }).actions, []);
    });

  it('slots up to the moment it ends are skipped, and never given back', () => {
    const state = { doneUntil: SLOT, lastSlot: null };
    assert.deepEqual(skipTo(state, SLOT + H), { doneUntil: SLOT + H, lastSlot: null });
    assert.deepEqual(skipTo(state, SLOT - H), state);
  });
});

describe('a clock that is set', () => {
  const state = { doneUntil: SLOT, lastSlot: SLOT };

  it('back makes nothing fire twice: the next slot is the first after the last one', () => {
    const decision = decide(SLOT - 3 * H, { state });
    assert.deepEqual(decision, { actions: [], state, next: SLOT + DAY, wakeAfter: DAY });
    assert.equal(decide(SLOT - 5 * 365 * DAY, { state }).next, SLOT + DAY);
    assert.deepEqual(decide(SLOT - 3 * H, { state, held: true }).state, state);
  });

  it('forward misses what it passed over', () => {
    const decision = decide(SLOT + 3 * DAY + H, { state });
    assert.deepEqual(misses(decision), [{ slot: SLOT + 3 * DAY, count: 3, reason: 'TooLate' }]);
  });
});

describe('jitter longer than the period', () => {
  const spec = { cron: '* * * * *', jitter: '5m', concurrencyPolicy: 'Allow' } as const;

  it('fires each slot once, in order', () => {
    const fired: number[] = [];
    let state = newState(SLOT);
    let now = SLOT;
    while (fired.length < 300) {
      const decision = decide(now, { state }, spec);
      for (const action of decision.actions) {
        assert.ok(action.kind === 'fire');
        fired.push(action.slot);
      }
      state = decision.state;
      now += decision.wakeAfter as number;
    }
    assert.deepEqual(
      fired,
      fired.map((_, index) => SLOT + (index + 1) * M),
    );
    assert.ok(fired.every((slot, index) => slot - SLOT === (index + 1) * M));
  });

  /** Three slots that are due at one moment, the first's: it has the longest delay. */
  function together(): { slots: number[]; at: number } {
    for (let slot = SLOT; ; slot += M) {
      const at = startOf('u1', slot, 5 * M);
      const rest = [slot + M, slot + 2 * M].every((one) => startOf('u1', one, 5 * M) < at);
      const before = [1, 2, 3, 4, 5].every((back) => startOf('u1', slot - back * M, 5 * M) < at - 2 * S);
      if (rest && before && startOf('u1', slot + 3 * M, 5 * M) > at + 2 * S)
        return { slots: [slot, slot + M, slot + 2 * M], at };
    }
  }
  const { slots, at } = together();
  const state = { doneUntil: (slots[0] as number) - M, lastSlot: null };

  it('counts the deadline of each from there', () => {
    for (const slot of slots) assert.equal(latestStart({ ...NIGHTLY, ...spec }, 'u1', slot), at + M);
    assert.equal(latestStart(NIGHTLY, 'u1', SLOT), SLOT + M);
  });

  it('lets all that is due at one moment start, under Allow', () => {
    assert.deepEqual(decide(at, { state }, spec).actions, slots.map(fire));
  });

  it('but only the latest, if that moment was missed', () => {
    const decision = decide(at + S, { state }, spec);
    assert.deepEqual(misses(decision), [{ slot: slots[1], count: 2, reason: 'TooLate' }]);
    assert.deepEqual(decision.actions.slice(1), [fire(slots[2] as number)]);
  });

  it('starts one of them and lets the others wait, under Forbid', () => {
    const decision = decide(at, { state }, { ...spec, concurrencyPolicy: 'Forbid' });
    assert.deepEqual(decision.actions, [fire(slots[0] as number)]);
    assert.deepEqual([decision.next, decision.wakeAfter], [slots[1], S]);
    const owned = [active(slots[0] as number)];
    const later = decide(at + S, { state: decision.state, owned }, { ...spec, concurrencyPolicy: 'Forbid' });
    assert.deepEqual(misses(later), [{ slot: slots[1], count: 1, reason: 'StillRunning' }]);
    assert.equal(later.next, slots[2]);
  });

  it('starts one and replaces it in the next decision, at once, under Replace', () => {
    const replace = { ...spec, concurrencyPolicy: 'Replace' } as const;
    const decision = decide(at, { state }, replace);
    assert.deepEqual(decision.actions, [fire(slots[0] as number)]);
    assert.equal(decision.wakeAfter, 0);
    const owned = [active(slots[0] as number)];
    const second = decide(at, { state: decision.state, owned }, replace);
    assert.deepEqual(second.actions, [{ kind: 'replace', runs: [slotName('nightly', slots[0] as number)] }]);
  });
});

describe('the history', () => {
  const names = (slots: number[]) => slots.map((slot) => slotName('nightly', slot));
  const ended = [5, 3, 4, 1, 2].map((day) => run(SLOT - day * DAY));
  const forgotten = ({ actions }: Decision) =>
    actions.flatMap((action) => (action.kind === 'forget' ? action.runs : []));

  it('keeps the newest of what has ended, and forgets the oldest first', () => {
    const decision = decide(SLOT - H, { owned: ended }, { historyLimit: 2 });
    assert.deepEqual(forgotten(decision), names([SLOT - 5 * DAY, SLOT - 4 * DAY, SLOT - 3 * DAY]));
  });

  it('never forgets what is active, nor counts it', () => {
    const owned = [active(SLOT - 9 * DAY), ...ended];
    assert.deepEqual(forgotten(decide(SLOT - H, { owned }, { historyLimit: 5 })), []);
    assert.deepEqual(forgotten(decide(SLOT - H, { owned }, { historyLimit: 0 })).length, 5);
  });

  it('holds ten by default, and is kept short while held as well', () => {
    const owned = Array.from({ length: 12 }, (_, index) => run(SLOT - (index + 1) * DAY));
    for (const held of [true, false])
      assert.deepEqual(
        forgotten(decide(SLOT - H, { owned, held })),
        names([SLOT - 12 * DAY, SLOT - 11 * DAY]),
      );
  });
});

it('changes nothing of what it is given', () => {
  const given = input(SLOT + H, { owned: [run(SLOT - DAY), run(SLOT - 2 * DAY)] }, { historyLimit: 0 });
  const before = structuredClone(given);
  decideSchedule(given);
  assert.deepEqual(given, before);
});
