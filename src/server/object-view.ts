import type { Json } from '../core/canonical.ts';
import type { ObjectKind, ObjectRecord, Spawned } from '../core/kinds.ts';
import { type ScenarioRun, stateOf } from '../scenario/state.ts';
import type { ScheduleMemory } from '../schedule/handler.ts';
import { iso, isoOr, type MetadataView, viewConditions, viewMetadata } from './experiment-view.ts';

/** A Schedule, Scenario or Policy as the API and `squall get -o json` show it: stable, documented, Kubernetes-shaped. */
export interface ObjectView<K extends ObjectKind, Status> {
  apiVersion: 'squall/v1';
  kind: K;
  metadata: MetadataView;
  spec: Json;
  status: Status;
}

export interface StatusView {
  phase: string;
  reason: string;
  message: string;
  conditions: Json[];
}

/** Times are RFC 3339, UTC. */
export interface ScheduleStatusView extends StatusView {
  /** The last time of the schedule that fired: the time itself, not when it was carried out. */
  lastScheduleTime: string | null;
  /** The first that is not done with; null while it rests. */
  nextScheduleTime: string | null;
  /** Names of what it started that has not ended. */
  active: string[];
}

export interface ScenarioStatusView extends StatusView {
  /** The run that is under way, or else the last one. */
  run: ScenarioRunView | null;
  /** Runs that are over, oldest first. */
  history: ScenarioSummaryView[];
}

export interface ScenarioRunView {
  id: string;
  trigger: string;
  phase: string;
  startedAt: string;
  /** Null without a timeout. */
  deadline: string | null;
  endedAt: string | null;
  /** In the order of the manifest, those within others right after these. */
  steps: StepView[];
}

export interface StepView {
  /** Where it stands in the manifest, below `spec`: `steps[0].parallel[1]`. */
  path: string;
  kind: string;
  title: string;
  phase: string;
  startedAt: string | null;
  endedAt: string | null;
  message: string;
  /** The experiment that it started. */
  experiment: string | null;
}

export interface ScenarioSummaryView {
  id: string;
  trigger: string;
  phase: string;
  reason: string;
  message: string;
  startedAt: string;
  endedAt: string;
}

export type ScheduleView = ObjectView<'Schedule', ScheduleStatusView>;
export type ScenarioView = ObjectView<'Scenario', ScenarioStatusView>;
export type PolicyView = ObjectView<'Policy', StatusView>;

/** Pure, as all of these. */
export function viewSchedule(record: ObjectRecord<'Schedule'>): ScheduleView {
  const memory = record.state as unknown as ScheduleMemory | null;
  return view(record, undefined, {
    lastScheduleTime: isoOr(memory?.lastSlot),
    nextScheduleTime: isoOr(memory?.next),
    active: memory?.active ?? [],
  });
}

/** `spawned`: where a schedule started it. */
export function viewScenario(record: ObjectRecord<'Scenario'>, spawned: Spawned | undefined): ScenarioView {
  const { run, history } = stateOf(record);
  return view(record, spawned, {
    run: run && viewScenarioRun(run),
    history: history.map(({ id, trigger, phase, reason, message, startedAt, endedAt }) => ({
      id,
      trigger,
      phase,
      reason,
      message,
      startedAt: iso(startedAt),
      endedAt: iso(endedAt),
    })),
  });
}

export function viewPolicy(record: ObjectRecord<'Policy'>): PolicyView {
  return view(record, undefined, {});
}

function view<K extends ObjectKind, Status>(
  record: ObjectRecord<K>,
  spawned: Spawned | undefined,
  status: Status,
): ObjectView<K, StatusView & Status> {
  const { kind, spec, phase, reason, message, conditions } = record;
  return {
    apiVersion: 'squall/v1',
    kind,
    metadata: viewMetadata(record, spawned?.owner ?? null, spawned?.copyOf ?? null),
    spec: spec as unknown as Json,
    status: { phase, reason, message, conditions: viewConditions(conditions), ...status },
  };
}

function viewScenarioRun(run: ScenarioRun): ScenarioRunView {
  const { id, trigger, startedAt, deadline, endedAt, steps } = run;
  return {
    id,
    trigger,
    phase: scenarioRunPhase(run),
    startedAt: iso(startedAt),
    deadline: isoOr(deadline?.wall),
    endedAt: isoOr(endedAt),
    steps: Object.entries(steps).map(([path, step]) => ({
      path,
      kind: step.kind,
      title: step.title,
      phase: step.phase,
      startedAt: isoOr(step.startedAt),
      endedAt: isoOr(step.endedAt),
      message: step.message,
      experiment: step.experiment ?? null,
    })),
  };
}

/** `Running`, `Recovering`, or what it ended as. */
export function scenarioRunPhase({ ending, endedAt }: ScenarioRun): string {
  if (!ending) return 'Running';
  return endedAt === null ? 'Recovering' : ending.phase;
}
