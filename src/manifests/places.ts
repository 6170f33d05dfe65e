import type { Json } from '../core/canonical.ts';
import type { PathStep } from './problem.ts';
import { DEEPEST_STEP } from './schema-scenario.ts';

/** A fault or a probe within a document: what is checked against the schema of its own kind. */
export interface Place {
  what: 'fault' | 'probe';
  path: PathStep[];
  value: Json;
}

/** Every fault and probe of a document, whatever its kind and however wrong it is. */
export function placesOf(document: Json): Place[] {
  const spec = member(document, 'spec');
  return [
    ...faultsOf(spec, ['spec']),
    ...faultsOf(member(spec, 'experiment'), ['spec', 'experiment']),
    ...listed('probe', member(member(spec, 'healthGate'), 'probes'), ['spec', 'healthGate', 'probes']),
    ...stepsOf(member(spec, 'steps'), ['spec', 'steps']).flatMap(ofStep),
  ];
}

/** A step of a Scenario. `depth` counts from 1. */
export interface StepPlace {
  path: PathStep[];
  value: Json;
  depth: number;
}

/** All steps in the list and within them, in order. */
export function stepsOf(list: Json | undefined, path: PathStep[], depth = 1): StepPlace[] {
  if (!Array.isArray(list) || depth > DEEPEST_STEP + 1) return [];
  return list.flatMap((value, index): StepPlace[] => {
    const at = [...path, index];
    return [
      { path: at, value, depth },
      ...stepsOf(member(value, 'serial'), [...at, 'serial'], depth + 1),
      ...stepsOf(member(value, 'parallel'), [...at, 'parallel'], depth + 1),
    ];
  });
}

function ofStep({ path, value }: StepPlace): Place[] {
  const probe = member(value, 'probe');
  return [
    ...faultsOf(member(value, 'experiment'), [...path, 'experiment']),
    ...(probe === undefined ? [] : [probePlace(probe, [...path, 'probe'])]),
  ];
}

/** `within` is the step's, not the probe's. */
function probePlace(probe: Json, path: PathStep[]): Place {
  if (typeof probe !== 'object' || probe === null || Array.isArray(probe))
    return { what: 'probe', path, value: probe };
  const { within: _, ...value } = probe;
  return { what: 'probe', path, value };
}

function faultsOf(spec: Json | undefined, path: PathStep[]): Place[] {
  return listed('fault', member(spec, 'faults'), [...path, 'faults']);
}

function listed(what: Place['what'], list: Json | undefined, path: PathStep[]): Place[] {
  if (!Array.isArray(list)) return [];
  return list.map((value, index) => ({ what, path: [...path, index], value }));
}

/** The value of a key; undefined where there is none, or no mapping. */
export function member(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}
