import type { FaultKind } from '../fault.ts';
import {
  GRACE_SCHEMA,
  graceSeconds,
  LIFECYCLE,
  observeLifecycle,
  recoverLifecycle,
  refuseAutoRemove,
  requireRunning,
  settleOfStop,
  undoOf,
} from './lifecycle.ts';

/** What the two that end a target with a grace differ in: their words, and what the engine is asked. */
export interface GracefulKind extends Pick<FaultKind, 'type' | 'summary' | 'description'> {
  ask: 'stop' | 'restart';
}

/** A kind that has the engine end the target once: its stop signal, then SIGKILL after `grace`. */
export function gracefulKind({ type, summary, description, ask }: GracefulKind): FaultKind {
  return {
    type,
    summary,
    description,
    schema: { type: 'object', properties: { grace: GRACE_SCHEMA } },
    example: { type, grace: '2s' },
    nature: 'act',
    endedBy: 'sentinel',
    entersNetwork: false,
    uses: () => [LIFECYCLE],
    resolve: (fault, target) => {
      refuseAutoRemove(type, target);
      return { graceSeconds: graceSeconds(fault) };
    },
    prepare: async (context, effect, target) => {
      const container = await requireRunning(context, target);
      const settle = settleOfStop(graceSeconds(effect.fault));
      return undoOf(container, effect, { policyActs: false, settle });
    },
    inject: async ({ docker }, effect) => {
      const container = await docker.inspect(effect.target.id);
      // Down already, or another incarnation: either way the strike is over.
      if (!container || container.startedAt !== effect.incarnation) return;
      await docker[ask](effect.target.id, graceSeconds(effect.fault));
    },
    observe: observeLifecycle,
    recover: recoverLifecycle,
  };
}
