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
} from './container/lifecycle.ts';
import type { FaultKind } from './fault.ts';

const DESCRIPTION = `Restarts the target once, as \`docker restart\` does: its stop signal, SIGKILL after \`grace\`, and started again at once. For
how a service and its clients take a short absence and a cold start.

Recovered means running, and healthy where it has a healthcheck (unless it was unhealthy before). Other state faults of the same experiment
are put back into the restarted target. Containers with AutoRemove (\`--rm\`), which the engine may remove before it starts them again, and
targets that are paused or not running are refused.`;

/** Restarts the target once. */
export const containerRestart: FaultKind = {
  type: 'container-restart',
  summary: 'Restarts the target once.',
  description: DESCRIPTION,
  schema: { type: 'object', properties: { grace: GRACE_SCHEMA } },
  example: { type: 'container-restart', grace: '2s' },
  nature: 'act',
  endedBy: 'sentinel',
  entersNetwork: false,
  uses: () => [LIFECYCLE],
  resolve: (fault, target) => {
    refuseAutoRemove('container-restart', target);
    return { graceSeconds: graceSeconds(fault) };
  },
  prepare: async (context, effect, target) => {
    const container = await requireRunning(context, target);
    return undoOf(container, effect, { policyActs: false, settle: settleOfStop(graceSeconds(effect.fault)) });
  },
  inject: async ({ docker }, effect) => {
    const container = await docker.inspect(effect.target.id);
    // another incarnation: it was restarted already
    if (!container || container.startedAt !== effect.incarnation) return;
    await docker.restart(effect.target.id, graceSeconds(effect.fault));
  },
  observe: observeLifecycle,
  recover: recoverLifecycle,
};
