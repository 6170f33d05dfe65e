import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../../test/lab/child-io.ts';
import { until } from '../../test/lab/until.ts';
import type { Floor } from '../floor.ts';
import type { Loop } from '../loop.ts';
import type { Measure } from '../stats.ts';
import { experiment, type Subject } from './catalogue.ts';
import type { Lane } from './floors.ts';
import type { Place, Target } from './place.ts';
import { backAt, hitAt, type Tap } from './tap.ts';

/** ms since the epoch. `durable`: when the intent was, in between. */
export interface Span {
  from: number;
  /** Undefined where there was nothing to do: a restart brings its targets back by itself. */
  to: number | undefined;
  durable?: number;
}

/** Puts something on its targets, and takes it off. */
export interface Switch {
  on(): Promise<Span>;
  off(): Promise<Span>;
}

/** What was measured of a switch, each time that it was turned. */
export interface Turn {
  on: Span;
  off: Span;
}

/** ms during which packets show what is on, and what is off. */
const DWELL = 60;
/** ms after which it is another turn's packets. */
const LONGEST = 60_000;

/** The fault, by the daemon's own parts: from the plan's answer to the last target that is hit, from the word to the last that is back. */
export function faultSwitch({ driver }: Place, targets: readonly Target[], subject: Subject): Switch {
  const { name, fault, events } = subject;
  const ids = targets.map(({ id }) => id);
  const heard = (action: string, since: number) =>
    until(`the engine to tell of every ${action}`, () => driver.lastEvent(action, ids, since));
  return {
    on: async () => {
      const { planned, durable, injected } = await driver.strike(name, experiment(targets, fault));
      return { from: planned, durable, to: events ? await heard(events.hit, planned) : injected };
    },
    off: async () => {
      const { decided, recovered } = await driver.lift(name);
      if (!events) return { from: decided, to: recovered };
      await until('every target to run', () => ids.every((id) => runs(driver.inventory.get(id))));
      const back = events.back && driver.lastEvent(events.back, ids, decided);
      return { from: decided, to: back || undefined };
    },
  };
}

function runs(container: { state: string } | undefined): boolean {
  return container?.state === 'running';
}

/** Bare commands on all targets at once, until the last has ended. */
export function bareSwitch(floors: readonly (Floor | Lane)[]): Switch {
  const all = async (act: 'block' | 'unblock'): Promise<Span> => {
    const from = now();
    await Promise.all(floors.map((floor) => floor[act]()));
    return { from, to: now() };
  };
  return { on: () => all('block'), off: () => all('unblock') };
}

/** Turns it on and off, again and again. */
export async function turns({ on, off }: Switch, loop: Loop, withPackets: boolean): Promise<Turn[]> {
  const all: Turn[] = [];
  const dwell = withPackets ? DWELL : 0;
  await loop(async () => {
    const begun = await on();
    await sleep(dwell);
    all.push({ on: begun, off: await off() });
    await sleep(dwell);
  });
  return all;
}

/** Their words, and the names of the measures. */
interface Named {
  name: string;
  count: number;
  floor: string | undefined;
  /** What a turn begins with: `plan` or `bare commands`. */
  on: string;
  off: string;
}

/** As measures: how long on and off took, and how long by the packets that were touched, where a tap was open. */
export async function asMeasures(
  { name, count, floor, on, off }: Named,
  found: readonly Turn[],
  tap: Tap | undefined,
): Promise<Measure[]> {
  const key = `${name}-${count}`;
  const last = count === 1 ? 'the target' : `last of ${count} targets`;
  const measure = (suffix: string, what: string, values: number[]): Measure => ({
    ...{ name: `${key}${suffix}`, what, values },
    ...(floor !== undefined && { floor: `${floor}-${count}${suffix}` }),
  });
  const took = (way: 'on' | 'off') =>
    found.map(({ [way]: { from, to } }) => to && to - from).filter((ms) => ms !== undefined);
  const measures = [
    measure('', `${on} -> ${last} hit`, took('on')),
    measure('-back', `${off} -> ${last} back`, took('off')),
  ];
  if (!tap) return measures.filter(hasValues);
  const packets = await tap.close();
  const hits = found.map(({ on: { from }, off }) => (hitAt(packets, from, off.from) ?? Number.NaN) - from);
  const backs = found.map(
    ({ off: { from } }) => (backAt(packets, from, from + LONGEST) ?? Number.NaN) - from,
  );
  return [
    ...measures,
    measure('-packet', `${on} -> first packet touched`, hits.filter(isTime)),
    measure('-packet-back', `${off} -> first packet as before`, backs.filter(isTime)),
  ].filter(hasValues);
}

function hasValues({ values }: Measure): boolean {
  return values.length > 0;
}

function isTime(ms: number): boolean {
  return !Number.isNaN(ms);
}
