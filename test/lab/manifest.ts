import type { LabContainer } from './lab.ts';

interface Options {
  duration?: string;
  /** Beside or instead of what is made here. */
  spec?: object;
}

/** An Experiment on the given containers, by their names. */
export function experiment(
  name: string,
  targets: LabContainer | readonly LabContainer[],
  faults: readonly object[],
  { duration = '60s', spec = {} }: Options = {},
): object {
  const names = [targets].flat().map((target) => target.name);
  return {
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: { name },
    spec: { duration, targets: { select: { names }, mode: 'all' }, faults, ...spec },
  };
}
