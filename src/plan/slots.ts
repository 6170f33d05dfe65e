import { sameJson } from '../core/canonical.ts';
import type { FaultSpec, SlottedFault } from '../core/types.ts';

/**
 * Gives each fault of an edited spec its slot. A fault that both versions hold keeps its slot (and is not touched in the world);
 * one of the same type as a fault that went takes its slot over (and is changed in place); the rest get new ones. A slot's number
 * is not used again within a run, so that an old effect is never taken for a new one.
 */
export function assignSlots(
  before: readonly SlottedFault[],
  faults: readonly FaultSpec[],
  firstFree: number,
): SlottedFault[] {
  const free = [...before];
  const take = (test: (fault: FaultSpec) => boolean): number | undefined => {
    const index = free.findIndex(({ fault }) => test(fault));
    return index === -1 ? undefined : free.splice(index, 1)[0]?.slot;
  };
  const kept = faults.map((fault) => take((old) => sameJson(old, fault)));
  let next = firstFree;
  return faults.map((fault, index) => {
    const slot = kept[index] ?? take((old) => old.type === fault.type) ?? next++;
    return { slot, fault };
  });
}
