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
  return workflowCommand(severity, { file, line, column, title: code }, describeProblem(problem));
}

/** One annotation, without a line end. Places are left out where there are none. */
export function workflowCommand(
  level: 'error' | 'warning' | 'notice',
  { file, line, column, title }: { file?: string; line?: number; column?: number; title: string },
  text: string,
): string {
  const place =
    file === undefined ? [] : [`file=${property(file)}`, `line=${line ?? 1}`, `col=${column ?? 1}`];
  return `::${level} ${[...place, `title=${property(title)}`].join(',')}::${data(text)}`;
}

/** As the toolkit's own escapeData. Other controls can't end the command. */
function data(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
}

function property(text: string): string {
  return data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
}
