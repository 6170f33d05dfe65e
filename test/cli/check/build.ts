import type { Tree } from '../../../src/cli/check/objects.ts';
import { canonical, hash } from '../../../src/core/canonical.ts';
import type {
  AnyManifest,
  Manifest,
  PolicySpec,
  ScenarioSpec,
  ScheduleSpec,
} from '../../../src/core/kinds.ts';
import type { Container, ExperimentSpec } from '../../../src/core/types.ts';
import { desiredState } from '../../../src/manifests/desired.ts';
import { BOOT, declared, NOW, policy, spec } from '../../plan/build.ts';

/** A manifest in a file of its name. */
function manifest<K extends 'Schedule' | 'Scenario'>(
  kind: K,
  name: string,
  wanted: Manifest<K>['spec'],
): Manifest<K> {
  const source = { file: `${name}.yaml`, line: 1, column: 1 };
  return { kind, name, labels: {}, spec: wanted, specHash: hash(canonical(wanted)), source };
}

export const schedule = (name: string, wanted: ScheduleSpec) => manifest('Schedule', name, wanted);
export const scenario = (name: string, wanted: ScenarioSpec) => manifest('Scenario', name, wanted);

/** Pauses everything called web-*, unless told otherwise. */
export function experiment(name: string, change: Partial<ExperimentSpec> = {}): Manifest<'Experiment'> {
  return declared(change, { name, source: { file: `${name}.yaml`, line: 1, column: 1 } });
}

export const limit = (wanted: PolicySpec, name = 'default') => policy(wanted, { name });

/** What holds for web-*, drawn anew for each run. */
export function drawn(mode: ExperimentSpec['targets']['mode']): Partial<ExperimentSpec> {
  return { targets: { select: spec().targets.select, mode } };
}

export function stateOf(...all: AnyManifest[]) {
  return desiredState(all, []);
}

export function worldOf(containers: readonly Container[] | undefined): Tree['world'] {
  return { clock: { now: () => NOW, boot: () => BOOT, bootId: () => 'boot-1' }, containers, self: new Set() };
}

export function treeOf(containers: readonly Container[] | undefined, ...all: AnyManifest[]): Tree {
  return { state: stateOf(...all), world: worldOf(containers) };
}
