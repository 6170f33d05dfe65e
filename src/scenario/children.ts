import type { ObjectRecord } from '../core/kinds.ts';
import type { ExperimentRecord } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';
import { experimentsOf } from './close.ts';
import type { Child } from './draft.ts';
import type { ScenarioRun } from './state.ts';

/** The experiments that a run has started, by name. */
export function childrenOf(
  journal: Journal,
  { uid }: Pick<ObjectRecord<'Scenario'>, 'uid'>,
  run: ScenarioRun,
): Map<string, Child> {
  const found = new Map<string, Child>();
  for (const name of experimentsOf({ run })) {
    const child = childOf(journal, name, uid);
    if (child) found.set(name, child);
  }
  return found;
}

function childOf(journal: Journal, name: string, uid: string): Child | undefined {
  const record = journal.experiments.get(name);
  if (record?.owner?.uid === uid) return statusOf(journal, record);
  if (journal.spawned.get('Experiment', name)?.owner.uid !== uid) return undefined;
  const child = { reason: '', message: '', run: 'none', unrecovered: false } as const;
  if (!record) return { ...child, phase: 'Pending' };
  return { ...child, phase: 'Invalid', message: `${record.source.file} declares that name now` };
}

function statusOf(journal: Journal, record: ExperimentRecord): Child {
  const { phase, reason, message, runId } = record;
  const run = runId === null ? undefined : journal.runs.get(runId);
  if (!run) return { phase, reason, message, run: 'none', unrecovered: false };
  if (run.endedAt === null) return { phase, reason, message, run: 'active', unrecovered: false };
  // The record may say what came after, a halt of everything say.
  const unrecovered =
    run.phase === 'Failed' && journal.effects.ofRun(run.id).some((effect) => effect.phase !== 'recovered');
  const why = run.phase === record.phase && unrecovered ? message : '';
  return { phase: run.phase, reason: run.reason, message: why, run: 'ended', unrecovered };
}
