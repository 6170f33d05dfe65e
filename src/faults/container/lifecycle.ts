import type { Json } from '../../core/canonical.ts';
import { durationMs } from '../../core/duration.ts';
import { describeError, SquallError } from '../../core/errors.ts';
import type { Container, Effect, FaultSpec } from '../../core/types.ts';
import type { FaultContext, Observation, Recovery } from '../fault.ts';
import { type LifecycleUndo, lifecycleUndo, nextStep, type Step } from './next-step.ts';

/** Two effects that use this on one target collide. */
export const LIFECYCLE = 'lifecycle';
/** s; Docker's own. Always named to the engine, so that Squall knows how long a stop can take. */
export const DEFAULT_GRACE = 10;
/** ms until the next try where the engine could not start the container. */
const START_AGAIN = 1000;
/** ms that a stop may take beyond its grace. */
const STOP_SLACK = 2000;

export const GRACE_SCHEMA = {
  type: 'string',
  format: 'duration-or-zero',
  default: `${DEFAULT_GRACE}s`,
  description:
    'Time (Go duration) between the stop signal and SIGKILL. Rounded up to whole seconds, which is all that the engine takes; `0s` kills at once.',
};

/** Whole seconds, rounded up. */
export function graceSeconds(fault: FaultSpec): number {
  return typeof fault.grace === 'string' ? Math.ceil(durationMs(fault.grace) / 1000) : DEFAULT_GRACE;
}

/** ms after the request during which a stop may still be under way in the engine: it goes on when the one who asked is dead. */
export function settleOfStop(grace: number): number {
  return grace * 1000 + STOP_SLACK;
}

/** Throws SQ208: the engine removes such a container when its init ends, and it could not be brought back. */
export function refuseAutoRemove(type: string, target: Container): void {
  if (!target.autoRemove) return;
  throw new SquallError(
    'SQ208',
    `${type} refuses ${target.name}: it is removed when it ends (--rm, AutoRemove)`,
    {
      hint: 'Re-create the container without --rm',
    },
  );
}

/** A fresh look. Throws SQ307 where the target is not running (not terminal while it restarts), SQ403 where it is paused. */
export async function requireRunning(context: FaultContext, target: Container): Promise<Container> {
  const container = await context.docker.inspect(target.id);
  if (!container) throw new SquallError('SQ307', `${target.name} is gone`);
  if (container.state === 'running') return container;
  if (container.state === 'paused') {
    throw new SquallError('SQ403', `${target.name} is paused already, not by this fault`, {
      hint: `Unpause it (docker unpause ${target.name}), or end the experiment that paused it`,
    });
  }
  throw new SquallError('SQ307', `${target.name} is not running (${container.state})`, {
    terminal: container.state !== 'restarting',
  });
}

/** What undoing will need, from a fresh look at a running target. A later strike keeps the health from before the first. */
export function undoOf(
  container: Container,
  effect: Effect,
  rest: Pick<LifecycleUndo, 'policyActs' | 'settle'>,
): Json {
  const first = (effect.undo ?? {}) as Partial<LifecycleUndo>;
  return {
    startedAt: container.startedAt,
    health: first.health ?? container.health,
    restartPolicy: container.restartPolicy,
    ...rest,
  };
}

/** `present`: the consequence is there, the target is down. `absent`: it runs (again). */
export async function observeLifecycle(context: FaultContext, effect: Effect): Promise<Observation> {
  const container = await context.docker.inspect(effect.target.id);
  if (!container || container.state === 'removing' || container.state === 'dead') return 'gone';
  return container.state === 'running' || container.state === 'paused' ? 'absent' : 'present';
}

/** One round towards running (and healthy) again; never waits itself. Rejects only with SQ301. */
export async function recoverLifecycle(context: FaultContext, effect: Effect): Promise<Recovery> {
  const first = await look(context, effect);
  const failure = await act(context, effect, first);
  if (failure)
    return { done: false, retryAfter: START_AGAIN, waiting: `the engine to start it (${failure})` };
  const step = first.act === 'start' || first.act === 'restart' ? await look(context, effect) : first;
  if (step.act === 'done') return { done: true, how: step.how };
  if (step.act === 'wait') return { done: false, retryAfter: step.retryAfter, waiting: step.waiting };
  return { done: false, retryAfter: START_AGAIN, waiting: 'it ended again right after it was started' };
}

async function look(context: FaultContext, effect: Effect): Promise<Step> {
  return nextStep(await context.docker.inspect(effect.target.id), effect, context.clock.now());
}

/** Undefined where it went well, or somebody else did it or removed the container: the next look tells. */
async function act(context: FaultContext, effect: Effect, step: Step): Promise<string | undefined> {
  if (step.act !== 'start' && step.act !== 'restart') return undefined;
  const { id, name } = effect.target;
  const { restartPolicy } = lifecycleUndo(effect);
  try {
    context.log.info({ container: name, restartPolicy, act: step.act }, 'starting the container again');
    await (step.act === 'start' ? context.docker.start(id) : context.docker.restart(id));
    return undefined;
  } catch (error) {
    if (!(error instanceof SquallError) || error.code === 'SQ301') throw error;
    if (error.code === 'SQ307') return undefined;
    const now = await look(context, effect);
    return now.act === 'start' || now.act === 'restart' ? describeError(error) : undefined;
  }
}
