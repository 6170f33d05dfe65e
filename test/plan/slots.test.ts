import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sameJson } from '../../src/core/canonical.ts';
import type { FaultSpec, SlottedFault } from '../../src/core/types.ts';
import { assignSlots } from '../../src/plan/slots.ts';
import { BLOCK, KILL, PAUSE } from './build.ts';

const loss = (percent: number): FaultSpec => ({ type: 'network-loss', to: [{ any: true }], percent });
const slots = (slotted: readonly SlottedFault[]) => slotted.map(({ slot }) => slot);

describe('slots', () => {
  it('count up in the order of the faults', () => {
    assert.deepEqual(slots(assignSlots([], [PAUSE, BLOCK, BLOCK], 0)), [0, 1, 2]);
  });

  it('stay with faults that are only put in another order', () => {
    const before = assignSlots([], [PAUSE, BLOCK, loss(5)], 0);
    assert.deepEqual(slots(assignSlots(before, [loss(5), PAUSE, BLOCK], 3)), [2, 0, 1]);
  });

  it('stay with a fault whose parameters are only written in another order', () => {
    const before = assignSlots([], [{ type: 'network-loss', percent: 5, to: [{ any: true }] }], 0);
    assert.deepEqual(slots(assignSlots(before, [loss(5)], 1)), [0]);
  });

  it('pass from a fault to its edited self, which is changed in place', () => {
    const before = assignSlots([], [PAUSE, loss(5)], 0);
    assert.deepEqual(assignSlots(before, [PAUSE, loss(9)], 2)[1], { slot: 1, fault: loss(9) });
  });

  it('are kept for what is the same before an edited one may take them', () => {
    const before = assignSlots([], [loss(5), loss(6)], 0);
    assert.deepEqual(slots(assignSlots(before, [loss(7), loss(5)], 2)), [1, 0]);
  });

  it('do not pass to another type, and are not used again', () => {
    const before = assignSlots([], [PAUSE, BLOCK], 0);
    assert.deepEqual(slots(assignSlots(before, [PAUSE, KILL], 2)), [0, 2]);
  });

  const fault = fc.oneof(fc.constant(PAUSE), fc.constant(KILL), fc.nat(3).map(loss));
  const edit = fc.array(fault, { maxLength: 6 });

  it('are unique, and whatever both versions hold keeps its own, over any history of edits', () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (history) => {
        let before: SlottedFault[] = [];
        let firstFree = 0;
        const retired = new Set<number>();
        for (const faults of history) {
          const after = assignSlots(before, faults, firstFree);
          assert.deepEqual(
            after.map((slotted) => slotted.fault),
            faults,
          );
          assert.equal(new Set(slots(after)).size, after.length);
          assert.ok(slots(after).every((slot) => !retired.has(slot)));
          for (const old of before) keepsItsSlot(old, before, after);
          for (const { slot } of before) if (!slots(after).includes(slot)) retired.add(slot);
          firstFree = 1 + Math.max(firstFree - 1, ...slots(after));
          before = after;
        }
      }),
    );
  });
});

/** As many of these equal faults as both versions hold keep slots they had; the others may be anybody's. */
function keepsItsSlot(
  old: SlottedFault,
  before: readonly SlottedFault[],
  after: readonly SlottedFault[],
): void {
  const had = before.filter(({ fault }) => sameJson(fault, old.fault));
  const has = after.filter(({ fault }) => sameJson(fault, old.fault));
  const kept = has.filter(({ slot }) => slots(had).includes(slot));
  assert.equal(kept.length, Math.min(had.length, has.length));
}
