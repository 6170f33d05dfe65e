import { type Json, sameJson } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import type { Container, Effect } from '../core/types.ts';
import { LIFECYCLE, requireRunning } from './container/lifecycle.ts';
import type { FaultContext, FaultKind, Recovery } from './fault.ts';

const DESCRIPTION = `Freezes every process of the target with the kernel's cgroup freezer, as \`docker pause\` does. Connections stay open and
nobody answers: peers see timeouts, not resets. The processes notice nothing but the time that has passed.

A container that something else has paused already is refused. One that is restarted meanwhile is paused again; one that somebody
unpauses by hand is paused again at the next resync, as drift. Healthchecks do not run while it lasts.

Ends by \`docker unpause\`, done by the daemon, or by the sentinel where the daemon is dead.`;

/** Freezes the target for the duration. */
export const containerPause: FaultKind = {
  type: 'container-pause',
  summary: 'Freezes all processes of the target.',
  description: DESCRIPTION,
  schema: { type: 'object', properties: {} },
  example: { type: 'container-pause' },
  nature: 'state',
  endedBy: 'sentinel',
  entersNetwork: false,
  uses: () => [LIFECYCLE],
  resolve: () => ({}),
  prepare: async (context, effect, target) => {
    const now = await context.docker.inspect(target.id);
    // an intent that is in the journal already, and this incarnation paused: it is ours
    if (now?.state === 'paused' && isUndoOf(effect.undo, now)) return effect.undo;
    const { startedAt } = await requireRunning(context, target);
    return { wasPaused: false, startedAt };
  },
  inject: async (context, effect) => {
    const before = await context.docker.inspect(effect.target.id);
    if (isPaused(before, effect)) return;
    if (before?.state !== 'running' || before.startedAt !== effect.incarnation) throw restarted(effect);
    await tolerating(context, effect, () => context.docker.pause(effect.target.id), 'paused');
    const after = await context.docker.inspect(effect.target.id);
    if (isPaused(after, effect)) return;
    // it restarted just before: that pause would be on nobody's account
    if (after?.state === 'paused') await context.docker.unpause(effect.target.id);
    throw restarted(effect);
  },
  observe: async ({ docker }, effect) => {
    const container = await docker.inspect(effect.target.id);
    if (isPaused(container, effect)) return 'present';
    return container?.state === 'running' && container.startedAt === effect.incarnation ? 'absent' : 'gone';
  },
  recover: async (context, effect): Promise<Recovery> => {
    const container = await context.docker.inspect(effect.target.id);
    if (!container) return { done: true, how: 'gone' };
    if (container.startedAt !== effect.incarnation) return { done: true, how: 'it was restarted' };
    if (container.state !== 'paused') return { done: true, how: 'not paused' };
    await tolerating(context, effect, () => context.docker.unpause(effect.target.id), 'running');
    return { done: true, how: 'unpaused' };
  },
};

function isUndoOf(undo: Json, { startedAt }: Container): boolean {
  return sameJson(undo, { wasPaused: false, startedAt });
}

function isPaused(container: Container | undefined, effect: Effect): boolean {
  return container?.state === 'paused' && container.startedAt === effect.incarnation;
}

/** A refusal by the engine is fine where the container is as wanted all the same: somebody else was faster. */
async function tolerating(
  { docker }: FaultContext,
  effect: Effect,
  act: () => Promise<void>,
  wanted: Container['state'],
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof SquallError) || error.code === 'SQ301') throw error;
    const now = await docker.inspect(effect.target.id);
    const gone = !now || now.startedAt !== effect.incarnation || !['running', 'paused'].includes(now.state);
    if (gone || now.state === wanted) return;
    if (wanted === 'paused') throw error;
    throw new SquallError('SQ402', error.message, { terminal: false, cause: error });
  }
}

function restarted(effect: Effect): SquallError {
  return new SquallError(
    'SQ307',
    `${effect.target.name} was stopped or restarted before it could be paused`,
    {
      terminal: false,
    },
  );
}
