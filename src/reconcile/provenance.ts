import type { Plan } from '../plan/actions.ts';
import type { ReconcileDeps } from './deps.ts';

/**
 * Looks up which commit a run that starts, or takes up an edit, came from, and writes it to the run. Nothing waits for it: a fault goes
 * in as fast as without.
 */
export function lookUpProvenance({ provenance, journal, log }: ReconcileDeps, plan: Plan): void {
  const action = plan.actions.find(({ kind }) => kind === 'start' || kind === 'edit');
  const file = plan.record?.source.file;
  if (!provenance || !action || !('run' in action) || file === undefined) return;
  provenance(file)
    .then((found) => found && journal.transaction(() => journal.runs.cameFrom(action.run.id, found)))
    .catch((error: unknown) =>
      log.warn({ run: action.run.id, error: String(error) }, 'where a run came from is not known'),
    );
}
