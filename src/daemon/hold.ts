import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Hold } from '../core/types.ts';
import type { HaltFile } from '../journal/halt-file.ts';
import type { Journal } from '../journal/journal.ts';
import { emit } from '../reconcile/events.ts';
import type { HoldResult } from '../server/control.ts';

interface HoldDeps {
  journal: Journal;
  halt: HaltFile;
  clock: Clock;
  log: Log;
}

/**
 * Remembers a hold (or lifts it) for one experiment or for all. `all` is the halt file, set before anything else and without the
 * journal's help; lifting `all` lifts single halts too. Returns the names it concerns.
 */
export function setHold(deps: HoldDeps, name: string | 'all', hold: Hold | null): string[] {
  const { journal, halt, clock } = deps;
  if (name === 'all') halt.set(hold !== null);
  const records =
    name === 'all'
      ? journal.experiments.all()
      : [journal.experiments.get(name)].filter((record) => record !== undefined);
  if (name !== 'all' || hold === null) {
    journal.transaction(() => {
      for (const record of records) journal.experiments.put({ ...record, hold, updatedAt: clock.now() });
    });
  }
  const reason = hold === null ? 'Resumed' : hold === 'halted' ? 'Halted' : 'Suspended';
  const message = name === 'all' ? 'all experiments, by a person' : 'by a person';
  emit(deps, { experiment: name === 'all' ? null : name, reason, message });
  return records.map((record) => record.name);
}

/** What a halt left in the world; after a resume there is nothing to say. */
export function holdResult(
  journal: Journal,
  name: string | 'all',
  experiments: string[],
  hold: Hold | null,
): HoldResult {
  if (hold === null) return { experiments, left: [] };
  const left = journal.effects
    .live()
    .filter(({ experiment }) => name === 'all' || experiment === name)
    .map(({ target, fault, error, phase }) => ({
      target: target.name,
      fault: fault.type,
      error: error ?? `still ${phase}`,
    }));
  return { experiments, left };
}
