import { hash } from '../core/canonical.ts';
import type { StepSpec } from '../core/kinds.ts';
import { LONGEST_NAME } from '../manifests/schema.ts';
import { probeName } from '../probes/probe.ts';
import type { StepKind, StepState } from './state.ts';

/** A step of a spec, in its place. */
export interface Step {
  /** Where it stands in the manifest, below `spec`: `steps[0].parallel[1]`. */
  path: string;
  /** From 1, over all steps in the order of the manifest. */
  index: number;
  kind: StepKind;
  spec: StepSpec;
  /** Of `serial` and `parallel`. */
  children: Step[];
}

/** The steps of a spec, each with those within it. */
export function stepTree(list: readonly StepSpec[]): Step[] {
  let count = 0;
  const place = (specs: readonly StepSpec[], path: string): Step[] =>
    specs.map((spec, at) => {
      count += 1;
      const step = { path: `${path}[${at}]`, index: count, kind: kindOf(spec), spec };
      return { ...step, children: place(spec.serial ?? spec.parallel ?? [], `${step.path}.${step.kind}`) };
    });
  return place(list, 'steps');
}

/** All steps, those within others right after these. */
export function flat(steps: readonly Step[]): Step[] {
  return steps.flatMap((step) => [step, ...flat(step.children)]);
}

function kindOf({ wait, probe, serial, parallel }: StepSpec): StepKind {
  if (wait !== undefined) return 'wait';
  if (probe) return 'probe';
  if (serial) return 'serial';
  return parallel ? 'parallel' : 'experiment';
}

function titleOf({ name, experimentRef, experiment, wait, probe, serial }: StepSpec): string {
  if (name !== undefined) return name;
  if (experimentRef) return `experiment ${experimentRef.name}`;
  if (experiment) return [...new Set(experiment.faults.map(({ type }) => type))].join(', ');
  if (wait !== undefined) return `wait ${wait}`;
  if (probe) return `probe ${probeName(probe)}`;
  return serial ? 'serial' : 'parallel';
}

export function newStep({ kind, spec }: Step): StepState {
  return { kind, title: titleOf(spec), phase: 'Pending', startedAt: null, endedAt: null, message: '' };
}

/** `warm up (steps[0])` */
export function calledAt(path: string, { title }: Pick<StepState, 'title'>): string {
  return `${title} (${path})`;
}

const HASH_DIGITS = 8;

/** The name of the experiment that a step starts. Where it would be too long, a hash stands for the rest of the scenario's name. */
export function experimentName(scenario: string, run: number, index: number): string {
  const tail = `-${run}-${index}`;
  if (scenario.length + tail.length <= LONGEST_NAME) return scenario + tail;
  const mark = `-${hash(scenario, HASH_DIGITS)}${tail}`;
  return scenario.slice(0, LONGEST_NAME - mark.length).replace(/-+$/, '') + mark;
}
