import type { Json } from '../core/canonical.ts';
import {
  type Manifest,
  type ObjectRecord,
  objectId,
  type ScheduleSpec,
  type Spawned,
} from '../core/kinds.ts';
import { nearMiss } from '../core/near-miss.ts';
import type { ExperimentSpec } from '../core/types.ts';
import type { NewEvent } from '../reconcile/events.ts';
import type { ObjectDeps, ObjectHandler, ObjectOutcome } from '../reconcile/objects.ts';
import {
  type Decision,
  decideSchedule,
  latestStart,
  newState,
  type ScheduleAction,
  type ScheduleState,
  skipTo,
} from './decide.ts';
import { type Fired, firedBy } from './fired.ts';

/** ms that what was fired at the last moment has to begin. */
const LEAST_TIME = 5000;

/** What a Schedule remembers. */
export interface ScheduleMemory extends ScheduleState {
  /** The expression and zone that `doneUntil` belongs to. */
  timing: string;
  /** It was held at the last look: the times that passed are not made up. */
  held: boolean;
  /** The next slot, wall ms; null while held, and where there is none. */
  next: number | null;
  /** Names of what it started that has not ended. */
  active: string[];
}

/** Fires at the times of a cron expression, each at most once whatever becomes of the daemon: what it remembers and what it starts are one write. */
export const scheduleHandler: ObjectHandler<'Schedule'> = { kind: 'Schedule', pass };

function pass(
  deps: ObjectDeps,
  record: ObjectRecord<'Schedule'>,
  manifest: Manifest<'Schedule'>,
): ObjectOutcome<'Schedule'> {
  const now = deps.clock.now();
  const rest = restOf(deps, record, manifest);
  const held = rest !== undefined;
  const state = stateOf(record, held, now);
  // what passes while it is held is skipped when the hold is lifted: nothing to write until then
  const stays = held && (record.state as unknown as ScheduleMemory | null)?.held === true;
  const fired = firedBy(deps.journal, record);
  const { spec, uid, name } = record;
  const decision = decideSchedule({ spec, uid, name, state, owned: fired, held, now });
  const outcome = carryOut(deps, record, fired, decision);
  const late = fired.filter((one) => !one.started && now > latestBegin(record, one));
  const waiting = fired.filter((one) => !one.started && !late.includes(one));
  const active = fired.filter((one) => one.active && !late.includes(one)).map((one) => one.name);
  const memory: ScheduleMemory = {
    ...(stays ? state : decision.state),
    timing: timingOf(spec),
    held,
    next: decision.next ?? null,
    active: [...active, ...outcome.spawn.map((one) => one.name)],
  };
  const status = rest ?? { phase: 'Active', reason: 'Accepted', message: '' };
  const news = tellRest(record, rest);
  return {
    record: { ...record, ...status, state: memory as unknown as Json },
    spawn: outcome.spawn,
    release: [...outcome.release, ...late],
    events: [...news, ...outcome.events, ...late.map((one) => neverStarted(record, one))],
    afterwards: () => deps.metrics.scheduleMissed.inc({ schedule: name }, outcome.missed + late.length),
    wakeAfter: soonest(decision.wakeAfter, record, [...waiting, ...outcome.spawn], now),
  };
}

/** Why it does not fire; undefined where it does. */
function restOf(
  { halt }: ObjectDeps,
  { name, hold, spec }: ObjectRecord<'Schedule'>,
  { stale, conflict, spec: declared }: Manifest<'Schedule'>,
): Pick<ObjectRecord, 'phase' | 'reason' | 'message'> | undefined {
  const lift = `\`squall resume schedule/${name}\` lifts it`;
  if (conflict) return { phase: 'Invalid', reason: 'NameTaken', message: conflict };
  if (stale) return { phase: 'Invalid', reason: 'Stale', message: stale };
  if (halt.read())
    return {
      phase: 'Halted',
      reason: 'HaltedAll',
      message: 'all chaos is halted: `squall resume --all` lifts it',
    };
  if (hold === 'halted') return { phase: 'Halted', reason: 'Halted', message: `halted by a person: ${lift}` };
  if (hold) return { phase: 'Suspended', reason: 'Suspended', message: `suspended by a person: ${lift}` };
  if (spec.suspend || declared.suspend)
    return {
      phase: 'Suspended',
      reason: 'Suspended',
      message: `spec.suspend is true: \`squall run schedule/${name}\` fires it once`,
    };
  return undefined;
}

function tellRest(
  record: ObjectRecord<'Schedule'>,
  rest: Pick<ObjectRecord, 'phase' | 'reason' | 'message'> | undefined,
): NewEvent[] {
  if (!rest || (rest.phase === record.phase && rest.reason === record.reason)) return [];
  return [about(record, rest.reason, rest.message, rest.phase === 'Invalid')];
}

/** Times before the object was there, under another expression, or while it was held are none of its affair. */
function stateOf(record: ObjectRecord<'Schedule'>, held: boolean, now: number): ScheduleState {
  const memory = record.state as unknown as ScheduleMemory | null;
  if (memory === null) return newState(record.createdAt);
  const { doneUntil, lastSlot, timing, held: wasHeld } = memory;
  const state = { doneUntil, lastSlot };
  return timing !== timingOf(record.spec) || (wasHeld && !held) ? skipTo(state, now) : state;
}

function timingOf({ cron, timeZone = 'UTC' }: ScheduleSpec): string {
  return `${cron} ${timeZone}`;
}

interface CarriedOut {
  spawn: Spawned[];
  release: Pick<Spawned, 'kind' | 'name'>[];
  events: NewEvent[];
  missed: number;
}

function carryOut(
  deps: ObjectDeps,
  record: ObjectRecord<'Schedule'>,
  fired: readonly Fired[],
  { actions }: Pick<Decision, 'actions'>,
): CarriedOut {
  const done: CarriedOut = { spawn: [], release: [], events: [], missed: 0 };
  for (const action of actions) {
    if (action.kind === 'fire') fire(deps, record, action, done);
    else if (action.kind === 'miss') {
      done.missed += action.count;
      done.events.push(about(record, 'Missed', action.message, true));
    } else {
      // An edit may have changed what kind of thing it starts since.
      const which = new Set(action.runs);
      done.release.push(...fired.filter(({ name }) => which.has(name)));
      if (action.kind === 'replace')
        done.events.push(about(record, 'Replaced', `${action.runs.join(', ')} ends: the next time has come`));
    }
  }
  return done;
}

function fire(
  { clock, manifests, journal }: ObjectDeps,
  record: ObjectRecord<'Schedule'>,
  { slot, name }: Extract<ScheduleAction, { kind: 'fire' }>,
  done: CarriedOut,
): void {
  const what = whatToStart(record.spec, manifests.state(), (ref) => journal.experiments.get(ref)?.hold);
  const time = `the time ${new Date(slot).toISOString().replace('.000Z', 'Z')}`;
  if ('problem' in what) {
    done.missed += 1;
    done.events.push(about(record, 'Missed', `${time}: not started, ${what.problem}`, true));
    return;
  }
  const { uid, labels, source } = record;
  const owner = { kind: 'Schedule', name: record.name, uid } as const;
  done.spawn.push({ ...what, name, owner, labels, source, slot, createdAt: clock.now() });
  done.events.push(about(record, 'Fired', `${what.kind.toLowerCase()} ${name} for ${time}`));
}

type Start = Pick<Spawned, 'kind' | 'spec' | 'copyOf'>;

/** The spec of what starts now; a reference is looked up now, so that an edit counts from the next time on. */
export function whatToStart(
  { experiment, experimentRef, scenarioRef }: ScheduleSpec,
  declared: ReturnType<ObjectDeps['manifests']['state']>,
  holdOf: (experiment: string) => string | null | undefined,
): Start | { problem: string } {
  if (experiment) return { kind: 'Experiment', spec: unsuspended(experiment), copyOf: null };
  const kind = scenarioRef ? 'Scenario' : 'Experiment';
  const name = (scenarioRef ?? experimentRef)?.name ?? '';
  const known = scenarioRef ? declared.scenarios : declared.experiments;
  const found = known.get(name);
  const word = `the ${kind.toLowerCase()} ${name}`;
  if (!found) {
    const near = nearMiss(name, [...known.keys()]);
    return { problem: `${word} is not there${near === undefined ? '' : `: did you mean ${near}?`}` };
  }
  if (found.stale ?? found.conflict)
    return { problem: `${word} is not right: ${found.stale ?? found.conflict}` };
  const hold = kind === 'Experiment' ? holdOf(name) : undefined;
  if (hold) return { problem: `${word} is ${hold} by a person: \`squall resume ${name}\` lifts it` };
  return { kind, spec: unsuspended(found.spec), copyOf: name };
}

function unsuspended<Spec extends Spawned['spec'] | ExperimentSpec>(spec: Spec): Spec {
  return { ...spec, suspend: false };
}

type Slotted = Pick<Spawned, 'slot' | 'createdAt'> & Partial<Pick<Fired, 'byHand'>>;

/** Wall ms until which what was fired may still begin: it may have been denied, or have found no container. */
function latestBegin({ uid, spec }: ObjectRecord<'Schedule'>, { slot, createdAt, byHand }: Slotted): number {
  if (byHand) return createdAt + LEAST_TIME;
  return Math.max(latestStart(spec, uid, slot ?? createdAt), createdAt + LEAST_TIME);
}

function neverStarted(record: ObjectRecord<'Schedule'>, { name, why }: Fired): NewEvent {
  const message = `${name} could not start within startingDeadline${why === '' ? '' : `: ${why}`}`;
  return about(record, 'Missed', message, true);
}

/** ms until the next slot, or until what has not begun is too late. */
function soonest(
  wakeAfter: number | undefined,
  record: ObjectRecord<'Schedule'>,
  waiting: readonly Slotted[],
  now: number,
): number | undefined {
  const times = [wakeAfter, ...waiting.map((one) => latestBegin(record, one) - now + 1)];
  const due = times.filter((ms) => ms !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

function about(
  { name }: ObjectRecord<'Schedule'>,
  reason: string,
  message: string,
  warning = false,
): NewEvent {
  return { object: objectId('Schedule', name), experiment: null, reason, message, warning };
}
