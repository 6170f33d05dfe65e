import type { Container, Effect, Health } from '../../core/types.ts';

/** What kill, stop and restart leave in the journal to undo by. */
export interface LifecycleUndo {
  /** The incarnation that was struck, for people: `effect.incarnation` says the same. */
  startedAt: string;
  /** As it was before the first strike: a container that was unhealthy anyway need not be healthy again. */
  health: Health;
  restartPolicy: string;
  /** True where the engine itself is to start the container again after this strike. */
  policyActs: boolean;
  /** ms after a strike during which the incarnation that was struck may still go down. */
  settle: number;
}

/** What recovery does next. `restart` gets a container out of its policy's back-off, where the engine takes `start` for done. */
export type Step =
  | { act: 'done'; how: string }
  | { act: 'wait'; retryAfter: number; waiting: string }
  | { act: 'start' }
  | { act: 'restart' };

/** ms that a restart policy gets before Squall starts the container. Docker's back-off doubles from 100 ms up to a minute. */
export const POLICY_GRACE = 2000;
/** ms between two looks. */
export const LOOK_AGAIN = 200;

/** Pure: how to get `container` (undefined: it is gone) running, and healthy where it was. `now`: ms since the epoch. */
export function nextStep(container: Container | undefined, effect: Effect, now: number): Step {
  if (!container) return { act: 'done', how: 'gone' };
  const undo = lifecycleUndo(effect);
  const since = effect.recoveringAt === null ? Number.POSITIVE_INFINITY : now - effect.recoveringAt;
  const policyHasTime = undo.policyActs && since >= 0 && since < POLICY_GRACE;
  switch (container.state) {
    case 'removing':
    case 'dead': // its removal failed: the engine starts it no more
      return { act: 'done', how: 'gone: it is being removed' };
    case 'restarting':
      return policyHasTime ? wait('its restart policy') : { act: 'restart' };
    case 'created':
    case 'exited':
      return policyHasTime ? wait('its restart policy') : { act: 'start' };
    case 'paused':
      return { act: 'done', how: 'running, paused by something else' };
    case 'running':
      return running(container, effect, undo, now);
  }
}

function running(container: Container, effect: Effect, undo: LifecycleUndo, now: number): Step {
  const struckAt = Math.max(effect.intendedAt, effect.injectedAt ?? 0);
  const quiet = now - struckAt;
  if (container.startedAt === effect.incarnation) {
    // a negative time: the clock was set back, and nothing can be told from it
    if (quiet >= 0 && quiet < undo.settle) return wait('the strike to take effect');
    if (effect.injectedAt === null) return { act: 'done', how: 'it was not struck' };
  }
  if (undo.health === 'unhealthy') return { act: 'done', how: `running, ${container.health} as before` };
  if (container.health === 'starting') return wait('its healthcheck (starting)');
  if (container.health === 'unhealthy') return wait('its healthcheck (unhealthy)');
  return { act: 'done', how: container.health === 'healthy' ? 'running and healthy' : 'running' };
}

function wait(waiting: string): Step {
  return { act: 'wait', retryAfter: LOOK_AGAIN, waiting };
}

/** The undo of a kill, stop or restart. What is missing (a journal written by an older version) takes the careful value. */
export function lifecycleUndo(effect: Pick<Effect, 'undo'>): LifecycleUndo {
  const undo = (effect.undo ?? {}) as Partial<LifecycleUndo>;
  return {
    startedAt: undo.startedAt ?? '',
    health: undo.health ?? 'none',
    restartPolicy: undo.restartPolicy ?? 'no',
    policyActs: undo.policyActs ?? false,
    settle: undo.settle ?? 0,
  };
}
