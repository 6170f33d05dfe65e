import { randomBytes } from 'node:crypto';
import { LABEL_PROJECT } from '../../src/core/marks.ts';
import { eachOf } from '../../src/core/parallel.ts';
import type { Inside } from '../../test/lab/child.ts';
import { openLab } from '../../test/lab/lab.ts';
import { type CellOptions, openWire } from '../../test/lab/wire.ts';
import { type Driver, openDriver } from './driver.ts';

/** What a fault is put on. */
export interface Target extends Inside {
  id: string;
  name: string;
}

/** Targets on one network with a peer of theirs, and the daemon's parts that see them. */
export interface Place {
  driver: Driver;
  targets: readonly Target[];
  peer: Inside;
  /** The peer's IPv4 address. */
  address: string;
  /** Whether the targets are an engine's containers. */
  engine: boolean;
  close(): Promise<void>;
}

/** Containers that the engine starts at once: more would wait for each other. */
const AT_ONCE = 8;

/** Containers of the engine. */
export async function openContainers(count: number): Promise<Place> {
  const lab = await openLab('faults');
  try {
    const network = await lab.network();
    const project = `faults-${randomBytes(3).toString('hex')}`;
    const run = (name: string) => lab.run({ name, network, project });
    const peer = await run('peer');
    const targets = await eachOf([...Array(count).keys()], AT_ONCE, (index) => run(`target-${index}`));
    const address = await peer.ip4();
    const driver = await openDriver();
    const close = async () => {
      await driver.close();
      await lab.close();
    };
    return { driver, targets, peer, address, engine: true, close };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Network namespaces, where there is no engine. */
export async function openCells(count: number): Promise<Place> {
  const options: CellOptions = { labels: { [LABEL_PROJECT]: 'faults' } };
  const names = Array.from({ length: count }, (_, index) => `target-${index}`);
  const wire = await openWire(Object.fromEntries(['peer', ...names].map((name) => [name, options])));
  try {
    const { peer, ...rest } = wire.cells;
    if (!peer) throw new Error('there is no peer');
    const driver = await openDriver(wire.inventory);
    const targets = Object.values(rest).map((cell) => ({ ...cell, id: cell.container.id }));
    const close = async () => {
      await driver.close();
      await wire.close();
    };
    return { driver, targets, peer, address: peer.ip4, engine: false, close };
  } catch (error) {
    await wire.close();
    throw error;
  }
}
