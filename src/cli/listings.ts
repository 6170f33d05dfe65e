import { remaining, systemClock } from '../core/clock.ts';
import { type ObjectId, objectId } from '../core/kinds.ts';
import type { Run } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { eventColumns } from '../report/events.ts';
import { experimentColumns } from '../report/experiments.ts';
import { policyColumns } from '../report/policies.ts';
import type { EventRow, ExperimentRow, PolicyRow, RunRow, ScenarioRow, ScheduleRow } from '../report/rows.ts';
import { runColumns } from '../report/runs.ts';
import { scenarioColumns } from '../report/scenarios.ts';
import { scheduleColumns } from '../report/schedules.ts';
import type { Style } from '../report/style.ts';
import type { Column } from '../report/table.ts';
import { viewPolicy, viewScenario, viewSchedule } from '../server/object-view.ts';
import { subjectOf } from '../server/owned.ts';
import {
  type Bundle,
  bundle,
  eventObject,
  experimentObject,
  provenances,
  runObject,
} from '../server/views.ts';

/** One kind of thing that `get` lists: how it is read, named and shown. */
export interface Listing<Row> {
  /** As in `experiment/NAME`. */
  kind: string;
  plural: string;
  /** `after`: only what has a greater id, of things that are only ever added. */
  load(journal: Journal, after: number): Row[];
  id(row: Row): string;
  /** What it is or belongs to: its labels count. */
  subject(row: Row): ObjectId | undefined;
  columns(style: Style, wide: boolean): Column<Row>[];
  object(row: Row): unknown;
  /** The greatest id of rows that never change. */
  cursor?(rows: readonly Row[]): number | undefined;
  /** The row as it is told once it is gone. */
  gone?(row: Row): Row;
}

const GONE = { reason: 'Deleted', message: 'the manifest is gone' };

export const experimentListing: Listing<ExperimentRow> = {
  kind: 'experiment',
  plural: 'experiments',
  load: (journal) => journal.experiments.all().map((record) => experimentRow(bundle(journal, record))),
  id: ({ record }) => record.name,
  subject: ({ record }) => objectId('Experiment', record.name),
  columns: experimentColumns,
  object: experimentObject,
  gone: (row) => {
    const record = { ...row.record, ...GONE };
    return { ...row, record, run: undefined, effects: [], left: undefined };
  },
};

export const scheduleListing: Listing<ScheduleRow> = {
  kind: 'schedule',
  plural: 'schedules',
  load: (journal) => journal.objects.all('Schedule').map((record) => ({ record, now: systemClock.now() })),
  id: ({ record }) => record.name,
  subject: ({ record }) => objectId('Schedule', record.name),
  columns: scheduleColumns,
  object: ({ record }) => viewSchedule(record),
  gone: (row) => ({ ...row, record: { ...row.record, ...GONE, phase: '-', state: null } }),
};

export const scenarioListing: Listing<ScenarioRow> = {
  kind: 'scenario',
  plural: 'scenarios',
  load: (journal) =>
    journal.objects.all('Scenario').map((record) => ({
      record,
      spawned: journal.spawned.get('Scenario', record.name),
      now: systemClock.now(),
    })),
  id: ({ record }) => record.name,
  subject: ({ record }) => objectId('Scenario', record.name),
  columns: scenarioColumns,
  object: ({ record, spawned }) => viewScenario(record, spawned),
  gone: (row) => ({ ...row, record: { ...row.record, ...GONE, phase: '-', state: null } }),
};

export const policyListing: Listing<PolicyRow> = {
  kind: 'policy',
  plural: 'policies',
  load: (journal) => journal.objects.all('Policy').map((record) => ({ record, now: systemClock.now() })),
  id: ({ record }) => record.name,
  subject: ({ record }) => objectId('Policy', record.name),
  columns: policyColumns,
  object: ({ record }) => viewPolicy(record),
  gone: (row) => ({ ...row, record: { ...row.record, ...GONE, phase: '-' } }),
};

export const runListing: Listing<RunRow> = {
  kind: 'run',
  plural: 'runs',
  load: (journal) => {
    const records = new Map(journal.experiments.all().map((record) => [record.name, record]));
    return journal.runs.list().map((run) => ({
      run,
      effects: journal.effects.ofRun(run.id),
      record: records.get(run.experiment),
      left: leftOf(run),
      now: systemClock.now(),
    }));
  },
  id: ({ run }) => run.id,
  subject: ({ run }) => objectId('Experiment', run.experiment),
  columns: runColumns,
  object: ({ run, effects, record }) => runObject(run, effects, record),
};

export const eventListing: Listing<EventRow> = {
  kind: 'event',
  plural: 'events',
  load: (journal, after) => {
    const provenanceOf = provenances(journal);
    return journal.events.list({ after }).map((event) => ({ ...event, provenance: provenanceOf(event) }));
  },
  id: ({ id }) => `${id}`,
  subject: subjectOf,
  columns: eventColumns,
  object: (row) => eventObject(row, row.provenance ?? null),
  cursor: (rows) => rows.at(-1)?.id,
};

export function experimentRow(parts: Bundle): ExperimentRow {
  return { ...parts, left: leftOf(parts.run), now: systemClock.now() };
}

/** ms; undefined where nothing runs. */
function leftOf(run: Run | undefined): number | undefined {
  return run && run.endedAt === null && run.phase === 'Running'
    ? remaining(systemClock, run.deadline)
    : undefined;
}
