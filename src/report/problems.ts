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

/** `3 experiments: 1 error, 2 warnings`, or `...: valid`. */
export function summariseProblems(problems: readonly Problem[], experiments: number): string {
  const { errors, warnings } = countProblems(problems);
  const parts = [
    ...(errors > 0 ? [plural(errors, 'error')] : []),
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ];
  return `${plural(experiments, 'experiment')}: ${parts.join(', ') || 'valid'}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
