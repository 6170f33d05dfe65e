/**
 * What could steer a terminal: C0 and C1 controls (ECMA-48; U+009B alone begins a sequence), line and paragraph separators, and the
 * marks that turn the direction of writing (Unicode UAX 9), with which text shows as something else than it is.
 */
const UNSAFE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line that is safe to print: tabs and line ends become a space, other unsafe characters show as `\u001b`. */
export function clean(text: string): string {
  return text.replace(/\r?\n|\t/g, ' ').replace(UNSAFE, escaped);
}

/** Whether `clean` would change more than blanks. */
export function isUnsafe(text: string): boolean {
  return text.search(UNSAFE) >= 0;
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
