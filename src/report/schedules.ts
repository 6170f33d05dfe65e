import { formatDuration } from '../core/duration.ts';
import type { ScheduleSpec } from '../core/kinds.ts';
import type { ScheduleMemory } from '../schedule/handler.ts';
import { formatAge } from './experiments.ts';
import type { ScheduleRow } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall get schedules` shows. */
export function scheduleColumns(style: Style, wide: boolean): Column<ScheduleRow>[] {
  const columns: Column<ScheduleRow>[] = [
    { title: 'NAME', value: ({ record }) => record.name },
    { title: 'CRON', value: ({ record }) => record.spec.cron },
    { title: 'TIMEZONE', value: ({ record }) => record.spec.timeZone ?? 'UTC' },
    { title: 'PHASE', value: ({ record }) => record.phase, paint: (cell) => paintWord(style, cell) },
    { title: 'LAST', value: (row) => ago(memoryOf(row)?.lastSlot, row.now), volatile: true },
    { title: 'NEXT', value: (row) => ahead(memoryOf(row)?.next, row.now), volatile: true },
    { title: 'ACTIVE', value: (row) => `${memoryOf(row)?.active.length ?? 0}` },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    { title: 'STARTS', value: ({ record }) => startsOf(record.spec) },
    { title: 'REASON', value: ({ record }) => record.reason },
    { title: 'SOURCE', value: ({ record }) => `${record.source.file}:${record.source.line}` },
    { title: 'MESSAGE', value: ({ record }) => record.message },
  ];
}

export function memoryOf({ record }: Pick<ScheduleRow, 'record'>): ScheduleMemory | undefined {
  return (record.state as unknown as ScheduleMemory | null) ?? undefined;
}

/** `experiment/x`, `scenario/y`, or `own` for an experiment that stands in the schedule. */
function startsOf({ experimentRef, scenarioRef }: ScheduleSpec): string {
  if (experimentRef) return `experiment/${experimentRef.name}`;
  return scenarioRef ? `scenario/${scenarioRef.name}` : 'own';
}

function ago(at: number | null | undefined, now: number): string {
  return at === null || at === undefined ? '-' : formatAge(now - at);
}

/** `in 3h12m`; `due` for what waits for the end of another run. */
export function ahead(at: number | null | undefined, now: number): string {
  if (at === null || at === undefined) return '-';
  return at <= now ? 'due' : `in ${formatDuration(Math.ceil((at - now) / 1000) * 1000)}`;
}
