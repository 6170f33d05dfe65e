import { SquallError } from '../core/errors.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { SquallEvent } from '../core/types.ts';
import type { Controller } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import type { PassResult } from '../reconcile/reconcile.ts';
import type { Control, Health, HoldResult } from '../server/control.ts';
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
    const record = deps.journal.experiments.get(name);
    if (!record) throw notFound(deps, name);
    if (deps.halt.read() || record.hold) {
      throw new SquallError('SQ207', `${name} is ${record.hold ?? 'halted'}`, {
        hint: 'Lift it with `squall resume`',
      });
    }
    const current = record.runId ? deps.journal.runs.get(record.runId) : undefined;
    if (current?.endedAt === null)
      throw new SquallError('SQ206', `${name} is running already: run ${current.id}`);
    deps.journal.transaction(() => deps.journal.experiments.put({ ...record, runRequested: 'manual' }));
    await nextPass(controller, name);
    const after = deps.journal.experiments.get(name);
    if (after?.runId && after.runId !== record.runId) return { run: after.runId };
    throw refusalFor(deps, name);
  }

  async function hold(name: string | 'all', kind: 'halted' | 'suspended' | null): Promise<HoldResult> {
    if (name !== 'all' && !deps.journal.experiments.get(name)) throw notFound(deps, name);
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
  while ((await nextPass(controller, name)).again);
}

/** Adds the key and resolves after its next pass. Rejects with what the pass failed with. */
function nextPass(controller: Controller, name: string): Promise<PassResult> {
  return new Promise((resolve, reject) => {
    const off = controller.onPass((passed, result) => {
      if (passed !== name) return;
      off();
      if (result instanceof Error) reject(result);
      else resolve(result);
    });
    controller.add(name);
  });
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

function notFound({ journal }: ReconcileDeps, name: string): SquallError {
  const names = journal.experiments.all().map((record) => record.name);
  const near = nearMiss(name, names);
  const hint = near ? `Did you mean ${near}?` : 'See `squall get experiments`';
  return new SquallError('SQ502', `no experiment is named ${name}`, { hint });
}
