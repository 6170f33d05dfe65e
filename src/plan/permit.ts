import { sameJson } from '../core/canonical.ts';
import { durationMs } from '../core/duration.ts';
import type {
  BlastRadius,
  Container,
  ExperimentRecord,
  FaultSpec,
  Run,
  SlottedFault,
} from '../core/types.ts';
import { hostKey, type World } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Lookup, Refusal, RunDraft } from './actions.ts';
import type { Asked } from './asked.ts';
import { type Claim, claimOf, claimsOf, refuseOverlaps } from './collisions.ts';
import { carriers, groupOf } from './effects.ts';
import { refusalOf } from './guard.ts';
import type { PlanInput } from './input.ts';
import type { Selection } from './targets.ts';

/** A run as it would be, for the guard. `left`: ms from now to its deadline. `run`: as it is, where it is under way. */
export function askedOf(
  { faults, targets, duration }: RunDraft,
  { chosen, candidates }: Pick<Selection, 'chosen' | 'candidates'>,
  blastRadius: BlastRadius | undefined,
  left: number,
  run?: Run,
): Asked {
  const specs = faults.map(({ fault }) => fault);
  return { faults: specs, chosen, targets, candidates, blastRadius, duration, left, run };
}

/**
 * Each fault's own word on each target, and whether two of them want the same packets. What is in the world already, by `run`, is not
 * refused because a peer of it is down just now, or has moved.
 */
export function refuseFaults(
  input: PlanInput,
  chosen: readonly Container[],
  faults: readonly SlottedFault[],
  run?: Run,
): Refusal | undefined {
  try {
    const claims = resolveAll(
      input,
      chosen,
      faults.map(({ fault }) => fault),
      run,
    );
    if (claims.length === 0) return undefined;
    return refuseOverlaps(claims, claimsOf(input.others, input.world.containers));
  } catch (error) {
    return refusalOf(error);
  }
}

/** Every fault's answer for every target, of which those are returned that take packets out of their way. Throws their refusals. */
function resolveAll(
  input: PlanInput,
  chosen: readonly Container[],
  faults: readonly FaultSpec[],
  run: Run | undefined,
): Claim[] {
  const { containers } = input.world;
  const group = groupOf(chosen);
  const known = groupOf(run?.targets ?? []);
  const growing = chosen.some(({ id }) => !known.has(id));
  const carries = carriers(chosen, containers, run ? input.effects : []);
  return faults.flatMap((fault) => {
    const kind = faultKind(fault.type);
    const standing = run?.faults.some((before) => sameJson(before.fault, fault)) ?? false;
    const world = { ...input.world, group, growing, lenient: standing };
    const answers = chosen.map((target) => ({ target, resolved: kind.resolve(fault, target, world) }));
    return answers
      .filter(({ target }) => carries(target))
      .map(({ target, resolved }) => {
        const stands = standing && known.has(target.id);
        return claimOf({ experiment: input.name, fault, resolved }, target, containers, stands);
      })
      .filter((claim) => claim !== undefined);
  });
}

/** Host names that the faults use and that these targets' resolvers have not been asked for. */
export function missingLookups(
  targets: readonly Container[],
  faults: readonly FaultSpec[],
  world: World,
): Lookup[] {
  const hosts = [...new Set(faults.flatMap((fault) => faultKind(fault.type).lookups?.(fault) ?? []))];
  return targets.flatMap((container) =>
    hosts
      .filter((host) => !world.hosts.has(hostKey(container.id, host)))
      .map((host) => ({ container, host })),
  );
}

const DEFAULT_RECOVERY_TIMEOUT = '60s';

/** What a run's random choices hang on: the manifest's seed, or one that no other run has. */
export function seedOf({ spec, uid }: ExperimentRecord, runId: string): string {
  return String(spec.targets.seed ?? `${uid}/${runId}`);
}

/** The spec's times in ms. */
export function times(spec: ExperimentRecord['spec']): Pick<RunDraft, 'duration' | 'recoveryTimeout'> {
  return {
    duration: durationMs(spec.duration),
    recoveryTimeout: durationMs(spec.recoveryTimeout ?? DEFAULT_RECOVERY_TIMEOUT),
  };
}
