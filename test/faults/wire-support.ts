import assert from 'node:assert/strict';
import { constants, setPriority } from 'node:os';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { FaultContext, World } from '../../src/faults/fault.ts';
import { exec } from '../../src/runtime/exec.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { type Spawner, startSpawner } from '../../src/runtime/spawner.ts';
import { agentOf } from '../lab/agent.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { type OneWay, spread } from '../lab/measure.ts';
import { trafficControl } from '../lab/snapshot.ts';
import { type Cell, type CellOptions, openWire, type Wire } from '../lab/wire.ts';
import { createEffects } from './effect-support.ts';

/** As in the daemon: a fork of this process would hold up what is measured. */
let spawner: Spawner | undefined;

/** Real namespaces, and no engine: faults of the network never ask it. */
const context: FaultContext = {
  clock: systemClock,
  log: createLog('silent'),
  docker: {} as FaultContext['docker'],
  netns: createNetns({ exec: (...program) => (spawner?.exec ?? exec)(...program) }),
  instance: '0badcafe',
};

export const { intend, strike, again, edit, inject, observe, recover, recoverFully, recoverAll } =
  createEffects<Cell>(context, async (cell) => cell.container);

/** Also the world, as `resolve` reads it. */
export type FaultWire<Name extends string> = Wire<Name> & { world: World };

/** A wire, and the world that its cells are the containers of. One for a file: its end is the end of what injects, too. */
export async function openFaultWire<Name extends string>(
  cells: Record<Name, CellOptions>,
): Promise<FaultWire<Name>> {
  const wire = await openWire(cells);
  await Promise.all(Object.values<Cell>(wire.cells).map(agentOf));
  // Those who measure run already: from now on they go before those who inject, on the one processor that there is.
  setPriority(constants.priority.PRIORITY_LOW);
  spawner = startSpawner();
  const world = { containers: wire.inventory.containers(), hosts: new Map(), host: WHOLE_HOST };
  const close = async () => {
    await wire.close();
    spawner?.close();
  };
  return { ...wire, world, close };
}

/** Rules (this kernel has the legacy back end only), devices and traffic control. Tables without a rule count for nothing. */
export async function snapshot(cell: Cell): Promise<string> {
  const saves = await Promise.all(
    ['iptables-legacy-save', 'ip6tables-legacy-save'].map((program) => cell.run(program, ['-c'])),
  );
  const rules = saves.map((text) => text.split('\n').filter((line) => /-A |^:SQ-/.test(line)));
  return [...rules.flat(), ...(await trafficControl(String(await cell.pid())))].join('\n');
}

/** Holds `actual` to `wanted`, give or take the share `by`, and prints it. */
export function about(t: TestContext, what: string, actual: number, wanted: number, by = 0.1): void {
  between(t, what, actual, wanted * (1 - by), wanted * (1 + by));
}

export function between(t: TestContext, what: string, actual: number, least: number, most: number): void {
  t.diagnostic(`${what}: ${round(actual)} (${round(least)} to ${round(most)})`);
  assert.ok(actual >= least && actual <= most, `${what}: ${actual}, not ${least} to ${most}`);
}

/** What becomes of packets: seen once, or to be looked at again. */
export type Seen = OneWay | (() => Promise<OneWay>);

/** Holds a way to a delay (ms): none is lost or early, the quickest is 10 % late at most, and half of them are not far from that. */
export async function delayed(t: TestContext, what: string, seen: Seen, delay: number): Promise<void> {
  await timed(seen, ({ delayMs, lost }) => {
    const { min, median } = spread(delayMs);
    t.diagnostic(`${what}: quickest ${round(min)} ms, median ${round(median)} ms, of ${delay}`);
    assert.deepEqual(lost, [], what);
    assert.ok(min >= delay - 0.1, `${what}: ${min} ms, less than ${delay}`);
    return min <= 1.1 * delay && median <= 1.5 * delay ? '' : `${what}: ${min} ms, more than ${delay}`;
  });
}

/** Holds a way to having lost nothing, to no order but its own, and to no delay. */
export async function untouched(t: TestContext, what: string, seen: Seen): Promise<void> {
  await timed(seen, ({ sent, lost, duplicated, reordered, corrupted, delayMs }) => {
    const { min, median } = spread(delayMs);
    const times = `quickest ${round(min)} ms, median ${round(median)} ms`;
    t.diagnostic(`${what}: ${lost.length} of ${sent} lost, ${times}`);
    const none = { lost: [], duplicated: [], reordered: [], corrupted: 0 };
    assert.deepEqual({ lost, duplicated, reordered, corrupted }, none, what);
    return min < 5 && median < 40 ? '' : `${what}: ${times}`;
  });
}

/**
 * User-Mode Linux shares the machine with others, and may not run for a moment, or not enough: that makes packets later, never earlier,
 * so what is late (`judge` says how) is looked at once or twice more.
 */
async function timed(seen: Seen, judge: (way: OneWay) => string): Promise<void> {
  const looks = typeof seen === 'function' ? 3 : 1;
  let late = '';
  for (let look = 1; look <= looks; look++) {
    late = judge(typeof seen === 'function' ? await seen() : seen);
    if (late === '') return;
  }
  assert.fail(late);
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
