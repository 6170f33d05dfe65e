import { formatDuration } from '../core/duration.ts';
import { endsIn, formatAge } from './experiments.ts';
import { commitOf, ownerOf, type RunRow, targetsOf } from './rows.ts';
import { paintWord, type Style } from './style.ts';
import type { Column } from './table.ts';

/** What `squall get runs` shows. */
export function runColumns(style: Style, wide: boolean): Column<RunRow>[] {
  const columns: Column<RunRow>[] = [
    { title: 'NAME', value: ({ run }) => run.id },
    { title: 'EXPERIMENT', value: ({ run }) => run.experiment },
    { title: 'PHASE', value: ({ run }) => run.phase, paint: (cell) => paintWord(style, cell) },
    { title: 'TARGETS', value: ({ run, effects }) => targetsOf(run, effects) },
    { title: 'TRIGGER', value: ({ run }) => run.trigger },
    { title: 'ENDS-IN', value: ({ left }) => endsIn(left), volatile: true },
    {
      title: 'TOOK',
      value: ({ run }) => (run.endedAt === null ? '-' : formatDuration(run.endedAt - run.startedAt)),
    },
    { title: 'AGE', value: ({ run, now }) => formatAge(now - run.startedAt), volatile: true },
    { title: 'REASON', value: ({ run }) => run.reason },
  ];
  if (!wide) return columns;
  return [
    ...columns,
    { title: 'OWNER', value: ownedBy },
    { title: 'COMMIT', value: ({ run }) => commitOf(run.provenance) },
    { title: 'GENERATION', value: ({ run }) => `${run.generation}` },
    { title: 'CONTAINERS', value: ({ run }) => run.targets.map(({ name }) => name).join(',') },
  ];
}

/** Of an experiment that is forgotten the trigger still tells. */
function ownedBy({ record, run: { trigger } }: RunRow): string {
  if (record) return ownerOf(record.owner);
  return trigger.includes('/') ? trigger : '-';
}
