import { clean } from './clean.ts';

/** Characters of a foreign text at most. */
const LONGEST = 300;

/**
 * A foreign text in Markdown, inert: a code span, in which nothing is markup, a link, a mention or an HTML tag (CommonMark 6.1; GitHub
 * leaves code alone). It stays on its line, and its fence is longer than any run of backticks in it.
 */
export function code(text: string): string {
  const plain = shorten(clean(text)).trim();
  if (plain === '') return '`(empty)`';
  const runs = plain.match(/`+/g) ?? [];
  const fence = '`'.repeat(1 + Math.max(0, ...runs.map((run) => run.length)));
  const pad = plain.startsWith('`') || plain.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${plain}${pad}${fence}`;
}

/** The same in a cell of a table, which a bar would end, in code too (and a backslash before it is no help everywhere). */
export function cellCode(text: string): string {
  return code(text.replaceAll('|', '¦'));
}

/** Rows of cells that are Markdown already. Nothing where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function shorten(text: string): string {
  if (text.length <= LONGEST) return text;
  return `${[...text].slice(0, LONGEST).join('')}...`;
}
