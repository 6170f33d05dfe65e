import {
  type ObjectId,
  type ObjectRecord,
  type Owner,
  objectId,
  type Provenance,
  type Spawned,
} from '../core/kinds.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';
import type { InheritedHold } from '../reconcile/inherited.ts';

/** An experiment with what a table or a description of it needs. */
export interface ExperimentRow {
  record: ExperimentRecord;
  /** The run that stands for the current generation. */
  run: Run | undefined;
  effects: readonly Effect[];
  /** A hold of what it is a copy of, or of its owner. */
  inherited: InheritedHold | undefined;
  /** ms until the deadline of a run that has not ended; negative once it is past. */
  left: number | undefined;
  /** ms since the epoch. */
  now: number;
}

export interface RunRow {
  run: Run;
  effects: readonly Effect[];
  /** Its experiment, as long as that is known. */
  record: ExperimentRecord | undefined;
  left: number | undefined;
  now: number;
}

export interface EventRow extends SquallEvent {
  /** Where the manifest of its run came from. */
  provenance?: Provenance | null;
}

export interface ScheduleRow {
  record: ObjectRecord<'Schedule'>;
  now: number;
}

export interface ScenarioRow {
  record: ObjectRecord<'Scenario'>;
  /** Where a schedule started it. */
  spawned: Spawned | undefined;
  now: number;
}

export interface PolicyRow {
  record: ObjectRecord<'Policy'>;
  now: number;
}

/** `experiment/NAME` or `schedule/NAME`, or `-` for what concerns none. */
export function objectOf({ experiment, object }: Pick<SquallEvent, 'experiment' | 'object'>): string {
  const id = object ?? (experiment === null ? undefined : objectId('Experiment', experiment));
  return id === undefined ? '-' : wordsOf(id);
}

/** As it is typed: `schedule/nightly`. */
export function wordsOf(id: ObjectId): string {
  const slash = id.indexOf('/');
  return id.slice(0, slash).toLowerCase() + id.slice(slash);
}

export function ownerOf(owner: Owner | null | undefined): string {
  return owner ? wordsOf(objectId(owner.kind, owner.name)) : '-';
}

/** Eight digits, and a star where the manifest was not as in the commit. */
export function commitOf(provenance: Provenance | null | undefined): string {
  return provenance ? `${provenance.commit.slice(0, 8)}${provenance.dirty ? '*' : ''}` : '-';
}

/** `2/3`: targets under a fault now, of those chosen. */
export function targetsOf(run: Run | undefined, effects: readonly Effect[]): string {
  if (!run) return '-';
  const hit = new Set(effects.filter(({ phase }) => phase === 'injected').map(({ target }) => target.id));
  return `${hit.size}/${run.targets.length}`;
}

/** RFC 3339 in UTC, with milliseconds. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
