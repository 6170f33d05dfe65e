import type { Json } from '../../core/canonical.ts';
import { chainBase } from '../../core/marks.ts';
import type { Container, Effect } from '../../core/types.ts';
import type { Backend, Family } from '../../runtime/iptables.ts';
import type { Netns } from '../../runtime/netns.ts';
import type { Place } from './apply.ts';
import type { InNamespace } from './entry.ts';
import { chainNames } from './rules.ts';

/** What undoing needs, and what finds the namespace again without the engine. */
export interface Undo extends InNamespace {
  /** The journal had nothing for this namespace before: nothing of the effect is expected there. */
  fresh?: true;
  /** Back ends by family; a family that came later is not here. */
  v4?: Backend;
  v6?: Backend;
}

export const FAMILIES: readonly Family[] = [4, 6];

export function undoOf(effect: Effect): Undo {
  return effect.undo as unknown as Undo;
}

/** What an earlier `prepare` said of this namespace; undefined where the journal knows of none. */
export function earlier(undo: Json, target: Container, ns: Netns): Undo | undefined {
  const known = undo as unknown as Undo | null;
  return known?.pid === target.pid && known.netns === ns.inode ? known : undefined;
}

/** The back end the journal names for a family. */
export function backendOf(undo: Undo | undefined, family: Family): Backend | undefined {
  return family === 4 ? undo?.v4 : undo?.v6;
}

/** The base of the names of the effect's chains. */
export function baseOf({ instance, runId, slot }: Effect): string {
  return chainBase(instance, runId, slot);
}

export function placeOf(effect: Effect, ns: Netns, family: Family, backend: Backend): Place {
  return { ns, family, backend, own: chainNames(baseOf(effect)) };
}
