import { remaining, systemClock } from '../core/clock.ts';
import type { Run, SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { eventColumns } from '../report/events.ts';
import { experimentColumns } from '../report/experiments.ts';
import type { ExperimentRow, RunRow } from '../report/rows.ts';
import { runColumns } from '../report/runs.ts';
import type { Style } from '../report/style.ts';
import type { Column } from '../report/table.ts';
import { type Bundle, bundle, eventObject, experimentObject, runObject } from '../server/views.ts';

/** One kind of thing that `get` lists: how it is read, named and shown. */
export interface Listing<Row> {
  /** As in `experiment/NAME`. */
  kind: string;
  plural: string;
  /** `after`: only what has a greater id, of things that are only ever added. */
  load(journal: Journal, after: number): Row[];
  id(row: Row): string;
  /** The experiment that it is or belongs to. */
  experiment(row: Row): string | null;
  columns(style: Style, wide: boolean): Column<Row>[];
  object(row: Row): unknown;
  /** The greatest id of rows that never change. */
  cursor?(rows: readonly Row[]): number | undefined;
  /** The row as it is told once it is gone. */
  gone?(row: Row): Row;
}

export const experimentListing: Listing<ExperimentRow> = {
  kind: 'experiment',
  plural: 'experiments',
  load: (journal) => journal.experiments.all().map((record) => experimentRow(bundle(journal, record))),
  id: ({ record }) => record.name,
  experiment: ({ record }) => record.name,
  columns: experimentColumns,
  object: experimentObject,
  gone: (row) => {
    const record = { ...row.record, reason: 'Deleted', message: 'the manifest is gone' };
    return { ...row, record, run: undefined, effects: [], left: undefined };
  },
};

export const runListing: Listing<RunRow> = {
  kind: 'run',
  plural: 'runs',
  load: (journal) =>
    journal.runs.list().map((run) => ({
      run,
      effects: journal.effects.ofRun(run.id),
      left: leftOf(run),
      now: systemClock.now(),
    })),
  id: ({ run }) => run.id,
  experiment: ({ run }) => run.experiment,
  columns: runColumns,
  object: ({ run, effects }) => runObject(run, effects),
};

export const eventListing: Listing<SquallEvent> = {
  kind: 'event',
  plural: 'events',
  load: (journal, after) => journal.events.list({ after }),
  id: ({ id }) => `${id}`,
  experiment: ({ experiment }) => experiment,
  columns: eventColumns,
  object: eventObject,
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
