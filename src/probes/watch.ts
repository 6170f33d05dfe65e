import { durationMs } from '../core/duration.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import { attemptProbe } from './attempt.ts';
import { DEFAULT_INTERVAL, type ProbeContext, type ProbeResult, SHORTEST_INTERVAL } from './probe.ts';

/** What is known of a probe that is tried again and again. */
export interface ProbeState {
  /** Undefined until the first verdict: one try that succeeds, or failureThreshold of them in a row that fail. */
  up: boolean | undefined;
  /** Tries in a row that failed. */
  failures: number;
  /** What the last try saw; empty before. */
  message: string;
  /** Wall clock, ms: since when `up` is what it is. */
  since: number;
  /** Tries that have ended. */
  samples: number;
}

export interface ProbeWatch {
  state(): ProbeState;
  /** Ends the try that is under way. Nothing is told any more. */
  stop(): void;
}

/**
 * Tries a probe until it is stopped: at once, and then an interval after the end of each try. `onSample` is told of each try, and after it
 * `onChange` of each new verdict. `up` goes false with failureThreshold failures in a row, and true with the first success.
 */
export function watchProbe(
  spec: ProbeSpec,
  context: ProbeContext,
  onChange: (state: ProbeState) => void,
  onSample: (result: ProbeResult) => void = () => {},
): ProbeWatch {
  const { clock } = context;
  const interval = Math.max(durationMs(spec.interval ?? DEFAULT_INTERVAL), SHORTEST_INTERVAL);
  const ender = new AbortController();
  let state: ProbeState = { up: undefined, failures: 0, message: '', since: clock.now(), samples: 0 };
  let cancel = () => {};

  const take = (result: ProbeResult) => {
    if (ender.signal.aborted) return;
    cancel = clock.after(interval, attempt);
    const before = state;
    state = nextState(before, result, spec.failureThreshold ?? 1, clock.now());
    onSample(result);
    if (state.up !== before.up && !ender.signal.aborted) onChange(state);
  };
  const attempt = () => void attemptProbe(spec, context, ender.signal).then(take);

  attempt();
  return {
    state: () => state,
    stop: () => {
      ender.abort();
      cancel();
    },
  };
}

/** Pure. */
function nextState(before: ProbeState, result: ProbeResult, threshold: number, now: number): ProbeState {
  const failures = result.up ? 0 : before.failures + 1;
  const failed = failures >= threshold ? false : before.up;
  const up = result.up ? true : failed;
  return {
    up,
    failures,
    message: result.message,
    since: up === before.up ? before.since : now,
    samples: before.samples + 1,
  };
}
