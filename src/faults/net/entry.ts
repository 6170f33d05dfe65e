import { describeError, SquallError } from '../../core/errors.ts';
import type { Effect } from '../../core/types.ts';
import { type Netns, netnsRefusal } from '../../runtime/netns.ts';
import type { FaultContext } from '../fault.ts';

/** What every network fault's undo holds: how its namespace is found again without the engine. */
export interface InNamespace {
  /** Host pid of the target's init. */
  pid: number;
  /** Inode of its network namespace. */
  netns: number;
}

/** Undefined where the target's process or namespace is not there any more. */
export async function enterIfThere<T>(
  context: FaultContext,
  effect: Effect,
  use: (ns: Netns) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await enter(context, effect, use);
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ307') return undefined;
    throw error;
  }
}

/**
 * Enters the namespace that the journal names. Throws SQ307 too where the process is another's by now, as one that is just dying looks
 * to be: the target is gone
 * then.
 */
export async function enter<T>(
  context: FaultContext,
  effect: Effect,
  use: (ns: Netns) => Promise<T>,
): Promise<T> {
  const { pid, netns } = effect.undo as unknown as InNamespace;
  try {
    return await context.netns.enter({ ...effect.target, pid }, (ns) => {
      if (ns.inode === netns) return use(ns);
      throw new SquallError('SQ307', `${effect.target.name} runs in another network namespace now`);
    });
  } catch (error) {
    if (netnsRefusal(error) !== 'reused') throw error;
    throw new SquallError('SQ307', describeError(error), { cause: error });
  }
}
