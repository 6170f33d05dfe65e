import { namespaceOwner } from '../core/namespaces.ts';
import type { Container, Effect, FaultSpec, TargetRef } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import { type Diverter, overlap } from '../faults/net/overlap.ts';
import type { ResolvedPeers } from '../faults/net/peers.ts';
import type { Action, Refusal } from './actions.ts';

type Injection = Extract<Action, { kind: 'inject' }>;

/** A fault that takes packets out of their way, in the network namespace of its target. */
export interface Claim extends Diverter {
  experiment: string;
  target: TargetRef;
  /** `namespaceOwner` of the target. */
  namespace: string;
  /** It was permitted before, and is not asked about again. */
  stands: boolean;
}

/** What a fault on a container claims; undefined where it leaves packets in their way. */
export function claimOf(
  { experiment, fault, resolved }: Pick<Effect, 'experiment' | 'fault' | 'resolved'>,
  target: Container,
  containers: readonly Container[],
  stands: boolean,
): Claim | undefined {
  if (!faultKind(fault.type).diverts?.(fault)) return undefined;
  const namespace = namespaceOwner(target, containers);
  return { experiment, target, namespace, fault, resolved: resolved as unknown as ResolvedPeers, stands };
}

/** The claims of effects in the world. A target that is gone has taken its packets with it. */
export function claimsOf(effects: readonly Effect[], containers: readonly Container[]): Claim[] {
  return effects
    .map((effect) => {
      const target = containers.find(({ id }) => id === effect.target.id);
      return target && claimOf(effect, target, containers, true);
    })
    .filter((claim) => claim !== undefined);
}

/** Faults that use the same thing of a target (its life cycle, say), within the experiment or with another. */
export function refuseUses(
  faults: readonly FaultSpec[],
  chosen: readonly Container[],
  others: readonly Effect[],
): Refusal | undefined {
  const uses = faults.flatMap((fault) => faultKind(fault.type).uses(fault));
  const twice = uses.find((use, index) => uses.indexOf(use) !== index);
  if (twice) {
    return conflict(`two faults of this experiment use a target's ${twice}: split them into two experiments`);
  }
  for (const { target, fault, experiment } of others) {
    if (!chosen.some(({ id }) => id === target.id)) continue;
    const shared = faultKind(fault.type)
      .uses(fault)
      .find((use) => uses.includes(use));
    if (shared)
      return conflict(
        `${target.name} is under ${fault.type} of experiment ${experiment}: both use its ${shared}`,
      );
  }
  return undefined;
}

/**
 * Claims to the same packets of one network namespace. It is decided when something comes anew: by a start, an edit or a join. Peers that
 * move to other addresses while both stand may bring an overlap too; nothing is refused then, for neither came later, and the filter
 * that is first in the kernel takes the packets.
 */
export function refuseOverlaps(claims: readonly Claim[], others: readonly Claim[]): Refusal | undefined {
  const elsewhere = Map.groupBy(others, ({ namespace }) => namespace);
  for (const [namespace, own] of Map.groupBy(claims, (claim) => claim.namespace)) {
    for (const [index, claim] of own.entries()) {
      for (const rival of [...own.slice(0, index), ...(elsewhere.get(namespace) ?? [])]) {
        const packets = claim.stands && rival.stands ? undefined : overlap(claim, rival);
        if (packets) return conflict(overlapMessage(claim, rival, packets));
      }
    }
  }
  return undefined;
}

/**
 * What is to be put back though it was taken out before, as after a hold, is refused where another experiment has come in the meantime
 * that would not have been permitted beside it.
 */
export function refuseReturn(
  returning: readonly Injection[],
  experiment: string,
  others: readonly Effect[],
  containers: readonly Container[],
): Refusal | undefined {
  const theirs = claimsOf(others, containers);
  for (const { target, fault, resolved } of returning) {
    const claim = claimOf({ experiment, fault, resolved }, target, containers, false);
    const refusal = refuseUses([fault], [target], others) ?? (claim && refuseOverlaps([claim], theirs));
    if (refusal) return refusal;
  }
  return undefined;
}

function overlapMessage(claim: Claim, rival: Claim, packets: string): string {
  const [mine, theirs] = [claim.target.name, rival.target.name];
  const { type } = rival.fault;
  if (rival.experiment === claim.experiment)
    return `two faults of this experiment, ${type} and ${claim.fault.type}, want the same packets of ${mine}: ${packets}. Narrow one of them`;
  const who =
    claim.target.id === rival.target.id ? mine : `${mine} shares a network namespace with ${theirs}, which`;
  return `${who} is under ${type} of experiment ${rival.experiment}: both want its ${packets}`;
}

function conflict(message: string): Refusal {
  return { code: 'SQ206', reason: 'Conflict', message };
}
