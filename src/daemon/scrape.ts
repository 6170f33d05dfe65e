import { PHASES } from '../core/types.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { writtenName } from '../reconcile/written-name.ts';

/** The metrics page. What is counted over all experiments is counted here, when somebody asks, and not at every pass. */
export async function scrape({
  journal,
  metrics,
  halt,
}: Pick<ReconcileDeps, 'journal' | 'metrics' | 'halt'>): Promise<string> {
  const records = journal.experiments.all();
  for (const phase of PHASES)
    metrics.experiments.set({ phase }, records.filter((record) => record.phase === phase).length);
  const names = new Map(records.map((record) => [record.name, writtenName({ journal }, record)]));
  const nameOf = (experiment: string) => names.get(experiment) ?? experiment;
  metrics.faultActive.reset();
  for (const { experiment, fault, target, phase } of journal.effects.live())
    if (phase !== 'intended')
      metrics.faultActive.set({ experiment: nameOf(experiment), type: fault.type, target: target.name }, 1);
  metrics.runInfo.reset();
  for (const { experiment, id: run, trigger, provenance } of journal.runs.active())
    metrics.runInfo.set(
      { experiment: nameOf(experiment), run, trigger, commit: provenance?.commit ?? '' },
      1,
    );
  metrics.halted.set(halt.read() ? 1 : 0);
  return metrics.registry.metrics();
}
