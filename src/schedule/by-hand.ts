import { SquallError } from '../core/errors.ts';
import { type ObjectRecord, objectId, type Spawned } from '../core/kinds.ts';
import type { ObjectDeps } from '../reconcile/objects.ts';
import { wanted } from '../reconcile/wanted.ts';
import { whatToStart } from './handler.ts';

/**
 * Makes wanted what the schedule starts, once, at no time of its own; to be called in a transaction. Its name has a number that is never
 * given twice, so that it takes no time's name. Throws SQ502 where what it refers to is not there or not right, SQ207 where that is held.
 */
export function fireByHand(deps: ObjectDeps, record: ObjectRecord<'Schedule'>): Spawned {
  const { clock, journal, manifests } = deps;
  const { name: schedule, uid, labels, source, spec } = record;
  const template = spec.experimentRef && journal.experiments.get(spec.experimentRef.name);
  if (template?.hold)
    throw new SquallError(
      'SQ207',
      `schedule ${schedule} starts ${template.name}, which is ${template.hold}`,
      {
        hint: `Lift it with \`squall resume ${template.name}\``,
      },
    );
  const what = whatToStart(spec, manifests.state(), () => undefined);
  if ('problem' in what)
    throw new SquallError('SQ502', `schedule ${schedule} did not start: ${what.problem}`);
  const name = freeName(deps, schedule, what.kind);
  const owner = { kind: 'Schedule', name: schedule, uid } as const;
  const spawned = { ...what, name, owner, labels, source, slot: null, createdAt: clock.now() };
  journal.spawned.add(spawned);
  return spawned;
}

function freeName(deps: ObjectDeps, schedule: string, kind: Spawned['kind']): string {
  const { journal } = deps;
  const counter = objectId('Schedule', schedule);
  for (;;) {
    const name = `${schedule}-manual-${journal.runs.peekNumber(counter)}`;
    journal.runs.takeNumber(counter);
    const there = kind === 'Experiment' ? journal.experiments.get(name) : journal.objects.get(kind, name);
    if (!there && !journal.spawned.get(kind, name) && !wanted(deps, kind, name)) return name;
  }
}
