import { sameJson } from '../core/canonical.ts';
import type { Deadline } from '../core/clock.ts';
import type { Effect, ExperimentRecord, Run } from '../core/types.ts';
import type { Action, Plan, RunDraft } from '../plan/actions.ts';
import type { PlanInput } from '../plan/plan.ts';
import type { ReconcileDeps } from './deps.ts';
import { emit } from './events.ts';
import { deadlineOf, type Injection, type Prepared } from './prepare.ts';
import { writtenName } from './written-name.ts';

/** An intent that is durable: now the fault may be injected. */
export interface Committed {
  effect: Effect;
  injection: Injection;
}

/**
 * Writes what the plan decides in one transaction, before anything is done: the object, its run, and an intent for every injection.
 * Throws SQ305 where it can't be written.
 */
export function commit(
  deps: ReconcileDeps,
  input: PlanInput,
  plan: Plan,
  prepared: readonly Prepared[],
): Committed[] {
  // One deadline for the run and for what the world is told: preparing took time.
  const deadline = deadlineOf(deps, plan, input.run);
  return deps.journal.transaction(() => {
    for (const action of plan.actions) writeRun(deps, input, deadline, action);
    writeRecord(deps, input.record, plan.record);
    report(deps, input, plan);
    return prepared.map((item) => intend(deps, input, deadline, item));
  });
}

function intend(
  { journal, clock }: ReconcileDeps,
  input: PlanInput,
  deadline: Deadline,
  { injection, undo }: Prepared,
): Committed {
  const { target, slot, fault, resolved } = injection;
  const runId =
    input.run && input.run.endedAt === null ? input.run.id : `${input.name}-${input.fresh.runNumber}`;
  const effect = journal.effects.intend({
    runId,
    experiment: input.name,
    instance: journal.instance,
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot,
    fault,
    resolved,
    undo,
    deadline,
    at: clock.now(),
  });
  return { effect, injection };
}

function writeRun(deps: ReconcileDeps, input: PlanInput, deadline: Deadline, action: Action): void {
  const { journal, clock } = deps;
  // Read again: an edit and an end may be of one plan.
  const run = input.run && journal.runs.get(input.run.id);
  if (action.kind === 'start') {
    journal.runs.takeNumber(input.name);
    journal.runs.put(newRun(deps, input.name, action.run, deadline));
  } else if (action.kind === 'edit' && run) {
    const { generation, duration, recoveryTimeout, faults, targets } = action.run;
    const ends = generation === run.generation ? run.deadline : deadline;
    journal.runs.put({ ...run, generation, duration, recoveryTimeout, faults, targets, deadline: ends });
    journal.effects.touch(run.id);
  } else if (action.kind === 'end' && run) {
    journal.runs.put({ ...run, phase: 'Recovering', outcome: action.outcome, reason: action.reason });
  } else if (action.kind === 'finish' && run) {
    journal.runs.put({ ...run, phase: action.phase, reason: action.reason, endedAt: clock.now() });
  } else if (action.kind === 'forget') {
    journal.experiments.remove(input.name);
    forgetSpawned(deps, input);
  }
}

/** Where a file had taken the name over, it must not be wanted by an owner again; what an owner made never comes again. */
function forgetSpawned({ journal }: ReconcileDeps, { name, record }: PlanInput): void {
  journal.spawned.remove('Experiment', name);
  if (record?.owner) journal.runs.retireNumber(name);
}

function newRun({ clock }: ReconcileDeps, experiment: string, draft: RunDraft, deadline: Deadline): Run {
  const { id, generation, trigger, template, duration, recoveryTimeout, faults, targets } = draft;
  return {
    id,
    experiment,
    generation,
    trigger,
    template,
    phase: 'Running',
    reason: 'Started',
    outcome: null,
    startedAt: clock.now(),
    duration,
    deadline,
    recoveryTimeout,
    faults,
    targets,
    endedAt: null,
    provenance: null,
  };
}

function writeRecord(
  { journal, clock }: ReconcileDeps,
  before: ExperimentRecord | undefined,
  after: ExperimentRecord | undefined,
): void {
  if (!after || sameJson(before, after)) return;
  // Another process's halt may have come since the plan was made; no plan ever sets or lifts one.
  const { hold } = journal.experiments.get(after.name) ?? after;
  journal.experiments.put({ ...after, hold, updatedAt: clock.now() });
}

/** Events and counters for what has just been decided. */
function report(deps: ReconcileDeps, input: PlanInput, plan: Plan): void {
  const experiment = input.name;
  const run = input.run?.id ?? null;
  for (const action of plan.actions) {
    if (action.kind === 'start') {
      const targets = action.run.targets.map(({ name }) => name).join(', ');
      emit(deps, {
        experiment,
        run: action.run.id,
        reason: 'Started',
        message: `${action.run.trigger} run on ${targets}`,
      });
    } else if (action.kind === 'edit') {
      emit(deps, {
        experiment,
        run,
        reason: 'Edited',
        message: `now generation ${action.run.generation}, on ${action.run.targets.map(({ name }) => name).join(', ')}`,
      });
    } else if (action.kind === 'end') {
      emit(deps, {
        experiment,
        run,
        reason: action.reason,
        message: action.message,
        warning: action.outcome === 'Aborted',
      });
    } else if (action.kind === 'finish') {
      const label = input.record ? writtenName(deps, input.record) : experiment;
      deps.metrics.runs.inc({ experiment: label, result: action.phase });
      const message = action.message || `ended: ${action.reason}`;
      emit(deps, { experiment, run, reason: action.phase, message, warning: action.phase === 'Failed' });
    }
  }
  reportPhase(deps, input.record, plan.record);
}

/** A change of phase that no action stands for: waiting, refused, held. */
function reportPhase(
  deps: ReconcileDeps,
  before: ExperimentRecord | undefined,
  after: ExperimentRecord | undefined,
): void {
  if (!after || (before?.phase === after.phase && before.reason === after.reason)) return;
  const { name: experiment, phase, reason, message } = after;
  if (phase === 'Denied') deps.metrics.denied.inc({ reason });
  if (phase === 'Denied' || phase === 'Invalid') emit(deps, { experiment, reason, message, warning: true });
  // a halt is told by who halts, and so is a suspend by a person
  if (phase === 'Pending' || (phase === 'Suspended' && !after.hold)) {
    const ended = before?.phase === 'Recovering';
    if (!ended) emit(deps, { experiment, reason, message });
  }
}
