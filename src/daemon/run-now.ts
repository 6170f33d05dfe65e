import { SquallError } from '../core/errors.ts';
import { type Manifest, type ObjectKind, type ObjectRecord, objectId, parseObjectId } from '../core/kinds.ts';
import type { Controller } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import { emit } from '../reconcile/events.ts';
import { inheritedHold } from '../reconcile/inherited.ts';
import type { Objects } from '../reconcile/objects.ts';
import { wanted } from '../reconcile/wanted.ts';
import { heldBy } from '../scenario/life.ts';
import { activeRun, requestRun, stateOf } from '../scenario/state.ts';
import { fireByHand } from '../schedule/by-hand.ts';
import { firedBy } from '../schedule/fired.ts';
import type { ActId, Started } from '../server/control.ts';
import { findExperiment, findObject } from '../server/views.ts';

export interface RunDeps {
  deps: ReconcileDeps;
  controller: Controller;
  objects: Objects;
}

/** Starts what a person asked for. Resolves once it has started; throws what refused it. */
export function runNow(with_: RunDeps, id: ActId): Promise<Started> {
  const { kind, name } = parseObjectId(id);
  if (kind === 'Schedule') return runSchedule(with_, name);
  return kind === 'Scenario' ? runScenario(with_, name) : runExperiment(with_, name);
}

async function runExperiment({ deps, controller }: RunDeps, name: string): Promise<Started> {
  const { journal } = deps;
  const record = findExperiment(journal, name);
  refuseHalted(deps);
  if (record.hold) throw heldError(`${name} is ${record.hold}`, `squall resume ${name}`);
  const inherited = inheritedHold(deps, record);
  if (inherited) {
    const by = inherited.by.toLowerCase();
    throw heldError(`${name} is held with ${by}, which is ${inherited.hold}`, `squall resume ${by}`);
  }
  const current = record.runId ? journal.runs.get(record.runId) : undefined;
  if (current?.endedAt === null)
    throw new SquallError('SQ206', `${name} is running already: run ${current.id}`);
  journal.transaction(() => journal.experiments.put({ ...record, runRequested: 'manual' }));
  return started({ deps, controller }, name, record.runId);
}

/** `before`: the run that stood for it until now. */
async function started(
  { deps, controller }: Pick<RunDeps, 'deps' | 'controller'>,
  name: string,
  before: string | null,
): Promise<Started> {
  const { refusal } = await controller.pass(name);
  const after = deps.journal.experiments.get(name);
  if (after?.runId && after.runId !== before)
    return { run: after.runId, object: objectId('Experiment', name) };
  const why = refusal?.message || after?.message || `see \`squall describe ${name}\``;
  throw new SquallError(refusal?.code ?? 'SQ401', `${name} did not start: ${why}`);
}

async function runScenario({ deps, objects }: RunDeps, name: string): Promise<Started> {
  const { journal } = deps;
  const id = objectId('Scenario', name);
  const record = findObject(journal, 'Scenario', name);
  const manifest = declaredNow(deps, record);
  const held = heldBy(deps, record, manifest);
  if (held) throw heldError(`${id.toLowerCase()}: ${held.what}`, held.lift);
  const active = activeRun(record);
  if (active) throw new SquallError('SQ206', `${name} is running already: run ${active.id}`);
  journal.transaction(() => journal.objects.put(requestRun(record)));
  objects.add(id);
  await objects.idle();
  return startedScenario(deps, name, stateOf(record).run?.id);
}

function startedScenario({ journal }: ReconcileDeps, name: string, before: string | undefined): Started {
  const id = objectId('Scenario', name);
  const record = journal.objects.get('Scenario', name);
  const run = record && stateOf(record).run;
  if (run && run.id !== before) return { run: run.id, object: id };
  const why = record?.message || `see \`squall describe ${id.toLowerCase()}\``;
  throw new SquallError('SQ401', `${name} did not start: ${why}`);
}

/** What the schedule starts, at no time of its own. What can't start now is taken back: nobody wants it later. */
async function runSchedule({ deps, controller, objects }: RunDeps, name: string): Promise<Started> {
  const { journal } = deps;
  const record = findObject(journal, 'Schedule', name);
  refuseHalted(deps);
  if (record.hold) throw heldError(`schedule ${name} is ${record.hold}`, `squall resume schedule/${name}`);
  declaredNow(deps, record);
  const running = firedBy(journal, record).filter(({ active }) => active);
  const policy = record.spec.concurrencyPolicy ?? 'Forbid';
  if (policy !== 'Allow' && running.length > 0) {
    const which = running.map((one) => one.name).join(', ');
    throw new SquallError(
      'SQ206',
      `${which} of schedule ${name} is running still (concurrencyPolicy ${policy})`,
    );
  }
  const spawned = journal.transaction(() => fireByHand(deps, record));
  const object = objectId('Schedule', name);
  try {
    objects.add(objectId(spawned.kind, spawned.name));
    objects.add(object);
    await objects.idle();
    const result =
      spawned.kind === 'Scenario'
        ? startedScenario(deps, spawned.name, undefined)
        : await started({ deps, controller }, spawned.name, null);
    const message = `${spawned.kind.toLowerCase()} ${spawned.name}, by a person`;
    emit(deps, { object, experiment: null, reason: 'Fired', message });
    return result;
  } catch (error) {
    journal.transaction(() => journal.spawned.remove(spawned.kind, spawned.name));
    if (spawned.kind === 'Experiment') controller.add(spawned.name);
    objects.add(objectId(spawned.kind, spawned.name));
    throw error;
  }
}

function refuseHalted({ halt }: ReconcileDeps): void {
  if (halt.read()) throw heldError('all chaos is halted', 'squall resume --all');
}

function heldError(message: string, lift: string): SquallError {
  return new SquallError('SQ207', message, { hint: `Lift it with \`${lift}\`` });
}

/** The manifest that stands for an object. Throws where there is none any more, or it is not right: that starts nothing. */
function declaredNow<K extends ObjectKind>(
  deps: ReconcileDeps,
  { kind, name }: ObjectRecord<K>,
): Manifest<K> {
  const manifest = wanted<K>(deps, kind, name);
  const word = `${kind.toLowerCase()} ${name}`;
  if (!manifest) throw new SquallError('SQ502', `the manifest of ${word} is gone`);
  const { conflict, stale } = manifest;
  if (conflict) throw new SquallError('SQ104', `${word} did not start: ${conflict}`);
  if (stale) throw new SquallError('SQ101', `${word} did not start: ${stale}`);
  return manifest;
}
