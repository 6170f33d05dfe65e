import assert from 'node:assert/strict';
import type { ScheduleSpec } from '../../src/core/kinds.ts';
import {
  type DecideInput,
  type Decision,
  decideSchedule,
  newState,
  type OwnedRun,
  type ScheduleState,
  skipTo,
} from '../../src/schedule/decide.ts';

interface LiveRun extends OwnedRun {
  /** Wall ms at which it ends by itself or has been told to. */
  endsAt: number;
}

/** How the daemon came to a decision: without a break since the one before, or after some other thing. */
export type Since = 'alive' | 'break';

export interface Look {
  input: DecideInput;
  decision: Decision;
  since: Since;
  /** Runs that ended since the decision before. */
  ended: number;
}

export interface Delays {
  /** ms that a timer is late. */
  timer: () => number;
  /** ms that a run lasts. */
  run: () => number;
  /** ms that a run takes to end once it is told to. */
  end: () => number;
}

/** A daemon with one schedule, its runs and a clock that can be set; time passes only in it. */
export class World {
  now: number;
  state: ScheduleState;
  runs: LiveRun[] = [];
  held = false;
  readonly fired: { slot: number; at: number }[] = [];
  missed = 0;
  readonly spec: ScheduleSpec;
  private readonly delays: Delays;
  private readonly look: (look: Look) => void;
  private since: Since = 'break';
  private ended = 0;

  constructor(spec: ScheduleSpec, now: number, delays: Delays, look: (look: Look) => void = () => {}) {
    this.spec = spec;
    this.now = now;
    this.state = newState(now);
    this.delays = delays;
    this.look = look;
  }

  /** The daemon lives for a while. Returns where its clock then stands. */
  live(ms: number): number {
    const until = this.now + ms;
    for (;;) {
      const wake = this.decide();
      const end = Math.min(...this.runs.filter(({ active }) => active).map(({ endsAt }) => endsAt));
      const timer = wake === undefined ? Number.POSITIVE_INFINITY : this.now + wake + this.delays.timer();
      const next = Math.min(end, timer);
      if (next > until) break;
      this.pass(next);
    }
    this.pass(until);
    return this.now;
  }

  /** The daemon is down; its runs go on to their ends. */
  down(ms: number): void {
    this.pass(this.now + ms);
    this.since = 'break';
  }

  /** Somebody sets the clock, while the daemon lives. */
  step(ms: number): void {
    this.now += ms;
    for (const run of this.runs) run.endsAt += ms;
    this.since = 'break';
  }

  hold(ms: number): void {
    this.held = true;
    this.live(ms);
    this.held = false;
    this.state = skipTo(this.state, this.now);
    this.since = 'break';
  }

  private pass(until: number): void {
    this.now = until;
    for (const run of this.runs)
      if (run.active && run.endsAt <= until) {
        run.active = false;
        run.endedAt = run.endsAt;
        this.ended += 1;
      }
  }

  input(): DecideInput {
    const owned = this.runs.map(({ endsAt: _, ...run }) => run);
    const { spec, state, held, now } = this;
    return { spec, uid: 'u', name: 's', state, owned, held, now };
  }

  private decide(): number | undefined {
    const input = this.input();
    const decision = decideSchedule(input);
    this.look({ input, decision, since: this.since, ended: this.ended });
    this.since = 'alive';
    this.ended = 0;
    this.state = decision.state;
    for (const action of decision.actions) {
      if (action.kind === 'miss') this.missed += action.count;
      else if (action.kind === 'replace') this.end(action.runs);
      else if (action.kind === 'forget')
        this.runs = this.runs.filter(({ name }) => !action.runs.includes(name));
      else this.fire(action.slot, action.name);
    }
    return decision.wakeAfter;
  }

  private fire(slot: number, name: string): void {
    assert.ok(!this.runs.some((run) => run.name === name));
    this.fired.push({ slot, at: this.now });
    const endsAt = this.now + this.delays.run();
    this.runs.push({ name, slot, active: true, endedAt: null, endsAt });
  }

  private end(names: readonly string[]): void {
    for (const run of this.runs) {
      if (!names.includes(run.name)) continue;
      assert.ok(run.active);
      run.endsAt = Math.min(run.endsAt, this.now + this.delays.end());
    }
  }
}
