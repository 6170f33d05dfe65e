import type { Json } from '../../core/canonical.ts';
import type { Effect, FaultSpec } from '../../core/types.ts';
import type { FaultContext, FaultKind, Recovery } from '../fault.ts';

/** Two ways to do what one kind of fault asks for; an edit may change from one to the other. */
export interface Either {
  netfilter: FaultKind;
  netem: FaultKind;
  by(fault: FaultSpec): Way;
}

type Way = 'netfilter' | 'netem';

/** What undoing needs: of the way that is wanted, and of the other where it may still stand. JSON. */
interface EitherUndo {
  by: Way;
  own: Json;
  other: Json;
}

/** The members of a kind that does each fault by one of two ways, and takes the other away once the new one is in. */
export function eitherWay(
  either: Either,
): Omit<FaultKind, 'type' | 'summary' | 'description' | 'schema' | 'example'> {
  const kindOf = (fault: FaultSpec) => either[either.by(fault)];
  const { nature, endedBy, entersNetwork, needs, uses, lookups, peers } = either.netfilter;
  return {
    nature,
    endedBy,
    entersNetwork,
    // Without what netem needs, faults by netfilter still work: a kind of two ways works less well there.
    ...(needs && { needs }),
    uses,
    ...(lookups && { lookups }),
    ...(peers && { peers }),
    diverts: (fault) => kindOf(fault).diverts?.(fault) ?? false,
    problems: (fault) => kindOf(fault).problems?.(fault) ?? [],
    resolve: (fault, target, world) => kindOf(fault).resolve(fault, target, world),
    prepare: async (context, effect, target) => {
      const by = either.by(effect.fault);
      const own = await either[by].prepare(context, { ...effect, undo: undoBy(effect, by) }, target);
      return { by, own, other: undoBy(effect, opposite(by)) };
    },
    inject: async (context, effect) => {
      const by = either.by(effect.fault);
      await either[by].inject(context, { ...effect, undo: undoBy(effect, by) });
      await takeOut(either, context, effect, opposite(by));
    },
    verify: async (context, effect) => {
      const by = either.by(effect.fault);
      await either[by].verify?.(context, { ...effect, undo: undoBy(effect, by) });
    },
    observe: (context, effect) => {
      const by = either.by(effect.fault);
      return either[by].observe(context, { ...effect, undo: undoBy(effect, by) });
    },
    recover: (context, effect) => recoverBoth(either, context, effect),
  };
}

function opposite(way: Way): Way {
  return way === 'netem' ? 'netfilter' : 'netem';
}

function undoBy({ undo }: Effect, way: Way): Json {
  const known = undo as unknown as EitherUndo | null;
  return (known?.by === way ? known.own : known?.other) ?? null;
}

/** At once: what waits there has had its fault. */
async function takeOut(either: Either, context: FaultContext, effect: Effect, way: Way): Promise<void> {
  const undo = undoBy(effect, way);
  if (undo !== null) await either[way].recover(context, { ...effect, undo, recoveringBoot: 0 });
}

async function recoverBoth(either: Either, context: FaultContext, effect: Effect): Promise<Recovery> {
  const found: Recovery[] = [];
  for (const way of ['netfilter', 'netem'] as const) {
    const undo = undoBy(effect, way);
    if (undo !== null) found.push(await either[way].recover(context, { ...effect, undo }));
  }
  return found.find(({ done }) => !done) ?? found.at(-1) ?? { done: true, how: 'nothing was there' };
}
