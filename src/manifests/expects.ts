import { formatOf } from './formats.ts';
import { type JSONSchema, NAME_PATTERN } from './schema.ts';

/** What a schema wants, to stand after "expected": `a whole number from 1 to 100`. */
export function expects(schema: JSONSchema): string {
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return either(schema.enum.map((value) => String(value)));
  if (typeof schema.format === 'string') return formatOf(schema.format)?.expected ?? schema.format;
  const choice = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(choice) && schema.type === undefined) return alternatives(choice as JSONSchema[]);
  switch (schema.type) {
    case 'integer':
      return `a whole number${bounds(schema)}`;
    case 'number':
      return `a number${bounds(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return expectsText(schema);
    case 'array':
      return expectsList(schema);
    case 'object':
      return expectsMapping(schema);
    default:
      return Array.isArray(schema.type)
        ? either(schema.type.map((type) => expects({ ...schema, type })))
        : 'something else';
  }
}

/** The alternatives of a choice, to stand after "expected" or "only one of". */
export function alternatives(branches: readonly JSONSchema[]): string {
  return either(branches.map(alternative));
}

function alternative(branch: JSONSchema): string {
  const properties = (branch.properties ?? {}) as Record<string, JSONSchema>;
  const required = (branch.required ?? []) as string[];
  const discriminator = required.find((key) => properties[key] !== undefined && 'const' in properties[key]);
  if (discriminator === 'type') return String(properties.type?.const);
  if (required.length === 0) return expects(branch);
  if (branch.type !== 'object') return required.map((key) => `"${key}"`).join(' with ');
  const fields = required.map(
    (key) => `${key}: ${properties[key] === undefined ? '...' : placeholder(properties[key])}`,
  );
  return `{${fields.join(', ')}}`;
}

function placeholder(schema: JSONSchema): string {
  if ('const' in schema) return JSON.stringify(schema.const);
  return schema.type === 'integer' || schema.type === 'number' ? 'N' : '...';
}

function expectsText(schema: JSONSchema): string {
  if (schema.pattern === NAME_PATTERN)
    return `a name of lower-case letters, digits and "-", at most ${schema.maxLength} characters, that begins and ends with a letter or digit`;
  if (typeof schema.pattern === 'string') return `text that matches ${schema.pattern}`;
  if (typeof schema.maxLength === 'number') return `text of 1 to ${schema.maxLength} characters`;
  return schema.minLength === undefined ? 'text' : 'text that is not empty';
}

function expectsList(schema: JSONSchema): string {
  const { minItems, maxItems } = schema;
  if (typeof minItems === 'number' && typeof maxItems === 'number')
    return `a list of ${minItems} to ${maxItems} entries`;
  const unique = schema.uniqueItems === true ? ', each once' : '';
  return typeof minItems === 'number' && minItems > 0
    ? `a list of at least one entry${unique}`
    : `a list${unique}`;
}

function expectsMapping(schema: JSONSchema): string {
  if (schema.minProperties === undefined) return 'a mapping';
  const fields = Object.keys((schema.properties as object | undefined) ?? {});
  return fields.length === 0 ? 'a mapping that is not empty' : `at least one of ${either(fields)}`;
}

function bounds(schema: JSONSchema): string {
  const { minimum, exclusiveMinimum, maximum } = schema;
  const capped = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER;
  if (typeof exclusiveMinimum === 'number')
    return capped ? ` above ${exclusiveMinimum}, at most ${maximum}` : ` above ${exclusiveMinimum}`;
  if (typeof minimum === 'number' && capped) return ` from ${minimum} to ${maximum}`;
  if (typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER) return ` of at least ${minimum}`;
  return capped ? ` of at most ${maximum}` : '';
}

function either(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

const LONGEST_SHOWN = 60;

/** What was found instead, to stand after "found". */
export function found(value: unknown): string {
  if (value === null || value === undefined) return 'nothing (null)';
  if (typeof value === 'string') return value === '' ? 'empty text' : shorten(JSON.stringify(value));
  if (typeof value === 'number') return `the number ${value}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value !== 'object') return String(value);
  const keys = Object.keys(value);
  return keys.length === 0 ? 'an empty mapping' : shorten(`a mapping of ${keys.join(', ')}`);
}

function shorten(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}
