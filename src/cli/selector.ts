import { SquallError } from '../core/errors.ts';

type Labels = Readonly<Record<string, string>>;
export type LabelTest = (labels: Labels) => boolean;

const KEY = '[A-Za-z0-9](?:[\\w./-]*[A-Za-z0-9])?';
const EQUALS = new RegExp(`^(${KEY})\\s*(==|=|!=)\\s*([\\w.-]*)$`);
const AMONG = new RegExp(`^(${KEY})\\s+(in|notin)\\s+\\(([^()]*)\\)$`);
const EXISTS = new RegExp(`^(!?)\\s*(${KEY})$`);

/** kubectl's label selectors: `a=b`, `a!=b`, `a in (b, c)`, `a notin (b)`, `a`, `!a`, joined by commas. Throws SQ501. */
export function parseSelector(text: string): LabelTest {
  const tests = splitTerms(text).map(parseTerm);
  return (labels) => tests.every((test) => test(labels));
}

/** At the commas outside of brackets. */
function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((term) => term.trim());
}

function parseTerm(term: string): LabelTest {
  const equals = EQUALS.exec(term);
  if (equals) {
    const [, key, operator, value] = equals as unknown as [string, string, string, string];
    return operator === '!=' ? (labels) => of(labels, key) !== value : (labels) => of(labels, key) === value;
  }
  const among = AMONG.exec(term);
  if (among) {
    const [, key, operator, list] = among as unknown as [string, string, string, string];
    const values = new Set<string | undefined>(list.split(',').map((value) => value.trim()));
    return (labels) => values.has(of(labels, key)) === (operator === 'in');
  }
  const exists = EXISTS.exec(term);
  if (exists) {
    const [, not, key] = exists as unknown as [string, string, string];
    return (labels) => (of(labels, key) !== undefined) === (not === '');
  }
  throw new SquallError('SQ501', `"${term}" is no label selector`, {
    hint: 'Write suite=nightly, suite!=nightly, suite in (a, b), suite notin (a), suite or !suite, joined by commas',
  });
}

function of(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
