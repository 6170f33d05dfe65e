import { SquallError } from '../../core/errors.ts';
import { type Backend, type Family, holdsLegacy, restore, save } from '../../runtime/iptables.ts';
import type { SavedTable } from '../../runtime/iptables-save.ts';
import type { Netns } from '../../runtime/netns.ts';
import {
  asWanted,
  converge,
  creation,
  hasShape,
  mending,
  removal,
  type Standing,
  standing,
} from './converge.ts';
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
 * Writes all of it in one transaction without a look, for where nothing of the effect can stand; looks after all where something
 * does. Throws as `apply`.
 */
export async function create(place: Place, wanted: Wanted): Promise<Applied> {
  try {
    await restore(place.ns, place.family, place.backend, creation(wanted));
    return { place, before: standing([], place.own) };
  } catch (error) {
    if (isPassing(error)) return apply(place, wanted);
    throw error;
  }
}

/** One transaction from what stands to what is wanted. Throws SQ306 where the kernel lacks something, SQ303 where it fails. */
export async function apply(place: Place, wanted: Wanted): Promise<Applied> {
  const { before } = await write(place, wanted);
  return { place, before };
}

/**
 * Reads back that what was written stands. What is doubled or out of place is mended once; what was removed altogether is not
 * brought back, for it may have been recovered. Throws SQ401 where the rules do not stand.
 */
export async function confirm(place: Place, wanted: Wanted): Promise<void> {
  const now = await look(place);
  if (hasShape(now, wanted)) return;
  const text = mending(now, wanted);
  if (text !== undefined) {
    await restore(place.ns, place.family, place.backend, text).catch((error: unknown) => {
      if (!isPassing(error)) throw error; // else the next look tells
    });
    if (hasShape(await look(place), wanted)) return;
  }
  throw new SquallError('SQ401', `the rules do not stand as written (${place.backend}, IPv${place.family})`, {
    hint: 'Something else rewrites the rules of this container: look for a firewall inside it',
    terminal: false,
  });
}

/** Puts back what stood before `apply`. */
export async function revert({ place, before }: Applied): Promise<void> {
  await write(place, asWanted(before));
}

/**
 * True where something had to go. What most likely stands, where the caller knows, is removed without a look; the look afterwards
 * finds what is left. Throws SQ402 where it is still there in the end.
 */
export async function remove(place: Place, likely?: Wanted): Promise<boolean> {
  const hit = likely !== undefined && likely.jumps.length > 0 && (await removeAtOnce(place, likely));
  const { changed } = await write(place, nothing());
  if (changed && !hasShape(await look(place), nothing())) {
    throw new SquallError('SQ402', `the rules are still there (${place.backend}, IPv${place.family})`, {
      terminal: false,
    });
  }
  return hit || changed;
}

/** False where it does not stand like that, or can't be removed for another reason, which the look afterwards meets too. */
async function removeAtOnce({ ns, family, backend }: Place, likely: Wanted): Promise<boolean> {
  try {
    await restore(ns, family, backend, removal(likely));
    return true;
  } catch (error) {
    if (error instanceof SquallError) return false;
    throw error;
  }
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
      if (!isPassing(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** The transaction failed as a whole: someone wrote meanwhile, say. */
function isPassing(error: unknown): boolean {
  return error instanceof SquallError && error.code === 'SQ303';
}
