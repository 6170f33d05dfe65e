import { clean } from './clean.ts';
import type { Style } from './style.ts';
import { displayWidth } from './width.ts';

/** A line of a description's head: what it is called, what it is, and its colour. */
export type Field = readonly [name: string, value: string, paint?: (text: string) => string];

/** Names and values below each other. */
export function fields(all: readonly Field[]): string {
  const width = Math.max(...all.map(([name]) => displayWidth(name))) + 1;
  return all
    .map(([name, value, paint]) => `${`${name}:`.padEnd(width)}  ${(paint ?? same)(clean(value))}\n`)
    .join('');
}

function same(text: string): string {
  return text;
}

/** A title, and a body that stands two columns to the right. */
export function section(title: string, body: string, style: Style): string {
  const indented = body.replace(/^(?=.)/gm, '  ');
  return `${style.bold(`${title}:`)}\n${indented}`;
}
