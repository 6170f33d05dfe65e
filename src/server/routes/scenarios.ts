import type { EndPhase, StepKind, StepPhase } from '../../scenario/state.ts';
import {
  arrayOf,
  described,
  free,
  named,
  object,
  oneOf,
  optionalText,
  optionalTime,
  text,
  time,
  words,
} from '../json-schema.ts';
import { viewScenario } from '../object-view.ts';
import type { Resource } from '../operation.ts';
import { addActs } from '../route-acts.ts';
import { addReads, conditionSchema, objectSchema } from '../route-reads.ts';
import { findObject } from '../views.ts';

const tag = 'Scenarios';

const ENDS = ['Completed', 'Failed', 'Aborted', 'Halted'] as const satisfies EndPhase[];

const stepSchema = named(
  'Step',
  'A step of a run, as far as it has come.',
  object({
    path: described('Where it stands in the manifest, below `spec`: `steps[0].parallel[1]`.', text),
    kind: words<StepKind>({ experiment: true, wait: true, probe: true, serial: true, parallel: true }),
    title: text,
    phase: words<StepPhase>({
      Pending: true,
      Running: true,
      Succeeded: true,
      Failed: true,
      Skipped: true,
      Aborted: true,
    }),
    startedAt: optionalTime,
    endedAt: optionalTime,
    message: described('Why it failed or was ended.', text),
    experiment: described('The experiment that it started.', optionalText),
  }),
);

const runFields = {
  id: text,
  trigger: described('What started it: `manifest`, `manual` or `schedule/NAME`.', text),
};

const runSchema = object({
  ...runFields,
  phase: oneOf(['Running', 'Recovering', ...ENDS]),
  startedAt: time,
  deadline: described('Null without a timeout.', optionalTime),
  endedAt: optionalTime,
  steps: described(
    'In the order of the manifest, those within others right after these.',
    arrayOf(stepSchema),
  ),
});

const schema = objectSchema(
  'Scenario',
  'A scenario as it was last accepted, and how far its run has come.',
  described('As in the manifest: schemas/scenario.schema.json.', free),
  object({
    phase: oneOf(['Running', 'Recovering', ...ENDS, 'Suspended', 'Invalid']),
    reason: text,
    message: text,
    conditions: arrayOf(conditionSchema),
    run: described('The run that is under way, or else the last one.', {
      anyOf: [runSchema, { type: 'null' }],
    }),
    history: described(
      'Runs that are over, oldest first.',
      arrayOf(
        object({
          ...runFields,
          phase: oneOf(ENDS),
          reason: text,
          message: text,
          startedAt: time,
          endedAt: time,
        }),
      ),
    ),
  }),
);

export const scenarios: Resource = {
  tag: { name: tag, description: 'Experiments, waits and probes in an order.' },
  add: (app, { journal, control }) => {
    const spawned = (name: string) => journal.spawned.get('Scenario', name);
    addReads(app, {
      tag,
      kind: 'Scenario',
      plural: 'Scenarios',
      schema,
      all: () => journal.objects.all('Scenario').map((record) => viewScenario(record, spawned(record.name))),
      one: (name) => viewScenario(findObject(journal, 'Scenario', name), spawned(name)),
    });
    addActs(app, control, {
      tag,
      kind: 'Scenario',
      words: {
        run: 'Of a suspended one too. Answers once its first steps have begun.',
        halt: 'Ends its run, and recovers what that started. It stays halted, over restarts too, until it is resumed.',
        suspend: 'The same, as `suspend: true` in its manifest does.',
        resume: 'Lifts halt and suspend. A run that was ended does not go on.',
      },
    });
  },
};
