import { SquallError } from '../../core/errors.ts';
import { type Backend, type Family, holdsLegacy, restore, save } from '../../runtime/iptables.ts';
import type { SavedTable } from '../../runtime/iptables-save.ts';
import type { Netns } from '../../runtime/netns.ts';
import { asWanted, converge, hasShape, type Standing, standing } from './converge.ts';
import { nothing, type Wanted } from './rules.ts';

/** Where an effect's chains of one family stand. */
export interface Place {
  ns: Netns;
  family: Family;
  backend: Backend;
  /** The effect's chain names. */
  own: readonly string[];
}

/** What stood before a change, to go back to. */
export interface Applied {
  place: Place;
  before: Standing;
}

/** Someone else may write between our look and our transaction, which then fails whole: look again. */
const ATTEMPTS = 3;

/** The tables of one back end; none where reading them would create them. */
async function tablesOf(ns: Netns, family: Family, backend: Backend): Promise<SavedTable[]> {
  if (backend === 'legacy' && !(await holdsLegacy(ns, family))) return [];
  return save(ns, family, backend);
}

/** What stands of the effect. */
export async function look({ ns, family, backend, own }: Place): Promise<Standing> {
  return standing(await tablesOf(ns, family, backend), own);
}

/**
 * One transaction from what stands to what is wanted, read back. Throws SQ306 where the kernel lacks something, SQ401 where the
 * rules do not stand afterwards: what stood before stands again then.
 */
export async function apply(place: Place, wanted: Wanted): Promise<Applied> {
  const { before, changed } = await write(place, wanted);
  if (!changed) return { place, before };
  const after = await look(place);
  if (hasShape(after, wanted)) return { place, before };
  await revert({ place, before });
  throw new SquallError('SQ401', `the rules do not stand as written (${place.backend}, IPv${place.family})`, {
    hint: 'Something else rewrites the rules of this container: look for a firewall inside it',
    terminal: false,
  });
}

/** Puts back what stood before `apply`. */
export async function revert({ place, before }: Applied): Promise<void> {
  await write(place, asWanted(before));
}

/** True where something had to go. Throws SQ402 where it is still there afterwards. */
export async function remove(place: Place): Promise<boolean> {
  const { changed } = await write(place, nothing());
  if (changed && !hasShape(await look(place), nothing())) {
    throw new SquallError('SQ402', `the rules are still there (${place.backend}, IPv${place.family})`, {
      terminal: false,
    });
  }
  return changed;
}

async function write(place: Place, wanted: Wanted): Promise<{ before: Standing; changed: boolean }> {
  for (let attempt = 1; ; attempt++) {
    const before = await look(place);
    const text = converge(before, wanted);
    if (text === undefined) return { before, changed: false };
    try {
      await restore(place.ns, place.family, place.backend, text);
      return { before, changed: true };
    } catch (error) {
      const raced = error instanceof SquallError && error.code === 'SQ303';
      if (!raced || attempt === ATTEMPTS) throw error;
    }
  }
}
