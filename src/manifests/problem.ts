import type { ErrorCode } from '../core/errors.ts';

/** Something wrong with a manifest, with the place where a person mends it. */
export interface Problem {
  code: ErrorCode;
  /** A warning changes nothing about what is applied. */
  severity: 'error' | 'warning';
  file: string;
  /** From 1. */
  line: number;
  /** From 1, in UTF-16 units as editors count. */
  column: number;
  /** The field, such as `spec.faults[0].ports[1]`; empty for the document as a whole. */
  path: string;
  /** What was expected and what was found. */
  message: string;
  /** What to do about it. */
  hint?: string;
}

export type PathStep = string | number;

const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** `['spec', 'faults', 0]` -> `spec.faults[0]`; keys with other characters are quoted: `labels["a.b/c"]`. */
export function formatPath(steps: readonly PathStep[]): string {
  let text = '';
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (!PLAIN_KEY.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** Printed on one line whatever a file's name or a value holds: control characters would forge lines or colours. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** One line, clickable in editors: `a.yaml:3:5: error SQ102 spec.porst: unknown field. Did you mean "ports"?`. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return printable(`${place}: ${problem.severity} ${describeProblem(problem)}`);
}

/** The same without the place, for a field beside it: `SQ102 spec.porst: unknown field. Did you mean "ports"?`. */
export function describeProblem(problem: Problem): string {
  const field = problem.path === '' ? '' : ` ${problem.path}:`;
  const hint = problem.hint === undefined ? '' : `. ${problem.hint}`;
  return `${problem.code}${field} ${problem.message}${hint}`;
}

/** By file, then place: the order a person reads them in. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.path, b.path) ||
      compareText(a.message, b.message),
  );
}

/** Code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
