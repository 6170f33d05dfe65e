import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AnyManifest, Kind, Manifest, ObjectKind, SpecOf } from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import type { ExperimentSpec } from '../../src/core/types.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { type DesiredState, desiredState } from '../../src/manifests/desired.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import {
  createObjects,
  type ObjectDeps,
  type ObjectHandler,
  type Objects,
} from '../../src/reconcile/objects.ts';
import { FakeClock } from '../lab/fake-clock.ts';

export const EXPERIMENT: ExperimentSpec = {
  duration: '60s',
  targets: { select: { project: 'shop' }, mode: 'all' },
  faults: [{ type: 'container-pause' }],
};

export function manifestOf<K extends Kind>(
  kind: K,
  name: string,
  spec: SpecOf[K],
  more: Partial<Manifest<K>> = {},
): Manifest<K> {
  const source = { file: `${name}.yaml`, line: 1, column: 1 };
  return { kind, name, labels: {}, spec, specHash: specHash(spec), source, ...more };
}

/** A journal, a clock and manifests, with the queue over objects on top. The passes are the real ones; there are no containers. */
export interface ObjectWorld {
  journal: Journal;
  clock: FakeClock;
  deps: ObjectDeps;
  objects: Objects;
  /** Experiments that were handed on. */
  told: { experiments: string[] };
  halted: boolean;
  /** Plays the experiments' own passes. */
  onExperiment: (name: string) => void;
  /** Declares (or declares anew) and waits for the pass. */
  declare(manifest: AnyManifest): Promise<void>;
  remove(kind: Kind, name: string): Promise<void>;
  /** The process dies, and another takes over the journal. */
  restart(): void;
  events(reason?: string): string[];
  close(): Promise<void>;
}

export function openObjectWorld(
  handlers: readonly ObjectHandler<never>[],
  clock = new FakeClock(),
): ObjectWorld {
  // in memory where that can be: a year of nights is some thousand durable writes
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'squall-objects-'));
  const file = join(dir, 'journal.db');
  const declared = new Map<string, AnyManifest>();
  let state: DesiredState = desiredState([], []);
  const open = () => {
    world.journal = openJournal(file);
    world.deps = {
      journal: world.journal,
      clock,
      log: createLog('silent'),
      metrics: createMetrics('0', world.journal.instance),
      manifests: { state: () => state },
      halt: { read: () => world.halted },
    };
    world.objects = createObjects({
      deps: world.deps,
      handlers: handlers as unknown as ObjectHandler<ObjectKind>[],
      onExperiment: (name) => {
        world.told.experiments.push(name);
        world.onExperiment(name);
      },
    });
  };
  const change = async (id: `${Kind}/${string}`) => {
    state = desiredState(declared.values(), []);
    world.objects.add(id);
    await world.objects.idle();
  };
  const world: ObjectWorld = {
    clock,
    halted: false,
    onExperiment: () => {},
    told: { experiments: [] as string[] },
    declare: (manifest: AnyManifest): Promise<void> => {
      const id = `${manifest.kind}/${manifest.name}` as const;
      declared.set(id, manifest);
      return change(id);
    },
    remove: (kind: Kind, name: string): Promise<void> => {
      declared.delete(`${kind}/${name}`);
      return change(`${kind}/${name}`);
    },
    restart: (): void => {
      void world.objects.drain();
      world.journal.close();
      open();
    },
    events: (reason?: string): string[] =>
      world.journal.events
        .list()
        .filter((event) => reason === undefined || event.reason === reason)
        .map(({ object, message }) => `${object}: ${message}`),
    close: async (): Promise<void> => {
      await world.objects.drain();
      world.journal.close();
      rmSync(dir, { recursive: true });
    },
  } as unknown as ObjectWorld;
  open();
  return world;
}
