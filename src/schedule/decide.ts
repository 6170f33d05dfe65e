import { durationMs, formatDuration } from '../core/duration.ts';
import type { ConcurrencyPolicy, ScheduleSpec } from '../core/kinds.ts';
import { DAY } from '../core/zone.ts';
import { type Backlog, backlogOf, ON_TIME } from './backlog.ts';
import { type Cron, latestSlot, parseCron } from './slots.ts';
import { type Due, dueTime, slotName } from './starts.ts';

export { slotName, startOf } from './starts.ts';

/**
 * Default of spec.startingDeadline. Kubernetes starts a missed time however late it is; a daemon that comes back at nine must not bring
 * the night's chaos into the morning.
 */
export const DEFAULT_STARTING_DEADLINE = '1m';

/** Default of spec.historyLimit. */
export const DEFAULT_HISTORY_LIMIT = 10;

/** More missed times than this are worth a warning of their own: Kubernetes' number. */
const MANY = 100;

export interface ScheduleState {
  /**
   * Wall ms: slots at or before this are done with (fired, skipped or missed). At first the object's creation (`newState`); moved to now
   * when cron or timeZone change and when suspend or a hold is lifted (`skipTo`): suspended times are not made up. Never goes back.
   */
  doneUntil: number;
  /** The last slot that fired, not the moment at which it did. */
  lastSlot: number | null;
}

/** What the schedule has started, ended or not. */
export interface OwnedRun {
  /** The object's name. */
  name: string;
  slot: number;
  active: boolean;
  /** Wall ms. */
  endedAt: number | null;
}

export interface DecideInput {
  spec: ScheduleSpec;
  uid: string;
  name: string;
  state: ScheduleState;
  owned: readonly OwnedRun[];
  /** Suspended, halted, or everything halted. */
  held: boolean;
  /** Wall ms. */
  now: number;
}

export type MissReason = 'TooLate' | 'StillRunning' | 'TooManyMissed';

export type ScheduleAction =
  | { kind: 'fire'; slot: number; name: string }
  /** End these, then decide again: the slot waits for it. */
  | { kind: 'replace'; runs: string[] }
  /** `count` slots up to and with `slot` did not start and will not. */
  | { kind: 'miss'; slot: number; count: number; reason: MissReason; message: string }
  /** Ended runs beyond historyLimit, oldest first. */
  | { kind: 'forget'; runs: string[] };

export interface Decision {
  /** In the order in which they are to be carried out. */
  actions: ScheduleAction[];
  /** To be durable together with the actions. */
  state: ScheduleState;
  /** The first slot that is not done with; it may be due and waiting. Undefined while held. */
  next: number | undefined;
  /** ms until time alone changes the decision, a day at most: clocks are set. Undefined without a `next`. */
  wakeAfter: number | undefined;
}

/** The state of a schedule that was added at `now`: the first slot comes after it. */
export function newState(now: number): ScheduleState {
  return { doneUntil: now, lastSlot: null };
}

/** Wall ms: the last moment at which a slot of the schedule may start. */
export function latestStart(spec: ScheduleSpec, uid: string, slot: number): number {
  const cron = parseCron(spec.cron, spec.timeZone);
  return dueTime(cron, uid, jitterOf(spec), slot).at + deadlineOf(spec);
}

/** What was to come until `now` is skipped, and not counted as missed. */
export function skipTo(state: ScheduleState, now: number): ScheduleState {
  return { ...state, doneUntil: Math.max(state.doneUntil, now) };
}

/**
 * What a schedule does now, by the rules of Kubernetes' CronJob controller. Decide again after `wakeAfter`, when a run of it ends and
 * when its spec or its hold changes; between decisions the same input gives the same answer.
 *
 * - Of times that were missed only the latest may start, and only within startingDeadline of when it was due.
 * - Forbid waits for the end of what runs, as long as startingDeadline allows; Replace ends it and waits as long.
 * - A clock that is set back makes nothing fire twice: slots up to `doneUntil` stay done with, and the next is the first after it,
 *   however far that is. (Delete the schedule and add it again where a clock was years ahead for a while.)
 */
export function decideSchedule(input: DecideInput): Decision {
  const { spec, uid, state, now } = input;
  const forget = forgotten(input);
  if (input.held || spec.suspend === true)
    return { actions: forget, state: skipTo(state, now), next: undefined, wakeAfter: undefined };
  const cron = parseCron(spec.cron, spec.timeZone);
  const backlog = backlogOf(cron, uid, jitterOf(spec), state.doneUntil, now);
  const starts = startsOf(input, backlog.startable);
  const miss = missOf(input, cron, backlog, starts.late);
  return {
    actions: [...miss, ...starts.actions, ...forget],
    state: {
      doneUntil: Math.max(state.doneUntil, ...[...starts.done, ...miss].map(({ slot }) => slot)),
      lastSlot: starts.done.at(-1)?.slot ?? state.lastSlot,
    },
    next: starts.waiting[0]?.slot ?? backlog.next?.slot,
    wakeAfter: wakeAfter(input, backlog, starts),
  };
}

/** What becomes of the startable slots. */
interface Starts {
  actions: ScheduleAction[];
  /** Started, now or (if the state is older than what is there) before. */
  done: Due[];
  /** Their deadline is over. */
  late: Due[];
  /** For the end of a run. */
  waiting: Due[];
}

function startsOf(input: DecideInput, startable: readonly Due[]): Starts {
  const there = new Set(input.owned.map(({ name }) => name));
  const running = runningOf(input);
  const alone = policyOf(input) !== 'Allow';
  const starts: Starts = { actions: [], done: [], late: [], waiting: [] };
  for (const due of startable) {
    const name = slotName(input.name, due.slot);
    const busy = alone && (running.length > 0 || starts.actions.length > 0);
    if (there.has(name)) starts.done.push(due);
    else if (input.now > due.at + deadlineOf(input.spec)) starts.late.push(due);
    else if (busy || starts.waiting.length > 0) starts.waiting.push(due);
    else {
      starts.done.push(due);
      starts.actions.push({ kind: 'fire', slot: due.slot, name });
    }
  }
  if (starts.waiting.length > 0 && running.length > 0 && policyOf(input) === 'Replace')
    starts.actions.push({ kind: 'replace', runs: running });
  return starts;
}

type Miss = Extract<ScheduleAction, { kind: 'miss' }>;

/** One warning for all that is missed by now: the slots before those that may start, and the late ones of these. */
function missOf(input: DecideInput, cron: Cron, backlog: Backlog, late: readonly Due[]): Miss[] {
  const { count, more, startable } = backlog;
  const missed = count - startable.length + late.length;
  const first = startable[0];
  if (missed === 0 || first === undefined) return [];
  const slot = late.at(-1)?.slot ?? latestSlot(cron, first.slot - 1) ?? first.slot - 1;
  const what = missed === 1 ? text(slot) : `${more ? 'at least ' : ''}${missed} times up to ${text(slot)}`;
  return [{ kind: 'miss', slot, count: missed, ...whyMissed(input, missed, late.at(-1), what) }];
}

function whyMissed(
  input: DecideInput,
  missed: number,
  late: Due | undefined,
  what: string,
): { reason: MissReason; message: string } {
  const only = 'only the latest may start';
  if (missed > MANY)
    return { reason: 'TooManyMissed', message: `${what} were missed (was the clock set?); ${only}` };
  const running = runningOf(input);
  const policy = policyOf(input);
  if (policy !== 'Allow' && running.length > 0) {
    const are = running.length === 1 ? 'is' : 'are';
    const still = policy === 'Forbid' ? `${are} not over` : 'not ended in time';
    const message = `${what}: not started, ${running.join(', ')} ${still} (concurrencyPolicy ${policy})`;
    return { reason: 'StillRunning', message };
  }
  if (late === undefined)
    return { reason: 'TooLate', message: `${what}: not started, a later time is due too and ${only}` };
  const by = formatDuration(input.now - late.at);
  const deadline = formatDuration(deadlineOf(input.spec));
  return {
    reason: 'TooLate',
    message: `${what}: not started, ${by} late and startingDeadline is ${deadline}`,
  };
}

function wakeAfter(input: DecideInput, backlog: Backlog, { waiting, actions }: Starts): number | undefined {
  const times = waiting.map(({ at }) => at + deadlineOf(input.spec) + 1);
  if (waiting.length > 1) times.push((waiting[0] as Due).at + ON_TIME);
  if (backlog.next !== undefined) times.push(backlog.next.at);
  // What was just started is to be replaced by what was due with it: that is for the next decision.
  const again = waiting.length > 0 && policyOf(input) === 'Replace' && actions[0]?.kind === 'fire';
  if (again) times.push(input.now);
  if (times.length === 0) return undefined;
  return Math.min(Math.max(Math.ceil(Math.min(...times)) - input.now, 0), DAY);
}

function forgotten({ spec, owned }: DecideInput): ScheduleAction[] {
  const ended = owned.filter(({ active }) => !active);
  const oldest = ended.sort((a, b) => a.slot - b.slot || (a.endedAt ?? 0) - (b.endedAt ?? 0));
  const runs = oldest.slice(0, Math.max(0, oldest.length - (spec.historyLimit ?? DEFAULT_HISTORY_LIMIT)));
  return runs.length === 0 ? [] : [{ kind: 'forget', runs: runs.map(({ name }) => name) }];
}

function policyOf({ spec }: DecideInput): ConcurrencyPolicy {
  return spec.concurrencyPolicy ?? 'Forbid';
}

function deadlineOf({ startingDeadline = DEFAULT_STARTING_DEADLINE }: ScheduleSpec): number {
  return durationMs(startingDeadline);
}

function jitterOf({ jitter = '0s' }: ScheduleSpec): number {
  return durationMs(jitter);
}

function runningOf({ owned }: DecideInput): string[] {
  return owned.filter(({ active }) => active).map(({ name }) => name);
}

/** `2026-11-24T02:30:00Z` */
function text(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}
