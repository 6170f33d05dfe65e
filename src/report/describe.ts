import { formatDuration } from '../core/duration.ts';
import type { Condition, Effect, Run, SquallEvent } from '../core/types.ts';
import { clean } from './clean.ts';
import { eventColumns } from './events.ts';
import { endsIn, formatAge } from './experiments.ts';
import { faultParameters } from './faults.ts';
import { type ExperimentRow, timeOf } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import { type Column, formatTable } from './table.ts';
import { displayWidth } from './width.ts';
import { formatYaml } from './yaml.ts';

/** All that is known of one experiment, for a person. `events`: oldest first; `runs`: newest first. */
export function formatDescription(
  row: ExperimentRow,
  runs: readonly Run[],
  events: readonly SquallEvent[],
  style: Style,
): string {
  const sections = [
    head(row, style),
    section('Spec', formatYaml(row.record.spec), style),
    section('Conditions', formatTable(conditionColumns(style, row.now), row.record.conditions), style),
    ...(row.run ? [runSection(row, row.run, style)] : []),
    ...earlier(row, runs, style),
    section('Events', events.length > 0 ? formatTable(eventColumns(style), events) : 'none\n', style),
  ];
  return sections.join('\n');
}

function head({ record, now }: ExperimentRow, style: Style): string {
  const labels = Object.entries(record.labels).map(([key, value]) => `${key}=${value}`);
  return fields([
    ['Name', record.name],
    ['Labels', labels.join(', ') || 'none'],
    ['Phase', clean(record.phase), (text) => paintWord(style, text)],
    ['Reason', record.reason || '-'],
    ['Message', record.message || '-'],
    ...(record.hold ? [['Held', `${record.hold}: squall resume ${record.name} lifts it`] as const] : []),
    ...(record.runRequested ? [['Asked for', `another run, by ${record.runRequested}`] as const] : []),
    ['Generation', `${record.generation}`],
    ['Source', `${record.source.file}:${record.source.line}:${record.source.column}`],
    ['Created', `${timeOf(record.createdAt)} (${formatAge(now - record.createdAt)} ago)`],
    ['UID', record.uid],
  ]);
}

type Field = readonly [name: string, value: string, paint?: (text: string) => string];

function fields(all: readonly Field[]): string {
  const width = Math.max(...all.map(([name]) => displayWidth(name))) + 1;
  return all
    .map(([name, value, paint]) => `${`${name}:`.padEnd(width)}  ${(paint ?? same)(clean(value))}\n`)
    .join('');
}

function same(text: string): string {
  return text;
}

function section(title: string, body: string, style: Style): string {
  const indented = body.replace(/^(?=.)/gm, '  ');
  return `${style.bold(`${title}:`)}\n${indented}`;
}

function conditionColumns(style: Style, now: number): Column<Condition>[] {
  return [
    { title: 'TYPE', value: ({ type }) => type },
    { title: 'STATUS', value: ({ status }) => status },
    { title: 'REASON', value: ({ reason }) => reason },
    { title: 'SINCE', value: ({ time }) => formatAge(now - time), paint: style.dim },
    { title: 'MESSAGE', value: ({ message }) => message },
  ];
}

function runSection(row: ExperimentRow, run: Run, style: Style): string {
  const deadline = `${timeOf(run.deadline.wall)}${row.left === undefined ? '' : ` (in ${endsIn(row.left)})`}`;
  const about = fields([
    ['Name', run.id],
    ['Phase', run.phase, (text) => paintWord(style, text)],
    ['Reason', run.reason || '-'],
    ['Trigger', run.trigger],
    ['Started', timeOf(run.startedAt)],
    [
      'Deadline',
      row.left !== undefined && row.left < 0
        ? `${timeOf(run.deadline.wall)} (${endsIn(row.left)})`
        : deadline,
    ],
    [
      'Ended',
      run.endedAt === null
        ? '-'
        : `${timeOf(run.endedAt)} (after ${formatDuration(run.endedAt - run.startedAt)})`,
    ],
    ['Targets', run.targets.map(({ name }) => name).join(', ') || 'none'],
  ]);
  const effects =
    row.effects.length > 0 ? formatTable(effectColumns(style), row.effects) : 'nothing was injected\n';
  return section('Run', `${about}${section('Effects', effects, style)}`, style);
}

function effectColumns(style: Style): Column<Effect>[] {
  return [
    { title: 'TARGET', value: ({ target }) => target.name },
    { title: 'FAULT', value: ({ fault }) => fault.type },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'INJECTED', value: ({ injectedAt }) => moment(injectedAt) },
    { title: 'RECOVERED', value: ({ recoveredAt }) => moment(recoveredAt) },
    { title: 'STRIKES', value: ({ strikes }) => `${strikes}` },
    { title: 'PARAMETERS', value: ({ fault }) => faultParameters(fault) },
    {
      title: 'ERROR',
      value: ({ error }) => error ?? '-',
      paint: (cell) => (cell === '-' ? cell : style.bad(cell)),
    },
  ];
}

function moment(ms: number | null): string {
  return ms === null ? '-' : timeOf(ms).slice(11);
}

function earlier({ run, record }: ExperimentRow, runs: readonly Run[], style: Style): string[] {
  const others = runs.filter(({ id }) => id !== run?.id);
  if (others.length === 0) return [];
  const columns: Column<Run>[] = [
    { title: 'NAME', value: ({ id }) => id },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'TRIGGER', value: ({ trigger }) => trigger },
    { title: 'STARTED', value: ({ startedAt }) => timeOf(startedAt) },
    { title: 'REASON', value: ({ reason }) => reason },
  ];
  const title = `Other runs of ${clean(record.name)}`;
  return [section(title, formatTable(columns, others), style)];
}
