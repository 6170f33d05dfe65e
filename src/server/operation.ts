import type { FastifyInstance, RouteShorthandOptions } from 'fastify';
import type { Journal } from '../journal/journal.ts';
import type { Control } from './control.ts';
import { named, object, optionalText, type Schema, text } from './json-schema.ts';
import type { Streams } from './streams.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked without a token, over TCP too. */
    open?: boolean;
    /** What only the document tells of. To have fastify compile checks and serializers of these would slow the start. */
    told?: { answers: Record<string, Answer>; headers?: Schema };
  }
}

/** What handlers work with. */
export interface RouteDeps {
  journal: Journal;
  control: Control;
  streams: Streams;
  /** The text that Prometheus scrapes. */
  metrics: () => Promise<string>;
  /** The OpenAPI document. */
  document: () => Promise<Schema>;
}

/** The operations on one kind of thing. */
export interface Resource {
  tag: { name: string; description: string };
  /** Adds the routes. `deps` is for the handlers: the document is made with none, so nothing of it is used before a request. */
  add(app: FastifyInstance, deps: RouteDeps): void;
}

/** One answer: what it means, and a schema for each media type that it may have. */
export interface Answer {
  description: string;
  content: Record<string, { schema: Schema }>;
  headers?: Record<string, Schema>;
}

export interface Operation {
  /** The tag of its resource. */
  tag: string;
  /** Unique, in camel case: generated clients call their methods by it. */
  id: string;
  /** A few words, without a full stop. */
  summary: string;
  /** Whole sentences, in Markdown. */
  description: string;
  params?: Schema;
  query?: Schema;
  /** Told, not checked. */
  headers?: Schema;
  /** By status. JSON is written by its schema: what that does not name is left out. */
  answers: Record<string, Answer>;
  /** Those that say more than that it was refused; what any operation can give (400, 401, 4xx, 5xx) is added. */
  refusals?: Record<string, Answer>;
  /** Needs no token. For what tells nothing and does nothing. */
  open?: true;
}

/** The error as every operation gives it. */
const errorSchema = named(
  'Error',
  'What went wrong, and what to do about it.',
  object({
    error: object({
      code: { type: 'string', pattern: '^SQ\\d{3}$', description: 'Stable; docs/errors.md lists them.' },
      message: text,
      hint: { ...optionalText, description: 'What to do about it.' },
    }),
  }),
);

/** The options of a route: what is checked, how answers are written, and what the OpenAPI document says of it. */
export function operation(asked: Operation): RouteShorthandOptions {
  const { tag, id, summary, description, params, query, headers, answers, open } = asked;
  const schema = {
    operationId: id,
    tags: [tag],
    summary,
    description,
    ...(params && { params }),
    ...(query && { querystring: query }),
    ...(open && { security: [] }),
    response: jsonSchemas(answers),
  };
  const told = { answers: { ...answers, ...refusalsOf(asked) }, ...(headers && { headers }) };
  return { schema, config: { told, ...(open && { open }) } };
}

function jsonSchemas(answers: Record<string, Answer>): Record<string, Schema> {
  return Object.fromEntries(
    Object.entries(answers).flatMap(([status, { content }]) => {
      const schema = content[JSON_TYPE]?.schema;
      return schema ? [[status, schema]] : [];
    }),
  );
}

function refusalsOf({ params, query, refusals, open }: Operation): Record<string, Answer> {
  return {
    ...((params || query) && { 400: refusal('A parameter is not what was expected.') }),
    ...(!open && { 401: UNAUTHORIZED }),
    ...refusals,
    '4xx': refusal('Refused; the error says why.'),
    '5xx': refusal('The daemon, or something that it needs, failed; the error says what.'),
  };
}

const JSON_TYPE = 'application/json';

export function json(description: string, schema: Schema): Answer {
  return { description, content: { [JSON_TYPE]: { schema } } };
}

export function plain(description: string): Answer {
  return { description, content: { 'text/plain': { schema: text } } };
}

export function refusal(description: string): Answer {
  return json(description, errorSchema);
}

const UNAUTHORIZED: Answer = {
  ...refusal('No token, or not the right one. Over TCP only: the unix socket asks for none.'),
  headers: { 'WWW-Authenticate': { ...text, description: 'The scheme: `Bearer`.' } },
};

/** A name in the path. RFC 1123 labels, as manifests have them: anything else is found nowhere. */
export function nameIn(what: string): Schema {
  const name = { type: 'string', minLength: 1, maxLength: 253, description: `The name of the ${what}.` };
  return { type: 'object', properties: { name }, required: ['name'] };
}

/** Parameters of a query, none of them required. Others are ignored. */
export function queryOf(properties: Record<string, Schema>): Schema {
  return { type: 'object', properties, additionalProperties: false };
}
