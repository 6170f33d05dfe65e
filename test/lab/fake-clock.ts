import type { Clock } from '../../src/core/clock.ts';

interface Timer {
  /** On the boot clock. */
  due: number;
  fn: () => void;
}

/** A clock that stands still until a test moves it. Timers follow the boot clock, as setTimeout does. */
export class FakeClock implements Clock {
  #wall: number;
  #boot: number;
  #boots = 1;
  #timers = new Set<Timer>();

  /** `wall`: ms since the epoch; `boot`: ms since boot. */
  constructor(wall = Date.UTC(2030, 0, 1), boot = 1_000_000) {
    this.#wall = wall;
    this.#boot = boot;
  }

  now(): number {
    return this.#wall;
  }

  boot(): number {
    return this.#boot;
  }

  bootId(): string {
    return `boot-${this.#boots}`;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.#boot + Math.max(ms, 0), fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Time passes: both clocks move, and what falls due runs in its order, each at its own moment. */
  advance(ms: number): void {
    const end = this.#boot + ms;
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#move(Math.max(timer.due - this.#boot, 0));
      this.#timers.delete(timer);
      timer.fn();
    }
    this.#move(end - this.#boot);
  }

  /** As `advance`, for code that awaits between its timers: lets promises settle after each. */
  async run(ms: number): Promise<void> {
    const end = this.#boot + ms;
    await settle();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.advance(Math.max(timer.due - this.#boot, 0));
      await settle();
    }
    this.advance(end - this.#boot);
    await settle();
  }

  /** Somebody sets the wall clock: it alone moves (backwards where negative), and no timer runs. */
  step(ms: number): void {
    this.#wall += ms;
  }

  /** The machine is suspended: both clocks go on, timers stand still (CLOCK_MONOTONIC). */
  suspend(ms: number): void {
    this.#move(ms);
    for (const timer of this.#timers) timer.due += ms;
  }

  /** The machine is off for `ms` and boots again: armed timers are lost, the boot clock starts anew. */
  reboot(ms = 0): void {
    this.#wall += ms;
    this.#boot = 0;
    this.#boots++;
    this.#timers.clear();
  }

  #move(ms: number): void {
    this.#wall += ms;
    this.#boot += ms;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (timer.due <= end && (!first || timer.due < first.due)) first = timer;
    return first;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
