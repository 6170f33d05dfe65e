import { createContext, Script } from 'node:vm';
import { printable } from './excerpt.ts';

/** The schema of a parameter that is text to contain, or a /regular expression/. */
export function searchSchema(description: string): Record<string, unknown> {
  return { type: 'string', format: 'regex-or-text', maxLength: 1000, description };
}

/** ms that a search may take: the whole process waits for it. */
const SEARCH_LIMIT = 100;
const LONGEST_SHOWN = 60;

/**
 * The only limit that JavaScript has for a regular expression. The checks of the format `regex-or-text` keep out those that take forever on
 * a line; on a whole body even `.*x` takes minutes.
 */
const limited = new Script('search()');
const room = createContext({ search: undefined });

/**
 * Undefined where the text contains `wanted`: as it is or, where it stands between slashes, as a regular expression, whose ^ and $ mean
 * the whole text. Else what is wrong, to stand after the text's name: `does not contain "ok"`.
 */
export function whyNot(wanted: string, text: string): string | undefined {
  const regex = regexOf(wanted);
  if (regex === undefined) {
    return text.includes(wanted) ? undefined : `does not contain "${printable(wanted, LONGEST_SHOWN)}"`;
  }
  const shown = printable(wanted, LONGEST_SHOWN);
  // twice: that the whole process stood still for a while is not the expression's fault
  const found = matches(regex, text) ?? matches(regex, text);
  if (found === undefined)
    return `takes more than ${SEARCH_LIMIT} ms to search for ${shown}: make the expression simpler`;
  return found ? undefined : `does not match ${shown}`;
}

function regexOf(wanted: string): RegExp | undefined {
  const isRegex = wanted.length > 2 && wanted.startsWith('/') && wanted.endsWith('/');
  return isRegex ? new RegExp(wanted.slice(1, -1)) : undefined;
}

/** Undefined where it takes too long. */
function matches(regex: RegExp, text: string): boolean | undefined {
  room.search = () => regex.test(text);
  try {
    return limited.runInContext(room, { timeout: SEARCH_LIMIT }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined;
    throw error;
  } finally {
    room.search = undefined;
  }
}
