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

const DESCRIPTION = `Stops the target as \`docker stop\` does: its stop signal (SIGTERM unless the image says otherwise), then SIGKILL after \`grace\`.
It stays down for the duration whatever its restart policy, and is started again at the end. Recovered means running, and healthy where it
has a healthcheck (unless it was unhealthy before).

A target that somebody else starts ends the fault for that target: it is not stopped again. Containers with AutoRemove (\`--rm\`) are refused,
as are those that are paused or not running.`;

/** Keeps the target down for the duration. */
export const containerStop: FaultKind = {
  type: 'container-stop',
  summary: 'Stops the target and starts it again at the end.',
  description: DESCRIPTION,
  schema: { type: 'object', properties: { grace: GRACE_SCHEMA } },
  example: { type: 'container-stop', grace: '2s' },
  nature: 'act',
  endedBy: 'sentinel',
  entersNetwork: false,
  uses: () => [LIFECYCLE],
  resolve: (fault, target) => {
    refuseAutoRemove('container-stop', target);
    return { graceSeconds: graceSeconds(fault) };
  },
  prepare: async (context, effect, target) => {
    const container = await requireRunning(context, target);
    return undoOf(container, effect, { policyActs: false, settle: settleOfStop(graceSeconds(effect.fault)) });
  },
  inject: async ({ docker }, effect) => {
    const container = await docker.inspect(effect.target.id);
    // down already, or started by somebody after it was stopped: either way the strike is over
    if (!container || container.startedAt !== effect.incarnation) return;
    await docker.stop(effect.target.id, graceSeconds(effect.fault));
  },
  observe: observeLifecycle,
  recover: recoverLifecycle,
};
