import type { FastifyInstance } from 'fastify';
import { CONDITION_TYPES, type Condition } from '../core/types.ts';
import {
  described,
  listOf,
  named,
  object,
  ofKind,
  oneOf,
  type Schema,
  text,
  texts,
  time,
  whole,
  words,
} from './json-schema.ts';
import { json, nameIn, operation, refusal } from './operation.ts';
import { ownedFields } from './routes/runs.ts';
import { listOf as list } from './views.ts';

/** What all kinds of object have. */
export const metadataSchema = object({
  name: text,
  uid: described('Of this object: one that was deleted and added again has another.', text),
  generation: described('Raised by each change of the spec.', whole),
  labels: texts,
  source: described('`FILE:LINE` of the manifest.', text),
  ...ownedFields,
});

export const conditionSchema = named(
  'Condition',
  'As in Kubernetes: one aspect of the state, and since when it is so.',
  object({
    type: oneOf(CONDITION_TYPES),
    status: words<Condition['status']>({ True: true, False: true, Unknown: true }),
    reason: text,
    message: text,
    time,
    observedGeneration: whole,
  }),
);

/** A document of this kind, with its state. */
export function objectSchema(kind: string, description: string, spec: Schema, status: Schema): Schema {
  return named(kind, description, ofKind(kind, { metadata: metadataSchema, spec, status }));
}

interface Reads {
  tag: string;
  kind: string;
  plural: string;
  schema: Schema;
  all(): unknown[];
  /** Throws SQ502 where there is none. */
  one(name: string): unknown;
}

/** GET of all of a kind, and of one. */
export function addReads(app: FastifyInstance, { tag, kind, plural, schema, all, one }: Reads): void {
  const word = kind.toLowerCase();
  const many = plural.toLowerCase();
  app.get(
    `/api/v1/${many}`,
    operation({
      tag,
      id: `list${plural}`,
      summary: `List ${many}`,
      description: 'All that are known, by name.',
      answers: { 200: json(`The ${many}.`, listOf(schema)) },
    }),
    () => list(all()),
  );
  app.get<{ Params: { name: string } }>(
    `/api/v1/${many}/:name`,
    operation({
      tag,
      id: `get${kind}`,
      summary: `Read one ${word}`,
      description: 'As it was last accepted, and what became of it.',
      params: nameIn(word),
      answers: { 200: json(`The ${word}.`, schema) },
      refusals: { 404: refusal(`No ${word} has that name.`) },
    }),
    ({ params: { name } }) => one(name),
  );
}
