import type { Observation } from '../faults/fault.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { ReconcileDeps } from './deps.ts';

/** What gathering reads. */
export type Sources = Pick<ReconcileDeps, 'journal' | 'manifests' | 'clock' | 'host' | 'foreign' | 'self'> & {
  inventory: Pick<ReconcileDeps['inventory'], 'containers'>;
  hosts: Pick<ReconcileDeps['hosts'], 'answers'>;
  halt: Pick<ReconcileDeps['halt'], 'read'>;
};

/**
 * Everything the plan of one experiment may know, at this instant. Synchronous: nothing can change while it is gathered. What
 * grows with all experiments (`others`) is read only by a plan that asks. `uid` is for the object if this pass makes it: random, and
 * the same through all tries of a pass, as the choice of targets hangs on it.
 */
export function gather(
  deps: Sources,
  name: string,
  uid: string,
  observations: ReadonlyMap<number, Observation> = new Map(),
): PlanInput {
  const { journal, inventory, manifests, clock } = deps;
  const record = journal.experiments.get(name);
  const run = record?.runId ? journal.runs.get(record.runId) : undefined;
  return {
    name,
    clock,
    manifest: manifests.state().experiments.get(name),
    record,
    run,
    effects: run ? journal.effects.ofRun(run.id) : [],
    observations,
    world: { containers: inventory.containers(), hosts: deps.hosts.answers(), host: deps.host },
    get others() {
      return journal.effects.live().filter(({ experiment }) => experiment !== name);
    },
    foreign: deps.foreign(),
    self: deps.self,
    halted: deps.halt.read(),
    fresh: { uid, runNumber: journal.runs.peekNumber(name) },
  };
}
