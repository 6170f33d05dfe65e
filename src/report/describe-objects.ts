import { formatDuration } from '../core/duration.ts';
import type { ObjectRecord } from '../core/kinds.ts';
import type { ExperimentRecord } from '../core/types.ts';
import { zoneOf } from '../core/zone.ts';
import type { StepState } from '../scenario/state.ts';
import { conditionSection, eventSection, labelsOf, originFields, ownedFields } from './describe.ts';
import { formatAge } from './experiments.ts';
import { type EventRow, type PolicyRow, type ScenarioRow, type ScheduleRow, timeOf } from './rows.ts';
import { isFrame, runOf } from './scenarios.ts';
import { ahead } from './schedules.ts';
import { type Field, fields, section } from './sections.ts';
import { paintWord, type Style } from './style.ts';
import { type Column, formatTable } from './table.ts';
import { formatYaml } from './yaml.ts';

/** Something that a schedule or scenario has started. */
export interface StartedRow {
  kind: 'experiment' | 'scenario';
  name: string;
  phase: string;
  /** Wall ms; null where it has not begun. */
  startedAt: number | null;
  endedAt: number | null;
  message: string;
}

/** `next`: its next times, wall ms; undefined while it rests. `started`: oldest first, as events. */
export function formatSchedule(
  row: ScheduleRow,
  next: readonly number[] | undefined,
  started: readonly StartedRow[],
  events: readonly EventRow[],
  style: Style,
): string {
  const { record, now } = row;
  return [
    head(record, [], now, style),
    section('Spec', formatYaml(record.spec), style),
    ...conditionSection(record.conditions, now, style),
    section('Next times', nextTimes(record, next, now), style),
    startedSection(started, now, style),
    eventSection(events, style),
  ].join('\n');
}

export function formatScenario(
  row: ScenarioRow,
  started: readonly StartedRow[],
  events: readonly EventRow[],
  style: Style,
): string {
  const { record, spawned, now } = row;
  return [
    head(record, ownedFields(spawned?.owner, spawned?.copyOf), now, style),
    section('Spec', formatYaml(record.spec), style),
    ...conditionSection(record.conditions, now, style),
    ...scenarioRun(row, style),
    ...(started.length > 0 ? [startedSection(started, now, style)] : []),
    eventSection(events, style),
  ].join('\n');
}

/** `refused`: experiments that are denied with this Policy's name in the message. */
export function formatPolicy(
  { record, now }: PolicyRow,
  refused: readonly ExperimentRecord[],
  events: readonly EventRow[],
  style: Style,
): string {
  const columns: Column<ExperimentRecord>[] = [
    { title: 'EXPERIMENT', value: ({ name }) => name },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'REASON', value: ({ reason }) => reason },
    { title: 'MESSAGE', value: ({ message }) => message },
  ];
  return [
    head(record, [], now, style),
    section('Spec', formatYaml(record.spec), style),
    ...conditionSection(record.conditions, now, style),
    section('Refuses now', refused.length > 0 ? formatTable(columns, refused) : 'nothing\n', style),
    eventSection(events, style),
  ].join('\n');
}

function head(record: ObjectRecord, owned: readonly Field[], now: number, style: Style): string {
  const { kind, name, hold, labels, phase, reason, message } = record;
  const lift = `squall resume ${kind.toLowerCase()}/${name} lifts it`;
  return fields([
    ['Name', name],
    ['Kind', kind],
    ['Labels', labelsOf(labels)],
    ['Phase', phase, (text) => paintWord(style, text)],
    ['Reason', reason || '-'],
    ['Message', message || '-'],
    ...(hold ? [['Held', `${hold}: ${lift}`] as const] : []),
    ...owned,
    ...originFields(record, now),
  ]);
}

function nextTimes(
  { spec }: ObjectRecord<'Schedule'>,
  next: readonly number[] | undefined,
  now: number,
): string {
  if (!next) return 'none while it rests\n';
  if (next.length === 0) return 'none: the expression matches no day to come\n';
  const zone = spec.timeZone ?? 'UTC';
  const jitter = spec.jitter === undefined ? '' : `, and up to ${spec.jitter} later`;
  return next.map((at) => `${wallTime(at, zone)} (${ahead(at, now)}${jitter})\n`).join('');
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `Tue 2026-11-24 02:00:00 Europe/Zurich`: as the clock on the wall there shows it. */
export function wallTime(at: number, timeZone: string): string {
  const wall = new Date(at + zoneOf(timeZone).offset(at));
  const [date = '', time = ''] = wall.toISOString().split('T');
  return `${DAYS[wall.getUTCDay()]} ${date} ${time.slice(0, 8)} ${timeZone}`;
}

function startedSection(started: readonly StartedRow[], now: number, style: Style): string {
  const columns: Column<StartedRow>[] = [
    { title: 'STARTED', value: ({ kind, name }) => `${kind}/${name}` },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'AGE', value: ({ startedAt }) => (startedAt === null ? '-' : formatAge(now - startedAt)) },
    { title: 'TOOK', value: took },
    { title: 'MESSAGE', value: ({ message }) => message },
  ];
  return section('Has started', started.length > 0 ? formatTable(columns, started) : 'nothing\n', style);
}

function took({ startedAt, endedAt }: Pick<StartedRow, 'startedAt' | 'endedAt'>): string {
  return startedAt === null || endedAt === null ? '-' : formatDuration(endedAt - startedAt);
}

function scenarioRun(row: ScenarioRow, style: Style): string[] {
  const run = runOf(row);
  if (!run) return [];
  const about = fields([
    ['Name', run.id],
    ['Trigger', run.trigger],
    ['Started', timeOf(run.startedAt)],
    ...(run.deadline ? [['Deadline', timeOf(run.deadline.wall)] as const] : []),
    ['Ended', run.endedAt === null ? '-' : `${timeOf(run.endedAt)} (after ${took(run)})`],
  ]);
  const steps = formatTable(stepColumns(style), stepRows(run.steps));
  return [section('Run', `${about}${section('Steps', steps, style)}`, style)];
}

interface StepRow extends StepState {
  /** What stands before the title, to show what it is within. */
  branch: string;
}

function stepColumns(style: Style): Column<StepRow>[] {
  return [
    { title: 'STEP', value: ({ branch, title }) => `${branch}${title}` },
    { title: 'PHASE', value: ({ phase }) => phase, paint: (cell) => paintWord(style, cell) },
    { title: 'STARTED', value: ({ startedAt }) => (startedAt === null ? '-' : timeOf(startedAt).slice(11)) },
    { title: 'TOOK', value: took },
    { title: 'EXPERIMENT', value: ({ experiment }) => experiment ?? '-' },
    { title: 'MESSAGE', value: (step) => (isFrame(step) ? '' : step.message) },
  ];
}

/** Paths are in the order of the manifest: `steps[0]`, `steps[0].parallel[0]`, ... */
function stepRows(steps: Readonly<Record<string, StepState>>): StepRow[] {
  const paths = Object.keys(steps);
  return Object.entries(steps).map(([path, step]) => ({ ...step, branch: branchOf(path, paths) }));
}

/** A table takes blanks away where a cell begins, so that the first mark of a branch is always drawn. */
function branchOf(path: string, paths: readonly string[]): string {
  const depth = path.split('.').length - 1;
  if (depth === 0) return '';
  const isLast = !paths.includes(path.replace(/\d+(?=\]$)/, (index) => `${Number(index) + 1}`));
  return `${'│ '.repeat(depth - 1)}${isLast ? '└ ' : '├ '}`;
}
