/**
 * What of OpenAPI 3.1.0 (https://spec.openapis.org/oas/v3.1.0) the document uses, as a schema that knows nothing else: a misspelt field is an
 * error, as in the specification's own. Schema Objects are checked by JSON Schema's meta-schema instead.
 */
const text = { type: 'string', minLength: 1 };
const schema = { type: 'object' };

function closed(properties: Record<string, unknown>, required: string[]) {
  return { type: 'object', properties, required, additionalProperties: false };
}

function mapOf(values: unknown, names?: string) {
  const all = { type: 'object', additionalProperties: values };
  return names === undefined ? all : { ...all, propertyNames: { pattern: names } };
}

const COMPONENT_NAME = '^[a-zA-Z0-9._-]+$';
const mediaType = closed({ schema, example: true, examples: mapOf(closed({ value: true }, ['value'])) }, [
  'schema',
]);
const content = { ...mapOf(mediaType, '^[a-z]+/[a-z0-9.+-]+$'), minProperties: 1 };
const header = closed({ description: text, required: { type: 'boolean' }, schema }, ['schema']);
const response = closed({ description: text, headers: mapOf(header), content }, ['description']);
const requirement = mapOf({ type: 'array', items: text });

const parameter = {
  ...closed(
    {
      name: text,
      in: { enum: ['query', 'header', 'path', 'cookie'] },
      description: text,
      required: { type: 'boolean' },
      deprecated: { type: 'boolean' },
      schema,
      example: true,
      examples: { type: 'object' },
    },
    ['name', 'in', 'schema', 'description'],
  ),
  // one in the path is always required
  anyOf: [
    { properties: { in: { not: { const: 'path' } } } },
    { properties: { required: { const: true } }, required: ['required'] },
  ],
};

const operation = closed(
  {
    operationId: { type: 'string', pattern: '^[a-z][a-zA-Z]+$' },
    summary: { ...text, pattern: '[^.]$' },
    description: { ...text, pattern: '[.`\\]]$' },
    tags: { type: 'array', items: text, minItems: 1, maxItems: 1 },
    parameters: { type: 'array', items: parameter },
    requestBody: closed({ description: text, required: { type: 'boolean' }, content }, ['content']),
    responses: { ...mapOf(response, '^([1-5]\\d\\d|[1-5]XX|default)$'), minProperties: 1 },
    security: { type: 'array', items: requirement },
    deprecated: { type: 'boolean' },
  },
  ['operationId', 'summary', 'description', 'tags', 'responses'],
);

const pathItem = closed(
  Object.fromEntries(['get', 'put', 'post', 'delete', 'patch'].map((method) => [method, operation])),
  [],
);

const securityScheme = closed(
  { type: { const: 'http' }, scheme: text, description: text, bearerFormat: text },
  ['type', 'scheme'],
);

export const structure = closed(
  {
    openapi: { const: '3.1.0' },
    info: closed(
      {
        title: text,
        version: text,
        summary: text,
        description: text,
        license: closed({ name: text, identifier: text }, ['name']),
      },
      ['title', 'version'],
    ),
    servers: { type: 'array', items: closed({ url: text, description: text }, ['url']) },
    tags: {
      type: 'array',
      items: closed({ name: text, description: text }, ['name', 'description']),
      uniqueItems: true,
    },
    paths: mapOf(pathItem, '^/'),
    components: closed(
      {
        schemas: mapOf(schema, COMPONENT_NAME),
        securitySchemes: mapOf(securityScheme, COMPONENT_NAME),
      },
      ['schemas', 'securitySchemes'],
    ),
    security: { type: 'array', items: requirement },
  },
  ['openapi', 'info', 'paths', 'components', 'security', 'tags'],
);
