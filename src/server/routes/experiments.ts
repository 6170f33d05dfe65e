import { PHASES } from '../../core/types.ts';
import { arrayOf, described, free, object, oneOf, text } from '../json-schema.ts';
import type { Resource } from '../operation.ts';
import { addActs } from '../route-acts.ts';
import { addReads, conditionSchema, objectSchema } from '../route-reads.ts';
import { bundle, experimentObject, findExperiment } from '../views.ts';
import { runFields } from './runs.ts';

const tag = 'Experiments';

const schema = objectSchema(
  'Experiment',
  'An experiment as it was last accepted, and what became of it.',
  described('As in the manifest: schemas/experiment.schema.json.', free),
  object({
    phase: oneOf(PHASES),
    reason: text,
    message: text,
    conditions: arrayOf(conditionSchema),
    run: described('The run that stands for this generation.', {
      anyOf: [object({ id: text, ...runFields }), { type: 'null' }],
    }),
  }),
);

export const experiments: Resource = {
  tag: {
    name: tag,
    description: 'What is declared, what schedules and scenarios have started, and what runs.',
  },
  add: (app, { journal, control }) => {
    addReads(app, {
      tag,
      kind: 'Experiment',
      plural: 'Experiments',
      schema,
      all: () => journal.experiments.all().map((record) => experimentObject(bundle(journal, record))),
      one: (name) => experimentObject(bundle(journal, findExperiment(journal, name))),
    });
    addActs(app, control, {
      tag,
      kind: 'Experiment',
      words: {
        run: 'Of a suspended template too. Answers once the run has started or was refused.',
        halt: 'Recovers it now, and its copies. It stays halted, over restarts too, until it is resumed.',
        suspend: 'As `suspend: true` in its manifest does, until it is resumed; its copies as well.',
        resume: 'Lifts halt and suspend. A run whose deadline has not passed goes on to it.',
      },
    });
  },
};
