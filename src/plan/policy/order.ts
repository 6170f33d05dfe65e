import type { Run } from '../../core/types.ts';
import type { PlanInput } from '../input.ts';

/**
 * This run and the others that go on, in the order in which they began. Where a limit does not hold them all, the last are ended: each
 * run finds out by itself whether it is one of them, and all find the same. What is recovering already is on its way out.
 */
export function inOrder({ running }: Pick<PlanInput, 'running'>, run: Run): Run[] {
  return [...running.filter(({ phase }) => phase !== 'Recovering'), run].sort(
    (a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1),
  );
}

/** The names of the runs' experiments, five at most. */
export function experimentsOf(runs: readonly Run[]): { name: string }[] {
  return runs.map(({ experiment }) => ({ name: experiment }));
}
