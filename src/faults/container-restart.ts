import { gracefulKind } from './container/graceful.ts';

const DESCRIPTION = `Restarts the target once, as \`docker restart\` does: its stop signal, SIGKILL after \`grace\`, and started again at once. For
how a service and its clients take a short absence and a cold start.

Recovered means running, and healthy where it has a healthcheck (unless it was unhealthy before). Other state faults of the same experiment
are put back into the restarted target. Containers with AutoRemove (\`--rm\`), which the engine may remove before it starts them again, and
targets that are paused or not running are refused.`;

/** Restarts the target once. */
export const containerRestart = gracefulKind({
  type: 'container-restart',
  summary: 'Restarts the target once.',
  description: DESCRIPTION,
  ask: 'restart',
});
