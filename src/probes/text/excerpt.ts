import { describeError } from '../../core/errors.ts';

/** Characters of foreign text in a message. */
const LONGEST = 80;
/** Of what an error says, which may name a container by its whole id. */
const LONGEST_ERROR = 250;
/** Controls, marks that turn the direction of writing and other invisible ones, private and unpaired characters, and line ends. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\s]+/gu;
/** Shorter words stand in any text by chance. */
const SHORTEST_SECRET = 4;

/** Foreign text for a message: one line, cut, and without what could steer a terminal. */
export function printable(text: string, longest = LONGEST): string {
  // what is blotted out now may take more room in the source, but not without end
  const clean = text
    .slice(0, longest * 50)
    .replace(UNPRINTABLE, ' ')
    .trim();
  const chars = [...clean];
  return chars.length > longest ? `${chars.slice(0, longest).join('')}...` : clean;
}

/** The same in quotes. */
export function excerpt(text: string): string {
  return `"${printable(text)}"`;
}

export function errorText(error: unknown): string {
  return printable(describeError(error), LONGEST_ERROR);
}

/** The text with every word of `sent` in it blotted out: what an echo gives back does not reach a message. */
export function withoutEcho(text: string, sent: string): string {
  const words = sent.split(/[\s=:;,&'"]+/).filter((word) => word.length >= SHORTEST_SECRET);
  return words
    .sort((a, b) => b.length - a.length)
    .reduce((blotted, word) => blotted.replaceAll(word, '***'), text);
}
