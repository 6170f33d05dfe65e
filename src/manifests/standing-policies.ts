import { sep } from 'node:path';
import type { AnyManifest, Manifest } from '../core/kinds.ts';
import { type DesiredState, desiredState } from './desired.ts';

type Policy = Manifest<'Policy'>;

/**
 * `merged` with the Policies of `before` that still count. To lose a directory (a mount that went, say) ends experiments, which is the safe
 * side; it must not lift guardrails: a Policy that was in one of `missing` stands as it was. So does one that was right before it was
 * renamed and broken at once.
 */
export function withStandingPolicies(
  merged: DesiredState,
  before: DesiredState,
  missing: readonly string[],
): DesiredState {
  const kept = [...before.policies.values()]
    .map((policy) => standing(policy, merged.policies.get(policy.name), missing))
    .filter((policy) => policy !== undefined);
  if (kept.length === 0) return merged;
  const names = new Set(kept.map(({ name }) => name));
  const others = [...merged.objects.values()].filter(
    ({ kind, name }) => kind !== 'Policy' || !names.has(name),
  );
  return desiredState([...others, ...(kept as AnyManifest[])], merged.problems);
}

/** The Policy in its last version, where that counts; `now`: what there is of it. */
function standing(policy: Policy, now: Policy | undefined, missing: readonly string[]): Policy | undefined {
  if (policy.unknown) return now ? undefined : whereMissing(policy, missing);
  if (!now) return whereMissing(policy, missing);
  if (!now.unknown) return undefined;
  const { conflict: _, ...last } = policy;
  return { ...last, source: now.source, stale: `${now.stale}; the last good version stands` };
}

function whereMissing(policy: Policy, missing: readonly string[]): Policy | undefined {
  const dir = missing.find((one) => policy.source.file.startsWith(one + sep));
  if (dir === undefined) return undefined;
  const { conflict: _, ...last } = policy;
  if (policy.unknown) return last;
  return { ...last, stale: `its directory ${dir} is not there: it stands until the directory is back` };
}
