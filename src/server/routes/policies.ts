import { arrayOf, described, free, object, oneOf, text } from '../json-schema.ts';
import { viewPolicy } from '../object-view.ts';
import type { Resource } from '../operation.ts';
import { addReads, conditionSchema, objectSchema } from '../route-reads.ts';
import { findObject } from '../views.ts';

const tag = 'Policies';

const schema = objectSchema(
  'Policy',
  'A Policy as it was last right. What it refuses is told by the experiments: Denied, with its name in the message.',
  described('As in the manifest: schemas/policy.schema.json.', free),
  object({
    phase: oneOf(['Active', 'Invalid']),
    reason: text,
    message: text,
    conditions: arrayOf(conditionSchema),
  }),
);

export const policies: Resource = {
  tag: { name: tag, description: 'What must hold for any chaos. Only a manifest changes it.' },
  add: (app, { journal }) =>
    addReads(app, {
      tag,
      kind: 'Policy',
      plural: 'Policies',
      schema,
      all: () => journal.objects.all('Policy').map(viewPolicy),
      one: (name) => viewPolicy(findObject(journal, 'Policy', name)),
    }),
};
