import type { Clock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import type { GateState } from '../probes/gate.ts';

/** ms of calm after which a gate that shuts opens again with its probes, without a wait. */
const CALM = 5 * 60_000;
/** ms that one that has opened no longer ago than that stays shut once its probes hold again: doubles with each time. */
const FIRST_WAIT = 2_000;
const LONGEST_WAIT = 60_000;

/** What a gate says, with patience: one whose probes come and go must not let chaos start at each of their better moments. */
export interface PatientGate {
  state(): GateState;
  /** The probes have another verdict. `unasked`: there are none any more, so nothing is waited for. */
  look(unasked?: boolean): void;
  close(): void;
}

export interface PatientGateOptions {
  clock: Pick<Clock, 'boot' | 'after'>;
  /** What the probes say now. */
  probes: () => GateState;
  /** It shut, or opened, or is known to hold for the first time. */
  onChange: (state: GateState) => void;
}

export function createPatientGate({ clock, probes, onChange }: PatientGateOptions): PatientGate {
  let told: 'unknown' | 'shut' | 'open' = 'unknown';
  let openedAt: number | undefined;
  let wait = 0;
  let opening: { at: number; cancel: () => void } | undefined;

  function state(): GateState {
    const now = probes();
    if (told !== 'shut' || !now.holds || !opening) return now;
    const left = formatDuration(Math.max(0, opening.at - clock.boot()));
    const message = `${now.message} again, but the gate has shut more than once lately: it opens in ${left}`;
    return { holds: false, known: true, message };
  }

  function look(unasked = false): void {
    const { holds, known } = probes();
    if (!holds) giveUp();
    if (!holds && !known && told === 'open') told = 'unknown'; // a new probe
    if (holds && (told !== 'shut' || wait === 0 || unasked)) open();
    else if (holds) opening ??= { at: clock.boot() + wait, cancel: clock.after(wait, open) };
    else if (known && told !== 'shut') shut();
  }

  function open(): void {
    giveUp();
    if (told === 'open') return;
    if (told === 'shut') openedAt = clock.boot();
    told = 'open';
    onChange(probes());
  }

  function shut(): void {
    const calm = openedAt === undefined || clock.boot() - openedAt >= CALM;
    wait = calm ? 0 : Math.min(LONGEST_WAIT, Math.max(FIRST_WAIT, 2 * wait));
    told = 'shut';
    onChange(probes());
  }

  function giveUp(): void {
    opening?.cancel();
    opening = undefined;
  }

  return { state, look, close: giveUp };
}
