import assert from 'node:assert/strict';
import type { FaultSpec } from '../../../src/core/types.ts';
import {
  type Changes,
  changes,
  deviceNamesOf,
  filterHandle,
  type Lane,
  PREF,
} from '../../../src/faults/shape/lane.ts';
import { filterLine } from '../../../src/runtime/tc.ts';
import { anEffect, createModel, lanesFor, type Model, NETEM } from './model.ts';

/** An effect both ways, and one beside it. */
export const EFFECT = anEffect();
export const DEVICES = deviceNamesOf(EFFECT);
export const [OUT = '', IN = ''] = DEVICES;
export const OTHER = anEffect({ runId: 'other-1', experiment: 'other' });
export const BOTH = ['eth0', 'eth1'];
export const lanes = (effect = EFFECT, qdisc = NETEM, interfaces: readonly string[] = BOTH) =>
  lanesFor(effect, qdisc, interfaces);
export const directed = (direction: string): FaultSpec => ({ ...EFFECT.fault, direction });

/** Does what `changes` says, in its order. */
export function carryOut(model: Model, { links, qdiscs, filters, removals: gone, labels }: Changes): void {
  const writes = filters.map(({ dev, lane: { way, device, program } }) =>
    filterLine({ dev, way, pref: PREF, handle: filterHandle(device), program, to: device }, 'x.o'),
  );
  for (const line of [...links, ...qdiscs, ...writes, ...gone, ...labels]) {
    model.line(line);
    model.after(line.join(' '));
  }
}

/** Turns what stands into the lanes. */
export function converge(model: Model, wanted: readonly Lane[] = lanes(), devices = DEVICES): Changes {
  const all = changes(model.standing, wanted, devices, true);
  carryOut(model, all);
  return all;
}

/** A namespace where the lanes stand as wanted. */
export function converged(wanted: readonly Lane[] = lanes(), devices = DEVICES): Model {
  const model = createModel(['eth0', 'eth1', 'eth2']);
  converge(model, wanted, devices);
  return model;
}

/** What was looked for and must be there. */
export function found<T>(thing: T | undefined): T {
  assert.ok(thing);
  return thing;
}

/** The filter of an interface that leads to a device. */
export const one = ({ standing }: Model, dev: string, to: string) =>
  found(standing.filters.find((filter) => filter.dev === dev && filter.to === to));
