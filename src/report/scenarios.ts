import { type ScenarioRun, type StepState, stateOf } from '../scenario/state.ts';
import { formatAge } from './experiments.ts';
import { ownerOf, type ScenarioRow } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall get scenarios` shows. */
export function scenarioColumns(style: Style, wide: boolean): Column<ScenarioRow>[] {
  const columns: Column<ScenarioRow>[] = [
    { title: 'NAME', value: ({ record }) => record.name },
    { title: 'PHASE', value: ({ record }) => record.phase, paint: (cell) => paintWord(style, cell) },
    { title: 'STEP', value: (row) => stepOf(runOf(row)) },
    { title: 'STARTED', value: (row) => started(runOf(row), row.now), volatile: true },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    { title: 'TRIGGER', value: (row) => runOf(row)?.trigger ?? '-' },
    { title: 'REASON', value: ({ record }) => record.reason },
    { title: 'OWNER', value: ({ spawned }) => ownerOf(spawned?.owner) },
    { title: 'SOURCE', value: ({ record }) => `${record.source.file}:${record.source.line}` },
    { title: 'MESSAGE', value: ({ record }) => record.message },
  ];
}

export function runOf({ record }: Pick<ScenarioRow, 'record'>): ScenarioRun | undefined {
  return stateOf(record).run ?? undefined;
}

/** `3/7 warm up`: where it is, or where it failed; `7/7` once all is done. Steps that only hold others do not count. */
function stepOf(run: ScenarioRun | undefined): string {
  if (!run) return '-';
  const leaves = Object.entries(run.steps).filter(([, step]) => !isFrame(step));
  const at = leaves.findIndex(([path, { phase }]) =>
    run.failedStep === null ? phase === 'Running' : path === run.failedStep,
  );
  const total = leaves.length;
  const [, step] = leaves[at] ?? [];
  if (!step) return `${leaves.filter(([, { phase }]) => phase === 'Succeeded').length}/${total}`;
  const beside = leaves.filter(([, { phase }]) => phase === 'Running').length - 1;
  return `${at + 1}/${total} ${step.title}${run.failedStep === null && beside > 0 ? ` +${beside}` : ''}`;
}

/** `serial` and `parallel`. */
export function isFrame({ kind }: StepState): boolean {
  return kind === 'serial' || kind === 'parallel';
}

function started(run: ScenarioRun | undefined, now: number): string {
  return run ? `${formatAge(now - run.startedAt)} ago` : '-';
}
