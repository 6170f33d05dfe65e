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
  /** Containers are listed and manifests read. */
  started: () => boolean;
  events: Set<(event: SquallEvent) => void>;
}): Control {
  const { deps, controller, health, started, events } = options;

  async function run(name: string): Promise<{ run: string }> {
    const record = findExperiment(deps.journal, name);
    if (!started())
      throw new SquallError('SQ503', 'the daemon is still starting', {
        hint: 'Try again in a moment',
        terminal: false,
      });
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
    const { refusal } = await controller.pass(name);
    const after = deps.journal.experiments.get(name);
    if (after?.runId && after.runId !== record.runId) return { run: after.runId };
    const why = refusal?.message ?? `see \`squall describe ${name}\``;
    throw new SquallError(refusal?.code ?? 'SQ401', `${name} did not start: ${why}`);
  }

  async function hold(name: string | 'all', kind: 'halted' | 'suspended' | null): Promise<HoldResult> {
    if (name !== 'all') findExperiment(deps.journal, name);
    const names = setHold(deps, name, kind);
    // Before the first listing nothing is known of any container: the start itself takes up what is resumed.
    if (kind !== null || started()) await Promise.all(names.map((each) => settled(controller, each)));
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
