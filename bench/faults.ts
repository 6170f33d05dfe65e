import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatTable } from '../src/report/table.ts';
import type { Exec } from '../src/runtime/exec.ts';
import { type Spawner, startSpawner } from '../src/runtime/spawner.ts';
import { type FloorName, reasonAgainst, type Subject, subjects } from './faults/catalogue.ts';
import { openLaneFloor } from './faults/floors.ts';
import { openCells, openContainers, type Place } from './faults/place.ts';
import { measureSwaps, type Swap } from './faults/swaps.ts';
import { asMeasures, bareSwitch, faultSwitch, type Switch, type Turn, turns } from './faults/switch.ts';
import { openTap } from './faults/tap.ts';
import { openFloor } from './floor.ts';
import { createLoop } from './loop.ts';
import { type Measure, summarize } from './stats.ts';

export interface FaultsOptions {
  /** 100 stands for 20 turns with one target, fewer with more. */
  count: number;
  /** How many targets at once, one measure after the other. */
  targets: readonly number[];
  /** Only these types of faults. Default: all; in cells those that take netem, which is what they are there for. */
  types: readonly string[] | undefined;
  /** Cells instead of an engine's containers. */
  cells: boolean;
  signal: AbortSignal;
}

export interface FaultsFound {
  measures: Measure[];
  /** What this kernel can't do, with the reason. */
  skipped: { name: string; reason: string }[];
  /** What attaching and detaching does to packets that are none of the fault's. */
  swaps: Swap[];
  /** Where the time between plan and effect goes. */
  trace: string;
}

/** Turns where one is measured that takes its time: a container's end and start take the engine some tenths of a second. */
const RARELY = 4;

/** From plan to effect and back, for every kind of fault, on so many targets; the bare commands beside them. */
export async function measureFaults(options: FaultsOptions): Promise<FaultsFound> {
  const most = Math.max(...options.targets);
  const place = await (options.cells ? openCells(most) : openContainers(most));
  const spawner = startSpawner();
  const dir = mkdtempSync(join(tmpdir(), 'squall-bench-floors-'));
  try {
    return await measureIn({ place, options, spawner, dir });
  } finally {
    spawner.close();
    rmSync(dir, { recursive: true });
    await place.close();
  }
}

/** What all measures are taken with. */
interface Bench {
  place: Place;
  options: FaultsOptions;
  spawner: Spawner;
  dir: string;
}

async function measureIn(bench: Bench): Promise<FaultsFound> {
  const { place, options } = bench;
  const { wanted, skipped } = choose(place, options);
  const withSwaps = place.engine && wanted.some(({ name }) => name === 'network-bandwidth');
  const swaps = withSwaps ? await measureBothWays(place, options) : [];
  const measures: Measure[] = [];
  const steps: Steps[] = [];
  const floors = new Set(wanted.flatMap(({ floor }) => floor ?? []));
  for (const count of options.targets) {
    for (const name of floors) measures.push(...(await measureFloor(bench, name, count)));
    for (const subject of wanted) measures.push(...(await measureSubject(bench, subject, count, steps)));
  }
  return { measures, skipped, swaps, trace: stepsTable(steps) };
}

/** What is received is not expected to suffer: fewer turns show that. */
async function measureBothWays(place: Place, options: FaultsOptions): Promise<Swap[]> {
  const all = turnsOf(options, 1);
  const loop = (way: string, count: number) => createLoop(`a flow ${way}`, count, options.signal);
  const sent = await measureSwaps(place, 'sent', loop('sent', all));
  const received = await measureSwaps(place, 'received', loop('received', Math.ceil(all / RARELY)));
  return [...sent, ...received];
}

function choose({ driver, targets, address, engine }: Place, { types }: FaultsOptions) {
  const world = driver.world();
  const container = world.containers.find(({ id }) => id === targets[0]?.id);
  if (!container) throw new Error('the inventory does not show the targets');
  const asked = subjects(address).filter(({ kind, netem }) =>
    types ? types.includes(kind.type) : engine || netem,
  );
  const judged = asked.map((subject) => ({
    subject,
    reason: reasonAgainst(subject, container, world, engine),
  }));
  return {
    wanted: judged.filter(({ reason }) => reason === undefined).map(({ subject }) => subject),
    skipped: judged.flatMap(({ subject: { name }, reason }) => (reason ? [{ name, reason }] : [])),
  };
}

/** The more targets, the longer a turn takes, and the more even it is. A program takes a cell some 100 ms to start. */
function turnsOf({ count, cells }: FaultsOptions, targets: number): number {
  return Math.max(1, Math.round(count / (cells ? 20 : 5) / Math.sqrt(targets)));
}

/** ms: what is started for 50 targets at once takes its time. */
const PATIENCE = 120_000;

async function measureFloor(bench: Bench, name: FloorName, count: number): Promise<Measure[]> {
  const { place, dir, spawner } = bench;
  const { address, engine } = place;
  const exec: Exec = (program, args) => spawner.exec(program, args, { timeout: PATIENCE });
  // User-Mode Linux has no nf_tables.
  const how = { exec, ...(!engine && { restore: 'iptables-legacy-restore' }) };
  const lane = openLaneFloor(dir, address, exec);
  const targets = place.targets.slice(0, count);
  const floors = await Promise.all(
    targets.map((target) => (name === 'floor-lane' ? lane(target) : openFloor(dir, target, address, how))),
  );
  const words = name === 'floor-lane' ? 'bare ip and tc' : 'a bare iptables-restore';
  const named = { name, count, floor: undefined, on: words, off: words };
  return (await measureSwitch(bench, named, bareSwitch(floors), true)).measures;
}

async function measureSubject(
  bench: Bench,
  subject: Subject,
  count: number,
  steps: Steps[],
): Promise<Measure[]> {
  const { place } = bench;
  const { name, floor, kind } = subject;
  const named = { name, count, floor, on: 'plan', off: 'word to recover' };
  const made = faultSwitch(place, place.targets.slice(0, count), subject);
  const { measures, found } = await measureSwitch(bench, named, made, kind.entersNetwork);
  if (found.length > 0) steps.push({ name: `${name}-${count}`, found });
  return measures;
}

async function measureSwitch(
  { place, options }: Bench,
  named: Parameters<typeof asMeasures>[0],
  made: Switch,
  network: boolean,
): Promise<{ measures: Measure[]; found: Turn[] }> {
  if (options.signal.aborted) return { measures: [], found: [] };
  const { name, count } = named;
  const many = Math.ceil(turnsOf(options, count) / (network ? 1 : RARELY));
  const loop = createLoop(`${name}-${count}`, many, options.signal);
  const [target] = place.targets;
  const tap = network && count === 1 && target && (await openTap(place, target));
  if (count === 1) await turns(made, (once) => once(), false); // the first time loads code and fills caches
  const found = await turns(made, loop, network && count === 1);
  return { measures: await asMeasures(named, found, tap || undefined), found };
}

interface Steps {
  name: string;
  found: readonly Turn[];
}

/** Medians of what lies between the plan's answer and the last injection. */
function stepsTable(steps: readonly Steps[]): string {
  const median = (found: readonly Turn[], took: (turn: Turn) => number) =>
    summarize(found.map(took)).p50.toFixed(1);
  return formatTable<Steps>(
    [
      { title: 'PLAN TO EFFECT', value: ({ name }) => name },
      {
        title: 'PREPARED AND DURABLE (MS P50)',
        value: ({ found }) => median(found, ({ on: { from, durable = 0 } }) => durable - from),
      },
      {
        title: 'INJECTED',
        value: ({ found }) => median(found, ({ on: { durable = 0, to = 0 } }) => to - durable),
      },
    ],
    steps,
  );
}
