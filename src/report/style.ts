/** Colours by meaning, not by name. Each leaves its text as it is where colour is off. */
export interface Style {
  good(text: string): string;
  busy(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}

/**
 * Colour only on a terminal; NO_COLOR (https://no-color.org) takes it away, FORCE_COLOR gives it anywhere (`0` and `false` take it
 * away). NO_COLOR wins.
 */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTty: boolean): boolean {
  if ((env.NO_COLOR ?? '') !== '') return false;
  const force = env.FORCE_COLOR;
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTty && env.TERM !== 'dumb';
}

export function createStyle(colour: boolean): Style {
  // SGR, ECMA-48 8.3.117
  const wrap = (on: number, off: number) => (text: string) =>
    colour ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { good: wrap(32, 39), busy: wrap(33, 39), bad: wrap(31, 39), dim: wrap(2, 22), bold: wrap(1, 22) };
}

const GOOD = new Set(['Completed', 'Succeeded', 'Active', 'recovered', 'ok', 'Normal', 'True']);
const BUSY = new Set([
  'Running',
  'Recovering',
  'Pending',
  'Halted',
  'Suspended',
  'injected',
  'recovering',
  'intended',
  'warn',
  'Warning',
]);
const BAD = new Set(['Failed', 'Aborted', 'Denied', 'Invalid', 'failed', 'missing', 'False']);

/** The word in its colour: phases, states of checks, types of events. */
export function paintWord(style: Style, word: string): string {
  if (GOOD.has(word)) return style.good(word);
  if (BUSY.has(word)) return style.busy(word);
  return BAD.has(word) ? style.bad(word) : word;
}
