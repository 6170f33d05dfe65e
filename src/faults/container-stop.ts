import { gracefulKind } from './container/graceful.ts';

const DESCRIPTION = `Stops the target as \`docker stop\` does: its stop signal (SIGTERM unless the image says otherwise), then SIGKILL after \`grace\`.
It stays down for the duration whatever its restart policy, and is started again at the end. Recovered means running, and healthy where it
has a healthcheck (unless it was unhealthy before).

A target that somebody else starts ends the fault for that target: it is not stopped again. Containers with AutoRemove (\`--rm\`) are refused,
as are those that are paused or not running.`;

/** Keeps the target down for the duration. */
export const containerStop = gracefulKind({
  type: 'container-stop',
  summary: 'Stops the target and starts it again at the end.',
  description: DESCRIPTION,
  ask: 'stop',
});
