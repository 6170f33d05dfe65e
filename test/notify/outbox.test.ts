import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Notice } from '../../src/notify/notice.ts';
import { createOutbox } from '../../src/notify/outbox.ts';
import { FakeClock } from '../lab/fake-clock.ts';

const noticeWith = (id: number): Notice => ({
  ...{ id, time: 0, kind: 'denied', reason: 'x', experiment: 'exp', run: null, message: '' },
});

const STEP = fc.oneof(
  fc.record({
    do: fc.constant('add' as const),
    events: fc.integer({ min: 1, max: 700 }),
    each: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constantFrom('send' as const, 'done' as const, 'late' as const) }),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2_000_000 }) }),
);

it('an outbox gives each notice once and in order, holds a thousand, and never counts one as done that still waits', () => {
  fc.assert(
    fc.property(
      fc.array(STEP, { maxLength: 40 }),
      fc.constantFrom(1, 100, Number.POSITIVE_INFINITY),
      (steps, most) => {
        const clock = new FakeClock();
        const outbox = createOutbox(0, most, clock);
        const given: number[] = [];
        let [seen, added, gone] = [0, 0, 0];
        let sending: readonly Notice[] = [];
        for (const step of steps) {
          if (step.do === 'add') {
            const ids = Array.from({ length: step.events }, (_, index) => seen + index + 1).filter(
              (id) => id % step.each === 0,
            );
            const known = seen > 0 ? [seen] : [];
            seen += step.events;
            added += ids.length;
            outbox.add([...known, ...ids].map(noticeWith), seen);
            gone += outbox.dropExcess(sending.length > 0);
            assert.ok(outbox.size() - sending.length <= 1000);
          } else if (step.do === 'send') {
            const again = outbox.batch();
            if (sending.length > 0) assert.deepEqual(again, sending, 'the same until it is done');
            sending = again;
            assert.ok(sending.length <= most);
          } else if (step.do === 'done') {
            given.push(...sending.map(({ id }) => id));
            assert.equal(outbox.done(), sending.length);
            sending = [];
          } else if (step.do === 'late' && sending.length === 0) gone += outbox.dropLate();
          else if (step.do === 'pass') clock.advance(step.ms);
          assert.equal(given.length + gone + outbox.size(), added, 'nothing is lost but what is counted');
          if (outbox.size() === 0) assert.equal(outbox.settled(), seen);
          if (sending[0]) assert.equal(outbox.settled(), sending[0].id - 1);
          assert.ok(outbox.settled() >= (given.at(-1) ?? 0));
        }
        assert.deepEqual(
          given,
          [...given].sort((a, b) => a - b),
        );
        assert.equal(new Set(given).size, given.length);
      },
    ),
    { numRuns: 300 },
  );
});
