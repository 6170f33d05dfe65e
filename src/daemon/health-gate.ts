import type { Clock } from '../core/clock.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { DesiredState } from '../manifests/desired.ts';
import { createGate, type GateState, gateProbes } from '../probes/gate.ts';
import { type ProbeContext, type ProbeResult, probeName } from '../probes/probe.ts';
import { emit } from '../reconcile/events.ts';
import type { Metrics } from '../reconcile/metrics.ts';
import { createPatientGate } from './patient-gate.ts';

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

/** One try of a probe, told as `policy/NAME/PROBE` or `scenario/NAME/PROBE`: of a Policy's gate, or of a Scenario's step. */
export function countSample(
  metrics: Metrics,
  owner: string,
  spec: ProbeSpec,
  { up, took }: ProbeResult,
): void {
  const probe = gaugeOf(owner, spec);
  metrics.probeSuccess.set({ probe }, up ? 1 : 0);
  metrics.probeSeconds.observe({ probe }, took / 1000);
}

/** The probes have the say, and patience with them: see patient-gate.ts. */
export function keepHealthGate({ metrics, probes, onChange, ...deps }: HealthGateOptions): HealthGate {
  let shut = false;
  let gauges = new Set<string>();
  const tell = ({ holds, message }: GateState) => {
    if (!holds) emit(deps, { experiment: null, reason: 'GateShut', message, warning: true });
    else if (shut) emit(deps, { experiment: null, reason: 'GateOpen', message });
    shut = !holds;
    onChange();
  };
  const gate = createGate(
    probes,
    () => patient.look(),
    (policy, probe, result) => countSample(metrics, `policy/${policy}`, probe, result),
  );
  const patient = createPatientGate({ clock: deps.clock, probes: gate.state, onChange: tell });

  function follow(policies: DesiredState['policies']): void {
    const wanted = gateProbes(policies.values());
    const before = gauges;
    gauges = new Set(wanted.map(({ policy, probe }) => gaugeOf(`policy/${policy}`, probe)));
    for (const probe of before) if (!gauges.has(probe)) metrics.probeSuccess.remove({ probe });
    gate.set(wanted);
    patient.look(wanted.length === 0);
  }

  return {
    state: patient.state,
    follow,
    close: () => {
      gate.close();
      patient.close();
    },
  };
}

function gaugeOf(owner: string, probe: ProbeSpec): string {
  return `${owner}/${probeName(probe)}`;
}
