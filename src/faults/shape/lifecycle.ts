import type { Json } from '../../core/canonical.ts';
import { SquallError } from '../../core/errors.ts';
import { together } from '../../core/parallel.ts';
import type { Container, Effect, FaultSpec } from '../../core/types.ts';
import type { Netns } from '../../runtime/netns.ts';
import type { FaultContext, Observation, Recovery } from '../fault.ts';
import { steadyWall } from '../net/deadline.ts';
import { enter, enterIfThere } from '../net/entry.ts';
import type { ResolvedPeers } from '../net/peers.ts';
import { apply, classify, look, remove } from './apply.ts';
import {
  asJson,
  deviceNamesOf,
  foreignOn,
  type Lane,
  type LaneUndo,
  lanesOf,
  laneUndo,
  type Qdisc,
  type Standing,
  waysOf,
} from './lane.ts';
import { deviceNames, interfacesTo, parseRoutes } from './routes.ts';

/** The part of a kind that says how packets are held back. */
export interface Shaper {
  qdisc(fault: FaultSpec): Qdisc;
}

/** ms for which a recovery waits for packets that are still on their way; what is left then is dropped. */
const DRAIN_LIMIT = 1000;
const DRAIN_RETRY = 50;

/**
 * Reads the namespace: which interfaces lead to the peers, and what stands there. Throws SQ208 where an interface does not exist or
 * carries filters that are not Squall's, SQ209 where none leads to the peers of a fault that is not in yet.
 */
export async function prepareLanes(context: FaultContext, effect: Effect, target: Container): Promise<Json> {
  return context.netns.enter(target, async (ns) => {
    const [interfaces, now] = await together([interfacesOf(ns, effect), look(ns)]);
    if (interfaces.length === 0 && effect.injectedAt === null) {
      throw new SquallError('SQ209', `no interface of ${target.name} leads to the peers`, {
        hint: 'Check its routes, or attach it to a network of theirs',
      });
    }
    for (const dev of interfaces) refuseForeign(now, dev, target);
    const known = effect.undo as unknown as LaneUndo | null;
    const before = known?.pid === target.pid && known.netns === ns.inode;
    return asJson({
      pid: target.pid,
      netns: ns.inode,
      ...(before ? {} : { fresh: true }),
      interfaces,
      clsact: now.qdiscs.filter(({ kind }) => kind === 'clsact').map(({ dev }) => dev),
    });
  });
}

function refuseForeign(now: Standing, dev: string, target: Container): void {
  const found = foreignOn(now, dev);
  if (found === undefined) return;
  throw new SquallError('SQ208', `${dev} of ${target.name} has ${found} that Squall did not make`, {
    hint: 'Packets can go through one or the other: remove it, or name another `interface`',
  });
}

/** The interface that the fault names, or those that lead to its peers. Throws SQ208 where the named one does not exist. */
async function interfacesOf(ns: Netns, { fault, resolved, target }: Effect): Promise<string[]> {
  const named = fault.interface;
  if (typeof named === 'string') {
    const names = deviceNames(await ns.procNet('dev')).filter((name) => name !== 'lo');
    if (names.includes(named)) return [named];
    throw new SquallError('SQ208', `${target.name} has no interface ${named}`, {
      hint: `It has ${names.join(', ') || 'none'}; without \`interface\` those that lead to the peers are taken`,
    });
  }
  const [v4, v6] = await together([ns.procNet('route'), ns.procNet('ipv6_route')]);
  return interfacesTo(resolved as unknown as ResolvedPeers, parseRoutes(v4, v6));
}

function wantedLanes(
  shaper: Shaper,
  { clock }: FaultContext,
  effect: Effect,
  interfaces: readonly string[],
): Lane[] {
  const { instance, experiment, runId: run, deadline } = effect;
  const mark = { instance, experiment, run, deadline: steadyWall(clock, deadline) };
  return lanesOf(effect, shaper.qdisc(effect.fault), mark, deadline.boot, interfaces);
}

/** Converges what stands to what is wanted. */
export async function injectLanes(shaper: Shaper, context: FaultContext, effect: Effect): Promise<void> {
  await enter(context, effect, async (ns) => {
    const { fresh, interfaces, clsact } = laneUndo(effect);
    const lanes = wantedLanes(shaper, context, effect, interfaces);
    await apply(ns, lanes, deviceNamesOf(effect), fresh && onlyClsacts(clsact)).catch((error: unknown) => {
      throw injectionError(error);
    });
  });
}

/** Nothing of the effect can stand: only what else was seen counts. */
function onlyClsacts(devs: readonly string[]): Standing {
  const qdiscs = devs.map((dev) => ({ dev, kind: 'clsact', root: false, held: 0 }));
  return { ifbs: [], qdiscs, filters: [] };
}

/** Reads back what `injectLanes` wrote, and mends it once. Throws SQ401 where it does not stand, or was removed altogether. */
export async function verifyLanes(shaper: Shaper, context: FaultContext, effect: Effect): Promise<void> {
  await enterIfThere(context, effect, async (ns) => {
    const lanes = wantedLanes(shaper, context, effect, laneUndo(effect).interfaces);
    const devices = deviceNamesOf(effect);
    const state = classify(await look(ns), lanes, devices);
    if (state === 'drifted') await apply(ns, lanes, devices);
    if (
      state === 'present' ||
      (state === 'drifted' && classify(await look(ns), lanes, devices) === 'present')
    )
      return;
    throw new SquallError('SQ401', 'the packet filters do not stand as written', {
      hint: 'Something else changes the traffic control of this container',
      terminal: false,
    });
  });
}

/** Compares what stands with what should, by the interfaces that lead to the peers now. */
export async function observeLanes(
  shaper: Shaper,
  context: FaultContext,
  effect: Effect,
): Promise<Observation> {
  const seen = await enterIfThere(context, effect, async (ns) => {
    const [interfaces, now] = await together([
      interfacesOf(ns, effect),
      look(ns, laneUndo(effect).interfaces),
    ]);
    return classify(now, wantedLanes(shaper, context, effect, interfaces), deviceNamesOf(effect));
  });
  return seen ?? 'gone';
}

/** Removes the effect's filters and devices wherever they stand, by nothing but the journal's word. */
export async function recoverLanes(context: FaultContext, effect: Effect): Promise<Recovery> {
  const removed = await enterIfThere(context, effect, (ns) => {
    const since = context.clock.boot() - (effect.recoveringBoot ?? context.clock.boot());
    return remove(ns, deviceNamesOf(effect), { likely: likelyFilters(effect), drain: since < DRAIN_LIMIT });
  });
  if (removed === undefined) return { done: true, how: 'the target is gone, and its devices with it' };
  if (removed.held > 0) {
    const waiting = `${removed.held} packets to leave the device`;
    return { done: false, retryAfter: DRAIN_RETRY, waiting };
  }
  return { done: true, how: removed.changed ? 'filters and devices removed' : 'no filters were there' };
}

function likelyFilters(effect: Effect) {
  const [egress = '', ingress = ''] = deviceNamesOf(effect);
  return waysOf(effect.fault).flatMap((way) =>
    laneUndo(effect).interfaces.map((dev) => ({ dev, way, device: way === 'egress' ? egress : ingress })),
  );
}

function injectionError(cause: unknown): unknown {
  if (!(cause instanceof SquallError) || cause.code !== 'SQ303') return cause;
  const { message, hint, terminal } = cause;
  return new SquallError('SQ401', message, { ...(hint && { hint }), terminal, cause });
}
