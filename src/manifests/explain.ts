import type { ErrorObject } from 'ajv/dist/2020.js';
import { nearMiss } from '../core/near-miss.ts';
import { alternatives, expects, found } from './expects.ts';
import { formatOf } from './formats.ts';
import type { PathStep } from './problem.ts';
import type { JSONSchema } from './schema.ts';

/** What is wrong with one field, in a person's words. */
export interface Finding {
  path: PathStep[];
  /** Which part of the field to point at. */
  part: 'key' | 'value';
  message: string;
  hint?: string;
}

/** What the compiler of schemas said, with the schema and the data beside it (ajv's `verbose`). */
export type SchemaError = ErrorObject<string, Record<string, unknown>, unknown>;

/** ajv's errors (allErrors, verbose) about `root` -> one finding a field, without the noise of alternatives that were not meant. */
export function explain(errors: readonly SchemaError[], root: unknown): Finding[] {
  const findings = new Map<string, Finding>();
  for (const error of meant(errors)) {
    const finding = explainOne(error, root);
    const key = JSON.stringify(finding?.path);
    if (finding !== undefined && !findings.has(key)) findings.set(key, finding);
  }
  return withoutMisspelt([...findings.values()], root);
}

/** Of a choice that failed (oneOf, anyOf) only what is wrong with the alternative that was meant, or that none of them fits. */
function meant(errors: readonly SchemaError[]): SchemaError[] {
  const choices = errors.filter(isChoice).sort((a, b) => a.schemaPath.length - b.schemaPath.length);
  const outer = choices[0];
  if (outer === undefined) return [...errors];
  const inside = errors.filter((error) => error !== outer && within(error, outer));
  const rest = meant(errors.filter((error) => error !== outer && !inside.includes(error)));
  if (Array.isArray(outer.params.passingSchemas)) return [...rest, outer];
  const branch = chosen(outer, inside);
  if (branch !== undefined) return [...rest, ...meant(branch)];
  const explained = rest.some((error) => error.instancePath.startsWith(`${outer.instancePath}/`));
  return explained ? rest : [...rest, outer];
}

function isChoice(error: SchemaError): boolean {
  return error.keyword === 'oneOf' || error.keyword === 'anyOf';
}

function within(error: SchemaError, choice: SchemaError): boolean {
  const samePlace =
    error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`);
  return samePlace && error.schemaPath.startsWith(`${choice.schemaPath}/`);
}

/** The errors of the alternative that was meant; undefined where none or several could be. */
function chosen(choice: SchemaError, inside: readonly SchemaError[]): SchemaError[] | undefined {
  const branches = (choice.schema as JSONSchema[])
    .map((schema, index) => ({
      schema,
      errors: inside.filter((error) => error.schemaPath.startsWith(`${choice.schemaPath}/${index}/`)),
    }))
    .filter(({ errors }) => !errors.some((error) => anotherShape(error, choice.instancePath)))
    .map((branch) => ({ ...branch, score: keysInCommon(branch.schema, choice.data) }))
    .sort((a, b) => b.score - a.score);
  const [best, next] = branches;
  if (best === undefined) return undefined;
  if (next === undefined)
    return best.errors.length > 0 && !needsAnother(best, choice) ? best.errors : undefined;
  return best.score > next.score ? best.errors : undefined;
}

/** A lone alternative of which nothing is there: better to name all of them. */
function needsAnother(best: { schema: JSONSchema; score: number }, choice: SchemaError): boolean {
  return (
    best.score === 0 &&
    isObject(choice.data) &&
    Array.isArray(best.schema.required) &&
    Object.keys(choice.data).length === 0
  );
}

/** The wrong type of thing, or another value of the field that tells the alternatives apart. */
function anotherShape(error: SchemaError, at: string): boolean {
  if (error.instancePath === at) return ['type', 'const', 'enum'].includes(error.keyword);
  const direct = !error.instancePath.slice(at.length + 1).includes('/');
  return direct && ['const', 'enum'].includes(error.keyword);
}

function keysInCommon(schema: JSONSchema, data: unknown): number {
  if (!isObject(data)) return 0;
  const known = new Set([
    ...Object.keys((schema.properties as object) ?? {}),
    ...((schema.required as string[]) ?? []),
  ]);
  return Object.keys(data).filter((key) => known.has(key)).length;
}

function explainOne(error: SchemaError, root: unknown): Finding | undefined {
  const path = steps(error.instancePath, root);
  const parent = (error.parentSchema ?? {}) as JSONSchema;
  const properties = (parent.properties ?? {}) as Record<string, JSONSchema>;
  switch (error.keyword) {
    case 'required': {
      const key = String(error.params.missingProperty);
      const wanted = properties[key] === undefined ? 'a value' : expects(properties[key]);
      return { path: [...path, key], part: 'key', message: `missing, expected ${wanted}` };
    }
    case 'dependentRequired': {
      const key = String(error.params.missingProperty);
      return { path: [...path, key], part: 'key', message: `missing, "${error.params.property}" needs it` };
    }
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(error.params.additionalProperty ?? error.params.unevaluatedProperty);
      return {
        path: [...path, key],
        part: 'key',
        message: 'unknown field',
        ...unknownHint(key, Object.keys(properties)),
      };
    }
    case 'oneOf':
    case 'anyOf':
      return { path, part: 'value', message: choiceMessage(error), ...choiceHint(error) };
    case 'not':
      return { path, part: 'value', message: exclusion(error, parent) };
    case 'false schema':
      return { path, part: 'key', message: 'not allowed here' };
    case 'if':
      return undefined; // what `then` or `else` found says it
    default:
      return {
        path,
        part: 'value',
        message: `expected ${expects(parent)}, found ${found(error.data)}`,
        ...valueHint(error, parent),
      };
  }
}

/** `not: { required: [a, b] }` says that a and b don't go together; any other `not` says what it means in its description. */
function exclusion(error: SchemaError, parent: JSONSchema): string {
  const { required } = error.schema as JSONSchema;
  if (Array.isArray(required) && required.length > 1)
    return `expected only one of ${required.map((key) => `"${key}"`).join(' and ')}`;
  return String(parent.description ?? 'this combination is not allowed');
}

function choiceMessage(error: SchemaError): string {
  const all = alternatives(error.schema as JSONSchema[]);
  if (Array.isArray(error.params.passingSchemas)) return `expected only one of ${all}`;
  return `expected ${all}, found ${found(error.data)}`;
}

/** The word of an alternative that the one found is near to. */
function choiceHint(error: SchemaError): { hint?: string } {
  const branches = error.schema as JSONSchema[];
  const known = isObject(error.data)
    ? branches.flatMap(({ required }) => (Array.isArray(required) ? required.map(String) : []))
    : branches.flatMap((branch) => (typeof branch.const === 'string' ? [branch.const] : []));
  const word = typeof error.data === 'string' ? [error.data] : [];
  const words = isObject(error.data) ? Object.keys(error.data) : word;
  const near = words.map((word) => nearMiss(word, known)).find((word) => word !== undefined);
  return near === undefined ? {} : { hint: `Did you mean "${near}"?` };
}

function unknownHint(key: string, known: string[]): { hint?: string } {
  const near = nearMiss(key, known);
  if (near !== undefined) return { hint: `Did you mean "${near}"?` };
  return known.length > 0 ? { hint: `Known here: ${known.join(', ')}` } : {};
}

function valueHint(error: SchemaError, parent: JSONSchema): { hint?: string } {
  const { data } = error;
  if (error.keyword === 'enum' && typeof data === 'string') {
    const near = nearMiss(data, (parent.enum as unknown[]).map(String));
    if (near !== undefined) return { hint: `Did you mean "${near}"?` };
  }
  if (error.keyword === 'format' && typeof data === 'string') {
    const why = formatOf(String(error.params.format))?.why?.(data);
    if (why !== undefined) return { hint: why };
  }
  if (error.keyword !== 'type') return {};
  if (parent.type === 'string' && (typeof data === 'number' || typeof data === 'boolean')) {
    return parent.format === 'duration' ? { hint: `Add a unit: ${data}s` } : { hint: `Quote it: "${data}"` };
  }
  if (parent.type === 'array' && data !== null && !isObject(data))
    return { hint: 'Write it as a list: [...]' };
  if (
    typeof data === 'string' &&
    (parent.type === 'integer' || parent.type === 'number') &&
    /^[0-9.]+$/.test(data)
  )
    return { hint: `Remove the quotes: ${data}` };
  return {};
}

/** A field that is missing because its name is misspelt is one problem, not two. */
function withoutMisspelt(findings: Finding[], root: unknown): Finding[] {
  const meantNames = new Set(
    findings.flatMap(({ path, hint }) => {
      const meantName = /^Did you mean "(.*)"\?$/.exec(hint ?? '')?.[1];
      return meantName === undefined ? [] : [JSON.stringify([...path.slice(0, -1), meantName])];
    }),
  );
  return findings.filter(({ path, message }) => {
    return !(message.startsWith('missing') && meantNames.has(JSON.stringify(path)) && !reaches(path, root));
  });
}

function reaches(path: readonly PathStep[], root: unknown): boolean {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return false;
    value = (value as Record<PathStep, unknown>)[step];
  }
  return true;
}

/** A JSON Pointer (RFC 6901) as steps: numbers where the data holds a list. */
function steps(pointer: string, root: unknown): PathStep[] {
  let value = root;
  return pointer
    .split('/')
    .slice(1)
    .map((raw) => {
      const key = raw.replaceAll('~1', '/').replaceAll('~0', '~');
      const step = Array.isArray(value) ? Number(key) : key;
      value = (value as Record<PathStep, unknown> | undefined)?.[step];
      return step;
    });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
