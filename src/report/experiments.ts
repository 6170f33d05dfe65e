import { formatDuration } from '../core/duration.ts';
import type { Run } from '../core/types.ts';
import { commitOf, type ExperimentRow, ownerOf, targetsOf } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall get experiments` shows; `wide` shows all there is. */
export function experimentColumns(style: Style, wide: boolean): Column<ExperimentRow>[] {
  const columns: Column<ExperimentRow>[] = [
    { title: 'NAME', value: ({ record }) => record.name },
    { title: 'PHASE', value: ({ record }) => record.phase, paint: (cell) => paintWord(style, cell) },
    { title: 'TARGETS', value: ({ run, effects }) => targetsOf(run, effects) },
    {
      title: 'FAULTS',
      value: ({ record }) => [...new Set(record.spec.faults.map(({ type }) => type))].join(','),
    },
    { title: 'ENDS-IN', value: ({ left }) => endsIn(left), volatile: true },
    { title: 'AGE', value: ({ record, now }) => formatAge(now - record.createdAt), volatile: true },
    { title: 'REASON', value: ({ record }) => record.reason },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    { title: 'OWNER', value: ({ record }) => ownerOf(record.owner) },
    { title: 'COMMIT', value: ({ run }) => commitOf(run?.provenance) },
    { title: 'GENERATION', value: ({ record }) => `${record.generation}` },
    { title: 'RUN', value: ({ run }) => runOf(run) },
    { title: 'SOURCE', value: ({ record }) => `${record.source.file}:${record.source.line}` },
    { title: 'MESSAGE', value: ({ record }) => record.message },
  ];
}

/** `slow-1`, and what became of it once it is over: `slow-1 Completed`. */
function runOf(run: Run | undefined): string {
  if (!run) return '-';
  return run.endedAt === null ? run.id : `${run.id} ${run.phase}`;
}

/** Time left for people; `overdue` says that something should have ended by now. */
export function endsIn(left: number | undefined): string {
  if (left === undefined) return '-';
  return left < 0 ? `overdue ${formatDuration(-left)}` : formatAge(left);
}

/** Whole seconds from one second on: an age is not a measurement. */
export function formatAge(ms: number): string {
  return formatDuration(ms < 1000 ? Math.max(0, ms) : Math.floor(ms / 1000) * 1000);
}
