import { canonical } from '../core/canonical.ts';
import type { Manifest, ProbeSpec } from '../core/kinds.ts';
import { type ProbeContext, type ProbeResult, probeName } from './probe.ts';
import { type ProbeState, type ProbeWatch, watchProbe } from './watch.ts';

/** The health gate: the probes of all Policies together. */
export interface GateState {
  /** Every probe holds. */
  holds: boolean;
  /** False where it does not hold only for want of verdicts. */
  known: boolean;
  /** What is in the way: `policy default: probe backend-health fails: status 503, expected 2xx`; else that nothing is. One line. */
  message: string;
}

/** A probe and the policy that asks for it. */
export interface GateProbe {
  policy: string;
  probe: ProbeSpec;
}

export interface Gate {
  /**
   * Replaces what is watched. Probes that are alike (same policy, same spec) go on undisturbed, with all that is known of them. Where it
   * changes the state, `onChange` is called before it returns.
   */
  set(probes: readonly GateProbe[]): void;
  state(): GateState;
  close(): void;
}

/** The probes of all these Policies. */
export function gateProbes(policies: Iterable<Pick<Manifest<'Policy'>, 'name' | 'spec'>>): GateProbe[] {
  return [...policies].flatMap(({ name, spec }) =>
    (spec.healthGate?.probes ?? []).map((probe) => ({ policy: name, probe })),
  );
}

interface Watched extends GateProbe {
  watch: ProbeWatch;
}

/**
 * A gate without probes holds, and is known. One whose probes have no verdict yet does not hold: better late than into something that is
 * down already. `onChange` is told when the gate or the set of probes that keep it shut changes, not for each new message.
 */
export function createGate(
  context: ProbeContext,
  onChange: (state: GateState) => void,
  onSample: (policy: string, probe: ProbeSpec, result: ProbeResult) => void = () => {},
): Gate {
  let watched = new Map<string, Watched>();
  let told = verdicts(watched);

  const tell = () => {
    const now = verdicts(watched);
    if (now === told) return;
    told = now;
    onChange(gateState([...watched.values()]));
  };
  const begin = ({ policy, probe }: GateProbe): Watched => {
    const watch = watchProbe(probe, context, tell, (result) => onSample(policy, probe, result));
    return { policy, probe, watch };
  };
  return {
    set: (probes) => {
      const before = watched;
      watched = new Map();
      for (const one of probes) {
        const key = canonical([one.policy, one.probe]);
        if (!watched.has(key)) watched.set(key, before.get(key) ?? begin(one));
      }
      for (const [key, { watch }] of before) if (!watched.has(key)) watch.stop();
      tell();
    },
    state: () => gateState([...watched.values()]),
    close: () => {
      for (const { watch } of watched.values()) watch.stop();
    },
  };
}

/** What `onChange` is about: two of them differ where who keeps the gate shut, or why in principle, differs. */
function verdicts(watched: ReadonlyMap<string, Watched>): string {
  const open = [...watched].filter(([, { watch }]) => watch.state().up !== true);
  return canonical(open.map(([key, { watch }]) => [key, watch.state().up ?? null]));
}

function gateState(watched: readonly Watched[]): GateState {
  const states = watched.map((one) => ({ ...one, state: one.watch.state() }));
  const shut = states.filter(({ state }) => state.up !== true);
  // one that is known to fail settles it, whatever is not known yet
  const known = shut.length === 0 || shut.some(({ state }) => state.up === false);
  if (shut.length === 0) return { holds: true, known, message: holdsMessage(watched.length) };
  const messages = shut.map(({ policy, probe, state }) => {
    return `policy ${policy}: probe ${probeName(probe)} ${whatOf(state, probe.failureThreshold ?? 1)}`;
  });
  return { holds: false, known, message: messages.join('; ') };
}

function holdsMessage(count: number): string {
  if (count === 0) return 'no policy has a health gate';
  return count === 1 ? 'the probe holds' : `all ${count} probes hold`;
}

function whatOf({ up, samples, failures, message }: ProbeState, threshold: number): string {
  if (up === false) return `fails: ${message}`;
  if (samples === 0) return 'has no result yet';
  return `has no verdict yet, ${failures} of ${threshold} tries failed: ${message}`;
}
