import { formatProblem, type Problem } from '../manifests/problem.ts';

/** A line each: `file:line:column: error SQ102 ...`. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map((problem) => `${formatProblem(problem)}\n`).join('');
}

export interface Counts {
  errors: number;
  warnings: number;
}

export function countProblems(problems: readonly Problem[]): Counts {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: problems.length - errors };
}

/** How many documents of each kind are valid. */
export type KindCounts = Record<'experiments' | 'schedules' | 'scenarios' | 'policies', number>;

const NOUNS = [
  ['experiments', 'experiment', 'experiments'],
  ['schedules', 'schedule', 'schedules'],
  ['scenarios', 'scenario', 'scenarios'],
  ['policies', 'policy', 'policies'],
] as const;

/** `3 experiments, 1 policy: valid`, or `... valid, 1 file wrong: 1 error, 2 warnings`. Experiments are named even where there are none. */
export function summariseProblems(problems: readonly Problem[], counts: KindCounts): string {
  const { errors, warnings } = countProblems(problems);
  const parts = [
    ...(errors > 0 ? [plural(errors, 'error')] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ];
  const there = NOUNS.filter(([key]) => key === 'experiments' || counts[key] > 0);
  const documents = there.map(([key, one, many]) => `${counts[key]} ${counts[key] === 1 ? one : many}`);
  const found = parts.join(', ') || 'valid';
  if (errors === 0) return `${documents.join(', ')}: ${found}`;
  const wrong = new Set(problems.filter(({ severity }) => severity === 'error').map(({ file }) => file));
  return `${documents.join(', ')} valid, ${plural(wrong.size, 'file')} wrong: ${found}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
