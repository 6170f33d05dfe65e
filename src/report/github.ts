import { describeProblem, type Problem } from '../manifests/problem.ts';

/**
 * Workflow commands that GitHub shows beside the lines of a pull request (docs.github.com, "Workflow commands for GitHub Actions"),
 * one line each.
 */
export function formatGithub(problems: readonly Problem[]): string {
  return problems.map((problem) => `${annotation(problem)}\n`).join('');
}

function annotation(problem: Problem): string {
  const { severity, file, line, column, code } = problem;
  const properties = [`file=${property(file)}`, `line=${line}`, `col=${column}`, `title=${property(code)}`];
  return `::${severity} ${properties.join(',')}::${data(describeProblem(problem))}`;
}

/** As the toolkit's own escapeData. Other controls can't end the command. */
function data(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function property(text: string): string {
  return data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
