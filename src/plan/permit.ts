import { sameJson } from '../core/canonical.ts';
import { durationMs } from '../core/duration.ts';
import { SquallError } from '../core/errors.ts';
import type { Container, ExperimentRecord, FaultSpec, SlottedFault } from '../core/types.ts';
import { hostKey, type World } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Lookup, Refusal, RunDraft } from './actions.ts';
import { guard, refusalOf } from './guard.ts';
import type { PlanInput } from './input.ts';
import type { Selection } from './targets.ts';

/**
 * The guard's word on the selection, and each fault's own on each target. A fault that is in the world already (`standing`) is not
 * refused because a peer of it is down just now.
 */
export function refuse(
  input: PlanInput,
  record: ExperimentRecord,
  selection: Selection,
  faults: readonly SlottedFault[],
  standing: readonly SlottedFault[] = [],
): Refusal | undefined {
  const specs = faults.map(({ fault }) => fault);
  const { containers } = input.world;
  const refusal = guard({
    ...input,
    ...selection,
    experiment: record.name,
    faults: specs,
    blastRadius: record.spec.blastRadius,
    containers,
  });
  if (refusal) return refusal;
  try {
    for (const fault of specs) {
      const world = { ...input.world, lenient: standing.some((before) => sameJson(before.fault, fault)) };
      for (const target of selection.chosen) faultKind(fault.type).resolve(fault, target, world);
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    return refusalOf(error);
  }
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
