import { SquallError } from '../core/errors.ts';
import type { SquallEvent } from '../core/types.ts';
import type { Controller } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import type { Control, Health, HoldResult } from '../server/control.ts';
import { findExperiment } from '../server/views.ts';
import { holdResult, setHold } from './hold.ts';

/** What the socket's imperative requests come to. */
export function createControl(options: {
  deps: ReconcileDeps;
  controller: Controller;
  health: () => Health;
  events: Set<(event: SquallEvent) => void>;
}): Control {
  const { deps, controller, health, events } = options;

  async function run(name: string): Promise<{ run: string }> {
    const record = findExperiment(deps.journal, name);
    if (deps.halt.read() || record.hold) {
      const all = deps.halt.read();
      throw new SquallError('SQ207', all ? 'all chaos is halted' : `${name} is ${record.hold}`, {
        hint: `Lift it with \`squall resume ${all ? '--all' : name}\``,
      });
    }
    const current = record.runId ? deps.journal.runs.get(record.runId) : undefined;
    if (current?.endedAt === null)
      throw new SquallError('SQ206', `${name} is running already: run ${current.id}`);
    deps.journal.transaction(() => deps.journal.experiments.put({ ...record, runRequested: 'manual' }));
    await controller.pass(name);
    const after = deps.journal.experiments.get(name);
    if (after?.runId && after.runId !== record.runId) return { run: after.runId };
    throw refusalFor(deps, name);
  }

  async function hold(name: string | 'all', kind: 'halted' | 'suspended' | null): Promise<HoldResult> {
    if (name !== 'all') findExperiment(deps.journal, name);
    const names = setHold(deps, name, kind);
    await Promise.all(names.map((each) => settled(controller, each)));
    return holdResult(deps.journal, name, names, kind);
  }

  return {
    run,
    halt: (name) => hold(name, 'halted'),
    suspend: (name) => hold(name, 'suspended'),
    resume: (name) => hold(name, null),
    health,
    onEvent: (listener) => {
      events.add(listener);
      return () => events.delete(listener);
    },
  };
}

/** Resolves when there is nothing left to do for the experiment but wait. */
async function settled(controller: Controller, name: string): Promise<void> {
  while ((await controller.pass(name)).again);
}

/** The newest warning about the experiment says why nothing started. */
function refusalFor({ journal }: ReconcileDeps, name: string): SquallError {
  const record = journal.experiments.get(name);
  const events = journal.events.list({ experiment: name, limit: 5 }).reverse();
  const warning = events.find(({ type }) => type === 'Warning');
  return new SquallError(
    'SQ204',
    `${name} did not start: ${record?.message || warning?.message || 'refused'}`,
  );
}
