import { LABEL_SERVICE } from '../core/marks.ts';
import type { Container, ExperimentRecord, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import { serviceKey } from '../plan/hit.ts';
import { matches } from '../plan/select.ts';
import type { InventoryChange } from '../runtime/inventory.ts';

/** Whether a change of one container can change what this experiment's plan comes to. Cheap: asked of every experiment at every change. */
export function concerns(record: ExperimentRecord, run: Run | undefined, change: InventoryChange): boolean {
  if (record.phase === 'Denied') return true; // whatever it was refused for may have gone
  const seen = [change.before, change.after].filter((container) => container !== undefined);
  const active = run?.endedAt === null;
  if (active && run.targets.some(({ id }) => id === change.id)) return true;
  const selected = seen.some((container) => matches(record.spec.targets.select, container));
  if (selected && (active || record.phase === 'Pending')) return true;
  return (
    active &&
    seen.some(
      (container) =>
        isPeer(run, container) || sharesWithTarget(run, container) || isOfService(run, container),
    )
  );
}

/** A container that enters a target's network namespace has a say. */
function sharesWithTarget(run: Run, { networkMode }: Container): boolean {
  return run.targets.some(({ id }) => networkMode === `container:${id}`);
}

/** How many of a target's service are up is what limits on shares are about. */
function isOfService(run: Run, container: Container): boolean {
  const service = serviceKey(container);
  return service !== undefined && run.targets.some((target) => target.service === service);
}

function isPeer(run: Run, container: Container): boolean {
  const names = new Set([
    container.name,
    container.labels[LABEL_SERVICE],
    ...container.attachments.flatMap(({ aliases }) => aliases),
  ]);
  return run.faults.some(
    ({ fault }) =>
      faultKind(fault.type)
        .peers?.(fault)
        .some((peer) => names.has(peer)) ?? false,
  );
}
