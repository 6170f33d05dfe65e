import { formatDuration } from '../core/duration.ts';
import type { Owner, Provenance } from '../core/kinds.ts';
import type { Condition, Effect, ExperimentRecord, Run } from '../core/types.ts';
import { clean } from './clean.ts';
import { eventColumns } from './events.ts';
import { endsIn, formatAge } from './experiments.ts';
import { shortParameters } from './faults.ts';
import { type EventRow, type ExperimentRow, ownerOf, timeOf, wordsOf } from './rows.ts';
import { type Field, fields, section } from './sections.ts';
import { paintWord, type Style } from './style.ts';
import { type Column, formatTable } from './table.ts';
import { formatYaml } from './yaml.ts';

/** All that is known of one experiment, for a person. `events`: oldest first; `runs`: newest first. */
export function formatDescription(
  row: ExperimentRow,
  runs: readonly Run[],
  events: readonly EventRow[],
  style: Style,
): string {
  const sections = [
    head(row, style),
    section('Spec', formatYaml(row.record.spec), style),
    ...conditionSection(row.record.conditions, row.now, style),
    ...(row.run ? [runSection(row, row.run, style)] : []),
    ...earlier(row, runs, style),
    eventSection(events, style),
  ];
  return sections.join('\n');
}

function head({ record, inherited, now }: ExperimentRow, style: Style): string {
  return fields([
    ['Name', record.name],
    ['Labels', labelsOf(record.labels)],
    ['Phase', clean(record.phase), (text) => paintWord(style, text)],
    ['Reason', record.reason || '-'],
    ['Message', record.message || '-'],
    ...heldFields(record, inherited),
    ...ownedFields(record.owner, record.copyOf),
    ...(record.runRequested ? [['Asked for', `another run, by ${record.runRequested}`] as const] : []),
    ...originFields(record, now),
  ]);
}

function heldFields({ hold, name }: ExperimentRecord, inherited: ExperimentRow['inherited']): Field[] {
  const held: Field[] = hold ? [['Held', `${hold}: squall resume ${name} lifts it`]] : [];
  if (!inherited) return held;
  const by = wordsOf(inherited.by);
  return [...held, ['Held with', `${by}, which is ${inherited.hold}: squall resume ${by} lifts it`]];
}

export function labelsOf(labels: Record<string, string>): string {
  return (
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(', ') || 'none'
  );
}

export function ownedFields(owner: Owner | null | undefined, copyOf: string | null | undefined): Field[] {
  return [
    ...(owner ? [['Owner', ownerOf(owner)] as const] : []),
    ...(copyOf ? [['Copy of', copyOf] as const] : []),
  ];
}

type Origin = Pick<ExperimentRecord, 'generation' | 'source' | 'createdAt' | 'uid'>;

export function originFields({ generation, source, createdAt, uid }: Origin, now: number): Field[] {
  return [
    ['Generation', `${generation}`],
    ['Source', `${source.file}:${source.line}:${source.column}`],
    ['Created', `${timeOf(createdAt)} (${formatAge(now - createdAt)} ago)`],
    ['UID', uid],
  ];
}

export function conditionSection(conditions: readonly Condition[], now: number, style: Style): string[] {
  if (conditions.length === 0) return [];
  return [section('Conditions', formatTable(conditionColumns(style, now), conditions), style)];
}

/** Oldest first. */
export function eventSection(events: readonly EventRow[], style: Style): string {
  const body = events.length > 0 ? formatTable(eventColumns(style), events) : 'none\n';
  return section('Events', body, style);
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
    ...(run.provenance ? [['Commit', commitText(run.provenance)] as const] : []),
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

/** `1f3a9c20 "Block redis" by Ada <ada@example.org>` */
function commitText({ commit, author, subject, dirty }: Provenance): string {
  const differs = dirty ? '; the file differed from it' : '';
  return `${commit.slice(0, 8)} "${subject}" by ${author}${differs}`;
}

function effectColumns(style: Style): Column<Effect>[] {
  return [
    { title: 'TARGET', value: ({ target }) => target.name },
    { title: 'FAULT', value: ({ fault }) => fault.type },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'INJECTED', value: ({ injectedAt }) => moment(injectedAt) },
    { title: 'RECOVERED', value: ({ recoveredAt }) => moment(recoveredAt) },
    { title: 'STRIKES', value: ({ strikes }) => `${strikes}` },
    { title: 'PARAMETERS', value: ({ fault }) => shortParameters(fault) },
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
