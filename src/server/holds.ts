import type { HoldResult } from './control.ts';

/** Several results as one, without repetitions. */
export function mergeHolds(results: readonly HoldResult[]): HoldResult {
  const names = (key: 'experiments' | 'schedules' | 'scenarios') => [
    ...new Set(results.flatMap((one) => one[key])),
  ];
  const left = new Map(results.flatMap((one) => one.left).map((one) => [JSON.stringify(one), one]));
  return {
    experiments: names('experiments'),
    schedules: names('schedules'),
    scenarios: names('scenarios'),
    left: [...left.values()],
  };
}
