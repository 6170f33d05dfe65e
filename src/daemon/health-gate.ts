import type { Clock } from '../core/clock.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { DesiredState } from '../manifests/desired.ts';
import { createGate, type GateState } from '../probes/gate.ts';
import { type ProbeContext, type ProbeResult, probeName } from '../probes/probe.ts';
import { emit } from '../reconcile/events.ts';
import type { Metrics } from '../reconcile/metrics.ts';

export interface HealthGateOptions {
  journal: Journal;
  clock: Clock;
  log: Log;
  metrics: Metrics;
  probes: ProbeContext;
  /** The gate opened or shut: every experiment is to be looked at. */
  onChange: () => void;
}

/** The health gate of all Policies, kept to what the manifests say. */
export interface HealthGate {
  state(): GateState;
  /** Takes up the probes of these Policies. One that nobody can read has none. */
  follow(policies: DesiredState['policies']): void;
  close(): void;
}

/** One try of a probe, told as `owner/probe`: of a Policy's gate, or of a Scenario's step. */
export function countSample(
  metrics: Metrics,
  owner: string,
  spec: ProbeSpec,
  { up, took }: ProbeResult,
): void {
  const probe = `${owner}/${probeName(spec)}`;
  metrics.probeSuccess.set({ probe }, up ? 1 : 0);
  metrics.probeSeconds.observe({ probe }, took / 1000);
}

export function keepHealthGate({ metrics, probes, onChange, ...deps }: HealthGateOptions): HealthGate {
  let shut = false;
  const tell = ({ holds, known, message }: GateState) => {
    if (known && !holds) emit(deps, { experiment: null, reason: 'GateShut', message, warning: true });
    if (holds && shut) emit(deps, { experiment: null, reason: 'GateOpen', message });
    shut = known && !holds;
    onChange();
  };
  const gate = createGate(probes, tell, (policy, probe, result) =>
    countSample(metrics, policy, probe, result),
  );
  return {
    state: gate.state,
    follow: (policies) => {
      metrics.probeSuccess.reset();
      gate.set(
        [...policies.values()].flatMap(({ name, spec }) =>
          (spec.healthGate?.probes ?? []).map((probe) => ({ policy: name, probe })),
        ),
      );
    },
    close: gate.close,
  };
}
