import type { DesiredState } from '../manifests/desired.ts';
import type { PlanInput } from '../plan/input.ts';
import { attemptProbe } from '../probes/attempt.ts';
import { gateProbes } from '../probes/gate.ts';
import { type ProbeContext, probeName } from '../probes/probe.ts';

/**
 * What the Policies' health gates say just now, for a plan: each probe is tried once. Those of kind `exec` are left out: a plan runs
 * nothing in a container. It is no verdict on what runs (`known` is false): that is the daemon's, with its thresholds.
 */
export async function tryGate(
  policies: DesiredState['policies'],
  context: ProbeContext,
): Promise<PlanInput['gate']> {
  const tried = await Promise.all(
    gateProbes(policies.values())
      .filter(({ probe }) => probe.type !== 'exec')
      .map(async (one) => ({ ...one, result: await attemptProbe(one.probe, context) })),
  );
  const failed = tried.filter(({ result }) => !result.up);
  const messages = failed.map(
    ({ policy, probe, result }) => `policy ${policy}: probe ${probeName(probe)} fails: ${result.message}`,
  );
  return { holds: failed.length === 0, known: false, message: messages.join('; ') };
}
