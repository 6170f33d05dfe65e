import { LABEL_SERVICE } from '../core/marks.ts';
import type { Container, ExperimentRecord, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import { matches } from '../plan/select.ts';
import type { InventoryChange } from '../runtime/inventory.ts';

/** Whether a change of one container can change what this experiment's plan comes to. Cheap: asked of every experiment at every change. */
export function concerns(record: ExperimentRecord, run: Run | undefined, change: InventoryChange): boolean {
  const seen = [change.before, change.after].filter((container) => container !== undefined);
  const active = run?.endedAt === null;
  if (active && run.targets.some(({ id }) => id === change.id)) return true;
  const waits = record.phase === 'Pending' || record.phase === 'Denied';
  if ((waits || active) && seen.some((container) => matches(record.spec.targets.select, container)))
    return true;
  return active && seen.some((container) => isPeer(run, container));
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
