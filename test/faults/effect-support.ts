import { setTimeout as sleep } from 'node:timers/promises';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import type { Container, Effect, FaultSpec } from '../../src/core/types.ts';
import type { FaultContext, Observation, Recovery, World } from '../../src/faults/fault.ts';
import { faultKind } from '../../src/faults/index.ts';

/** What the engine does with effects, step by step, on targets of type `Target`. */
export interface Effects<Target> {
  /** What comes before `inject`: resolve, prepare, journal. Each effect is a run of its own, of two minutes, unless `change` says otherwise. */
  intend(fault: FaultSpec, target: Target, world: World, change?: Partial<Effect>): Promise<Effect>;
  /** Intends and injects. */
  strike(fault: FaultSpec, target: Target, world: World, change?: Partial<Effect>): Promise<Effect>;
  /** The effect prepared once more, as for an edit or a retry: the journal knows of it by then. */
  again(effect: Effect, target: Target): Promise<Effect>;
  /** Puts another fault into the effect's slot, as an edited manifest does. */
  edit(effect: Effect, fault: FaultSpec, target: Target, world: World): Promise<Effect>;
  /** Injects and reads back. */
  inject(effect: Effect): Promise<void>;
  observe(effect: Effect): Promise<Observation>;
  /** Recovers once; `done` may still be false. */
  recover(effect: Effect): Promise<Recovery>;
  /** Recovers as often as it asks for it, and says how it ended. */
  recoverFully(effect: Effect): Promise<string>;
  /** Recovers all that was struck and still stands, so that a failed test does not fail those after it. */
  recoverAll(): Promise<void>;
}

let count = 0;

/** `observed`: the target as it is now. */
export function createEffects<Target>(
  context: FaultContext,
  observed: (target: Target) => Promise<Container>,
): Effects<Target> {
  const standing = new Map<string, Effect>();
  const recover = (effect: Effect) => faultKind(effect.fault.type).recover(context, effect);
  const recoverFully = async (effect: Effect) => {
    const claimed = { ...effect, recoveringBoot: systemClock.boot() };
    for (;;) {
      const recovery = await recover(claimed);
      if (!recovery.done) {
        await sleep(recovery.retryAfter);
        continue;
      }
      standing.delete(effect.runId);
      return recovery.how;
    }
  };
  const intend: Effects<Target>['intend'] = async (fault, target, world, change = {}) => {
    const kind = faultKind(fault.type);
    const container = await observed(target);
    const effect = { ...effectOf(context, container, fault, ++count), ...change };
    effect.resolved = change.resolved ?? kind.resolve(fault, container, world);
    // Through JSON, as the journal keeps it: recovery in another process sees no more than that.
    const undo = change.undo ?? (await kind.prepare(context, effect, container));
    return JSON.parse(JSON.stringify({ ...effect, undo })) as Effect;
  };
  const inject = async (effect: Effect) => {
    const kind = faultKind(effect.fault.type);
    await kind.inject(context, effect);
    await kind.verify?.(context, effect);
  };
  const again = async (effect: Effect, target: Target) => {
    const undo = await faultKind(effect.fault.type).prepare(context, effect, await observed(target));
    return { ...effect, undo };
  };
  return {
    intend,
    again,
    inject,
    recover,
    recoverFully,
    strike: async (fault, target, world, change) => {
      const effect = await intend(fault, target, world, change);
      standing.set(effect.runId, effect);
      await inject(effect);
      return effect;
    },
    edit: async (effect, fault, target, world) => {
      const resolved = faultKind(fault.type).resolve(fault, await observed(target), world);
      const edited = await again({ ...effect, fault, resolved }, target);
      standing.set(effect.runId, edited);
      await inject(edited);
      return edited;
    },
    observe: (effect) => faultKind(effect.fault.type).observe(context, effect),
    recoverAll: async () => {
      await Promise.all([...standing.values()].map(recoverFully));
    },
  };
}

function effectOf(context: FaultContext, target: Container, fault: FaultSpec, id: number): Effect {
  return {
    id,
    runId: `net-test-${process.pid}-${id}`,
    experiment: 'net-test',
    instance: context.instance,
    target: { id: target.id, name: target.name },
    incarnation: target.startedAt,
    slot: 0,
    fault,
    resolved: null,
    undo: null,
    phase: 'intended',
    epoch: 1,
    deadline: deadlineIn(systemClock, 120_000),
    intendedAt: Date.now(),
    injectedAt: null,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
    strikes: 1,
    error: null,
  };
}
