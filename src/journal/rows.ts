import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { ObjectRecord, Spawned } from '../core/kinds.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';

/** Prepares each statement once. */
export type Prepare = (sql: string) => StatementSync;

export type Row = Record<string, SQLOutputValue>;

function json<T>(value: SQLOutputValue | undefined): T {
  return JSON.parse(value as string) as T;
}

export function toExperiment(row: Row): ExperimentRecord {
  return {
    name: row.name as string,
    uid: row.uid as string,
    generation: row.generation as number,
    specHash: row.spec_hash as string,
    spec: json(row.spec),
    labels: json(row.labels),
    source: json(row.source),
    hold: row.hold as ExperimentRecord['hold'],
    phase: row.phase as ExperimentRecord['phase'],
    reason: row.reason as string,
    message: row.message as string,
    conditions: json(row.conditions),
    runId: row.run_id as string | null,
    runRequested: row.run_requested as string | null,
    owner: json(row.owner),
    copyOf: row.copy_of as string | null,
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
}

function toDeadline(row: Row) {
  return {
    wall: row.deadline_wall as number,
    boot: row.deadline_boot as number,
    bootId: row.boot_id as string,
  };
}

export function toRun(row: Row): Run {
  return {
    id: row.id as string,
    experiment: row.experiment as string,
    generation: row.generation as number,
    trigger: row.trigger as string,
    template: row.template === 1,
    phase: row.phase as Run['phase'],
    reason: row.reason as string,
    outcome: row.outcome as Run['outcome'],
    startedAt: row.started_at as number,
    duration: row.duration as number,
    deadline: toDeadline(row),
    recoveryTimeout: row.recovery_timeout as number,
    faults: json(row.faults),
    targets: json(row.targets),
    endedAt: row.ended_at as number | null,
    provenance: json(row.provenance),
  };
}

export function toEffect(row: Row): Effect {
  return {
    id: row.id as number,
    runId: row.run_id as string,
    experiment: row.experiment as string,
    instance: row.instance as string,
    target: { id: row.target_id as string, name: row.target_name as string },
    incarnation: row.incarnation as string,
    slot: row.slot as number,
    fault: json(row.fault),
    resolved: json(row.resolved),
    undo: json(row.undo),
    phase: row.phase as Effect['phase'],
    epoch: row.epoch as number,
    deadline: toDeadline(row),
    intendedAt: row.intended_at as number,
    injectedAt: row.injected_at as number | null,
    recoveringAt: row.recovering_at as number | null,
    recoveringBoot: row.recovering_boot as number | null,
    recoveredAt: row.recovered_at as number | null,
    strikes: row.strikes as number,
    error: row.error as string | null,
  };
}

export function toEvent(row: Row): SquallEvent {
  return {
    id: row.id as number,
    time: row.time as number,
    type: row.type as SquallEvent['type'],
    reason: row.reason as string,
    experiment: row.experiment as string | null,
    run: row.run as string | null,
    target: row.target as string | null,
    message: row.message as string,
    object: row.object as SquallEvent['object'],
  };
}

export function toObject(row: Row): ObjectRecord {
  return {
    kind: row.kind as ObjectRecord['kind'],
    name: row.name as string,
    uid: row.uid as string,
    generation: row.generation as number,
    specHash: row.spec_hash as string,
    spec: json(row.spec),
    labels: json(row.labels),
    source: json(row.source),
    hold: row.hold as ObjectRecord['hold'],
    phase: row.phase as string,
    reason: row.reason as string,
    message: row.message as string,
    conditions: json(row.conditions),
    state: json(row.state),
    createdAt: row.created_at as number,
    updatedAt: row.updated_at as number,
  };
}

export function toSpawned(row: Row): Spawned {
  const [kind, name, uid] = [row.owner_kind, row.owner_name, row.owner_uid] as [
    Spawned['owner']['kind'],
    string,
    string,
  ];
  return {
    kind: row.kind as Spawned['kind'],
    name: row.name as string,
    owner: { kind, name, uid },
    copyOf: row.copy_of as string | null,
    spec: json(row.spec),
    labels: json(row.labels),
    source: json(row.source),
    slot: row.slot as number | null,
    createdAt: row.created_at as number,
  };
}
