import type { Json } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { type ExperimentView, type RunView, viewExperiment, viewRun } from './experiment-view.ts';

/** A run as the API and `squall get runs -o json` show it. */
export interface RunObject {
  apiVersion: 'squall/v1';
  kind: 'Run';
  metadata: { name: string; experiment: string; generation: number };
  status: Omit<RunView, 'id'> & { reason: string };
}

/** An event as the API, its stream and `squall events -o json` show it. `time` is RFC 3339, UTC. */
export interface EventObject {
  apiVersion: 'squall/v1';
  kind: 'Event';
  id: number;
  time: string;
  type: string;
  reason: string;
  experiment: string | null;
  run: string | null;
  target: string | null;
  message: string;
}

export interface List<Item> {
  apiVersion: 'squall/v1';
  kind: 'List';
  items: Item[];
}

export function listOf<Item>(items: Item[]): List<Item> {
  return { apiVersion: 'squall/v1', kind: 'List', items };
}

/** An experiment with the run that stands for its generation, and that run's effects. */
export interface Bundle {
  record: ExperimentRecord;
  run: Run | undefined;
  effects: readonly Effect[];
}

export function bundle(journal: Journal, record: ExperimentRecord): Bundle {
  const run = record.runId === null ? undefined : journal.runs.get(record.runId);
  return { record, run, effects: run ? journal.effects.ofRun(run.id) : [] };
}

/** Throws SQ502, with the nearest name there is, for an unknown one. */
export function findExperiment(journal: Journal, name: string): ExperimentRecord {
  const record = journal.experiments.get(name);
  if (record) return record;
  const near = nearMiss(
    name,
    journal.experiments.all().map((one) => one.name),
  );
  throw new SquallError('SQ502', `no experiment is called "${name}"`, {
    hint: near === undefined ? '`squall get experiments` lists them' : `Did you mean "${near}"?`,
  });
}

export function experimentObject({ record, run, effects }: Bundle): ExperimentView {
  return viewExperiment(record, run, effects);
}

export function runObject(run: Run, effects: readonly Effect[]): RunObject {
  const { id, ...view } = viewRun(run, effects);
  const { experiment, generation, reason } = run;
  return {
    apiVersion: 'squall/v1',
    kind: 'Run',
    metadata: { name: id, experiment, generation },
    status: { ...view, reason },
  };
}

export function eventObject(event: SquallEvent): EventObject {
  const { id, time, type, reason, experiment, run, target, message } = event;
  const base = { apiVersion: 'squall/v1', kind: 'Event' } as const;
  return { ...base, id, time: new Date(time).toISOString(), type, reason, experiment, run, target, message };
}

/** The error as every route gives it. */
export function errorObject(error: SquallError): { error: { [key: string]: Json } } {
  return { error: { code: error.code, message: error.message, hint: error.hint ?? null } };
}
