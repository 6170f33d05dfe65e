import type { Json } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import { together } from '../../core/parallel.ts';
import type { Container, Effect } from '../../core/types.ts';
import { chooseBackend, type Family, saveAll } from '../../runtime/iptables.ts';
import type { Netns } from '../../runtime/netns.ts';
import type { FaultContext, Observation, Recovery } from '../fault.ts';
import { type Applied, apply, confirm, create, look, type Place, remove, revert } from './apply.ts';
import { classify, standing } from './converge.ts';
import { enter, enterIfThere } from './entry.ts';
import { chainNames, type Wanted } from './rules.ts';
import { backendOf, baseOf, earlier, FAMILIES, placeOf, type Undo, undoOf } from './undo.ts';
import { hasIpv6, hasPrograms, neededFamilies, peersOf, type Renderer, wantedByFamily } from './want.ts';

/**
 * Reads the namespace and chooses the back ends; one that the journal names already stays, so that no rules are left in another.
 * Throws SQ208 where IPv6 traffic would pass by, SQ306 without iptables.
 */
export async function prepareRules(context: FaultContext, effect: Effect, target: Container): Promise<Json> {
  if (target.networkMode === 'host') {
    throw new SquallError('SQ208', `${target.name} uses the network of the host`);
  }
  return context.netns.enter(target, async (ns) => {
    const needed = neededFamilies(peersOf(effect), await hasIpv6(ns));
    if (needed.has(6) && !(await hasPrograms(6))) {
      throw new SquallError(
        'SQ208',
        `${target.name} has IPv6, and ip6tables is missing: half of the traffic would pass`,
        {
          hint: 'Install ip6tables (package iptables)',
        },
      );
    }
    const before = earlier(effect.undo, target, ns);
    const [v4, v6] = await together(
      FAMILIES.map(async (family) => {
        const known = backendOf(before, family);
        return known ?? (needed.has(family) ? chooseBackend(ns, family, target.pid) : undefined);
      }),
    );
    const undo: Undo = { pid: target.pid, netns: ns.inode, ...(v4 && { v4 }), ...(v6 && { v6 }) };
    return { ...undo, ...(before === undefined && { fresh: true }) };
  });
}

/** Converges both families side by side, each in one transaction; where one fails, the other goes back to what it was. */
export async function injectRules(kind: Renderer, context: FaultContext, effect: Effect): Promise<void> {
  await enter(context, effect, async (ns) => {
    const wanted = await wantedByFamily(kind, context.clock, effect, ns);
    const results = await Promise.allSettled(
      [...wanted].map(async ([family, rules]) => {
        const places = await placesFor(effect, ns, family, rules);
        const write = undoOf(effect).fresh && rules.jumps.length > 0 ? create : apply;
        return together(places.map((place) => write(place, rules)));
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (!failed) return;
    const applied = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    await revertAll(context, effect, applied);
    throw injectionError(failed.reason);
  });
}

/** Reads back what `injectRules` wrote. Throws SQ401 where it does not stand; a target that is gone has nothing to stand on. */
export async function verifyRules(kind: Renderer, context: FaultContext, effect: Effect): Promise<void> {
  await enterIfThere(context, effect, async (ns) => {
    const wanted = await wantedByFamily(kind, context.clock, effect, ns);
    await together(
      [...wanted].map(async ([family, rules]) => {
        const places = await placesFor(effect, ns, family, rules);
        await together(places.map((place) => confirm(place, rules)));
      }),
    );
  });
}

/** Compares what stands with what should; `gone` where the container does not run in that namespace any more. */
export async function observeRules(
  kind: Renderer,
  context: FaultContext,
  effect: Effect,
): Promise<Observation> {
  const seen = await enterIfThere(context, effect, async (ns) => {
    const wanted = await wantedByFamily(kind, context.clock, effect, ns);
    return together([...wanted].map(([family, rules]) => observeFamily(effect, ns, family, rules)));
  });
  if (seen === undefined) return 'gone';
  const states = seen.filter((state) => state !== 'unneeded');
  if (states.every((state) => state === 'absent')) return 'absent';
  return states.every((state) => state === 'present') ? 'present' : 'drifted';
}

/** Removes the effect's jumps and chains wherever they stand, by nothing but the journal's word. */
export async function recoverRules(kind: Renderer, context: FaultContext, effect: Effect): Promise<Recovery> {
  const removed = await enterIfThere(context, effect, async (ns) => {
    // What it comes to only saves a look: recovery does not depend on it.
    const likely = await wantedByFamily(kind, context.clock, effect, ns).catch(() => undefined);
    return together(
      FAMILIES.map(async (family) => {
        const places = await recoveryPlaces(effect, ns, family);
        return together(places.map((place) => remove(place, likely?.get(family))));
      }),
    );
  });
  if (removed === undefined) return { done: true, how: 'the target is gone, and its rules with it' };
  return { done: true, how: removed.flat().some(Boolean) ? 'rules removed' : 'no rules were there' };
}

/** Where a family is to be written. One that needs no rules, and that the journal does not name, only where some stand. */
async function placesFor(effect: Effect, ns: Netns, family: Family, wanted: Wanted): Promise<Place[]> {
  const undo = undoOf(effect);
  const known = backendOf(undo, family);
  if (known) return [placeOf(effect, ns, family, known)];
  if (wanted.jumps.length > 0) {
    return [placeOf(effect, ns, family, await chooseBackend(ns, family, undo.pid))];
  }
  return undo.fresh ? [] : standingPlaces(effect, ns, family);
}

async function recoveryPlaces(effect: Effect, ns: Netns, family: Family): Promise<Place[]> {
  const known = backendOf(undoOf(effect), family);
  if (known) return [placeOf(effect, ns, family, known)];
  if (family === 6 && !(await hasIpv6(ns))) return [];
  return standingPlaces(effect, ns, family);
}

/** Wherever chains of the effect stand. */
async function standingPlaces(effect: Effect, ns: Netns, family: Family): Promise<Place[]> {
  const found = await saveAll(ns, family);
  return found
    .map(({ backend, tables }) => ({ place: placeOf(effect, ns, family, backend), tables }))
    .filter(({ place, tables }) => standing(tables, place.own).chains.size > 0)
    .map(({ place }) => place);
}

async function observeFamily(
  effect: Effect,
  ns: Netns,
  family: Family,
  wanted: Wanted,
): Promise<'present' | 'drifted' | 'absent' | 'unneeded'> {
  const known = backendOf(undoOf(effect), family);
  const seen = known
    ? [await look(placeOf(effect, ns, family, known))]
    : (await saveAll(ns, family)).map(({ tables }) => standing(tables, chainNames(baseOf(effect))));
  const states = seen.map((now) => classify(now, wanted));
  if (wanted.jumps.length === 0) return states.every((state) => state === 'present') ? 'unneeded' : 'drifted';
  return states.find((state) => state !== 'absent') ?? 'absent';
}

async function revertAll(context: FaultContext, effect: Effect, applied: readonly Applied[]): Promise<void> {
  for (const change of applied) {
    await revert(change).catch((err: unknown) => {
      // Recovery by the journal and the deadline in the jump still stand behind this.
      context.log.error(
        { err, effect: effect.id, target: effect.target.name },
        'Partial injection not undone',
      );
    });
  }
}

function injectionError(cause: unknown): unknown {
  if (!(cause instanceof SquallError) || cause.code !== 'SQ303') return cause;
  return new SquallError('SQ401', cause.message, {
    ...(cause.hint && { hint: cause.hint }),
    terminal: cause.terminal,
    cause,
  });
}
