import type { ProbeSpec } from '../core/kinds.ts';
import type { ProbeContext, ProbeResult } from '../probes/probe.ts';
import { type ProbeState, type ProbeWatch, watchProbe } from '../probes/watch.ts';

/** The probes of steps that are under way. They live in memory alone: after a start of the daemon they begin again. */
export interface Watches {
  /** By path of the step. */
  states(scenario: string): ReadonlyMap<string, ProbeState>;
  /** From now on these are tried, by path, and no others of this scenario. Those that are tried already go on. */
  set(scenario: string, wanted: ReadonlyMap<string, ProbeSpec>): void;
  forget(scenario: string): void;
  close(): void;
}

export interface WatchesOptions {
  context: ProbeContext;
  /** There is a new verdict. */
  onVerdict: (scenario: string) => void;
  onSample?: ((scenario: string, probe: ProbeSpec, result: ProbeResult) => void) | undefined;
}

/** A run that ends wants no probe any more, so what is watched is always of the run that is under way. */
export function createWatches({ context, onVerdict, onSample }: WatchesOptions): Watches {
  const byScenario = new Map<string, Map<string, ProbeWatch>>();
  let open = true;

  function begin(scenario: string, probe: ProbeSpec): ProbeWatch {
    const verdict = () => onVerdict(scenario);
    return watchProbe(probe, context, verdict, (result) => onSample?.(scenario, probe, result));
  }

  function set(scenario: string, wanted: ReadonlyMap<string, ProbeSpec>): void {
    const watches = byScenario.get(scenario) ?? new Map<string, ProbeWatch>();
    for (const [path, watch] of watches) {
      if (wanted.has(path)) continue;
      watch.stop();
      watches.delete(path);
    }
    if (open)
      for (const [path, probe] of wanted) if (!watches.has(path)) watches.set(path, begin(scenario, probe));
    if (watches.size > 0) byScenario.set(scenario, watches);
    else byScenario.delete(scenario);
  }

  const forget = (scenario: string) => set(scenario, new Map());
  return {
    states: (scenario) =>
      new Map([...(byScenario.get(scenario) ?? [])].map(([path, watch]) => [path, watch.state()])),
    set,
    forget,
    close: () => {
      open = false;
      for (const scenario of [...byScenario.keys()]) forget(scenario);
    },
  };
}
