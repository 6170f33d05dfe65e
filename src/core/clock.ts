import { readFileSync } from 'node:fs';

/**
 * Time, in one place. Wall time (`now`) is what netfilter's time match sees; boot time (`boot`, CLOCK_BOOTTIME:
 * it also counts suspend, and nobody can set it) is what a deadline really means while the machine stays up.
 */
export interface Clock {
  /** Wall clock, ms since the epoch (UTC). */
  now(): number;
  /** ms since this boot, CLOCK_BOOTTIME (proc(5): /proc/uptime, 10 ms resolution). */
  boot(): number;
  /** This boot's id (random(4): /proc/sys/kernel/random/boot_id). */
  bootId(): string;
  /** Calls `fn` after `ms`; the returned function cancels. Long waits are split: setTimeout holds 2^31 - 1 ms. */
  after(ms: number, fn: () => void): () => void;
}

const LONGEST_TIMER = 2 ** 31 - 1;

function after(ms: number, fn: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number) => {
    const step = Math.min(Math.max(left, 0), LONGEST_TIMER);
    timer = setTimeout(() => (left > step ? arm(left - step) : fn()), step);
  };
  arm(ms);
  return () => clearTimeout(timer);
}

let cachedBootId: string | undefined;

export const systemClock: Clock = {
  now: () => Date.now(),
  boot: () => Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000),
  bootId: () => {
    cachedBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return cachedBootId;
  },
  after,
};

/** Tells the ms since this call, with fractions; no step of the wall clock moves it. For what is measured, not for what is planned. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}

/** A clock that is only read. */
export type Reading = Pick<Clock, 'now' | 'boot' | 'bootId'>;

/** A moment that must survive a step of the wall clock: valid by boot time on the same boot, by wall time after a reboot. */
export interface Deadline {
  /** ms since the epoch, as the wall clock stood when it was set. */
  wall: number;
  /** ms of CLOCK_BOOTTIME. */
  boot: number;
  bootId: string;
}

export function deadlineIn(clock: Reading, ms: number): Deadline {
  return { wall: clock.now() + ms, boot: clock.boot() + ms, bootId: clock.bootId() };
}

/** ms left; negative once it is past. Boot time decides unless the machine was rebooted since. */
export function remaining(clock: Reading, deadline: Deadline): number {
  return deadline.bootId === clock.bootId() ? deadline.boot - clock.boot() : deadline.wall - clock.now();
}

/** The deadline as the wall clock shows it now: differs from `deadline.wall` once somebody stepped the clock. */
export function wallOf(clock: Reading, deadline: Deadline): number {
  return clock.now() + remaining(clock, deadline);
}
