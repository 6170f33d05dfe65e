/** JSON Schema in few words: for what goes in and out of the API, and so for its OpenAPI document. */
export type Schema = Record<string, unknown>;

export const text = { type: 'string' } as const;
export const optionalText = { type: ['string', 'null'] } as const;
export const whole = { type: 'integer' } as const;
export const yesOrNo = { type: 'boolean' } as const;
/** RFC 3339, UTC. */
export const time = { type: 'string', format: 'date-time' } as const;
export const optionalTime = { type: ['string', 'null'], format: 'date-time' } as const;
/** Any object: for what has a schema elsewhere. */
export const free = { type: 'object', additionalProperties: true } as const;
export const texts = { type: 'object', additionalProperties: text } as const;

/** All of the properties are there. What is not named here is not sent; a reader is to bear with more, which a later version may send. */
export function object(properties: Record<string, Schema>): Schema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

export function arrayOf(items: Schema): Schema {
  return { type: 'array', items };
}

export function oneOf(values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

/** The words of a union of texts: the compiler sees to it that none is left out. */
export function words<Word extends string>(all: Record<Word, true>): Schema {
  return oneOf(Object.keys(all));
}

export function constant(value: string): Schema {
  return { type: 'string', const: value };
}

/** A schema that the document holds once, under this name, however often it is used. Two that differ need two names. */
export function named(title: string, description: string, schema: Schema): Schema {
  return { title, description, ...schema };
}

export function described(description: string, schema: Schema): Schema {
  return { ...schema, description };
}

/** An object of this API's own: `apiVersion` and `kind` first. */
export function ofKind(kind: string, properties: Record<string, Schema>): Schema {
  return object({ apiVersion: constant('squall/v1'), kind: constant(kind), ...properties });
}

export function listOf(item: Schema & { title?: unknown }): Schema {
  const name = `${item.title}`;
  return named(`${name}List`, `A list of ${name} objects.`, ofKind('List', { items: arrayOf(item) }));
}
