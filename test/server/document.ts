import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { openapiDocument } from '../../src/server/openapi.ts';

export interface OpenapiOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security?: object[];
  parameters?: { in: string; name: string; required?: boolean; schema: object }[];
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

export interface OpenapiDocument {
  openapi: string;
  tags: { name: string }[];
  paths: Record<string, Record<string, OpenapiOperation>>;
  components: { schemas: Record<string, object> };
}

/** What came back over HTTP. `type` is the content type as sent. */
export interface Answered {
  method: string;
  /** Path, with or without a query. */
  url: string;
  status: number;
  type: string | undefined;
  body: string;
}

const made = openapiDocument() as Promise<unknown> as Promise<OpenapiDocument>;

export function document(): Promise<OpenapiDocument> {
  return made;
}

/** A validator of JSON Schema 2020-12, strict, which knows the document's components. */
export function validatorOf(schemas: Record<string, object>): Ajv2020 {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  ajv.addFormat('date-time', /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/);
  ajv.addKeyword('components');
  ajv.addSchema({ $id: 'document', components: { schemas } }, 'document', false, false);
  return ajv;
}

let ajv: Ajv2020 | undefined;
const compiled = new Map<string, ValidateFunction>();

/** Holds an answer against the document. What no operation has (a path that is none) must be an Error. */
export async function conforms(answered: Answered): Promise<void> {
  const { paths, components } = await document();
  const media = (answered.type ?? '').split(';')[0] ?? '';
  const what = `${answered.method} ${answered.url}: ${answered.status} ${media}`;
  const found = operationOf(paths, answered);
  const pointer = found ? responseOf(found, answered.status, media) : '#/components/schemas/Error';
  assert.ok(pointer, `${what} is not in the document`);
  ajv ??= validatorOf({ ...components.schemas });
  const key = JSON.stringify(pointer);
  const check = compiled.get(key) ?? ajv.compile(absolute(pointer));
  compiled.set(key, check);
  const value: unknown = media === 'application/json' ? JSON.parse(answered.body) : answered.body;
  assert.ok(
    check(value),
    `${what} is not as the document says: ${ajv.errorsText(check.errors)}\n${answered.body}`,
  );
}

function operationOf(
  paths: OpenapiDocument['paths'],
  { method, url }: Answered,
): OpenapiOperation | undefined {
  const path = url.split('?')[0] ?? '';
  // What is written out counts before what has parameters.
  const templates = Object.keys(paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')));
  const matching = templates.find((template) => patternOf(template).test(path));
  return matching === undefined ? undefined : paths[matching]?.[method.toLowerCase()];
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`);
}

function responseOf({ responses }: OpenapiOperation, status: number, media: string): object | undefined {
  const response = responses[status] ?? responses[`${Math.floor(status / 100)}XX`];
  return response?.content?.[media]?.schema;
}

/** References, from within the document to the one that the validator was given. */
function absolute(schema: object | string): object {
  if (typeof schema === 'string') return { $ref: `document${schema}` };
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components')) as object;
}
