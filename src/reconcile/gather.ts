import type { Observation } from '../faults/fault.ts';
import type { DesiredState } from '../manifests/desired.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { ReconcileDeps } from './deps.ts';
import { inheritedHold } from './inherited.ts';
import { wanted } from './wanted.ts';

/** What gathering reads. */
export type Sources = Pick<
  ReconcileDeps,
  'journal' | 'manifests' | 'clock' | 'host' | 'foreign' | 'self' | 'gate'
> & {
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
  const manifest = wanted(deps, 'Experiment', name);
  const run = record?.runId ? journal.runs.get(record.runId) : undefined;
  return {
    name,
    clock,
    manifest,
    record,
    run,
    effects: run ? journal.effects.ofRun(run.id) : [],
    observations,
    world: { containers: inventory.containers(), hosts: deps.hosts.answers(), host: deps.host },
    get others() {
      return journal.effects.live().filter(({ experiment }) => experiment !== name);
    },
    foreign: deps.foreign(),
    inherited: inheritedOf(deps, manifest, record),
    policies: policiesOf(manifests.state()),
    gate: deps.gate(),
    get running() {
      return journal.runs.active().filter(({ experiment }) => experiment !== name);
    },
    runsSince: journal.runs.since,
    self: deps.self,
    halted: deps.halt.read(),
    fresh: { uid, runNumber: journal.runs.peekNumber(name) },
  };
}

const lists = new WeakMap<DesiredState, PlanInput['policies']>();

/** The same list as long as the state is the same: a plan merges those of one list once. */
function policiesOf(state: DesiredState): PlanInput['policies'] {
  const known = lists.get(state);
  if (known) return known;
  const list = [...state.policies.values()];
  lists.set(state, list);
  return list;
}

/** By the manifest where there is no object yet: what is spawned while its owner is held must not begin first. */
function inheritedOf(
  deps: Sources,
  manifest: PlanInput['manifest'],
  record: PlanInput['record'],
): PlanInput['inherited'] {
  const owner = record?.owner ?? manifest?.owner ?? null;
  const copyOf = record?.copyOf ?? manifest?.copyOf ?? null;
  return owner || copyOf !== null ? inheritedHold(deps, { owner, copyOf }) : undefined;
}
