import { documentSchema, type JSONSchema, nestedExperiment, reference, text } from './schema.ts';

/** Characters of a scenario's name: its experiments are called `<name>-<run>-<step>`. */
export const LONGEST_SCENARIO_NAME = 50;

/** Levels of `serial` and `parallel` in each other. */
export const DEEPEST_STEP = 4;

/** Steps of a scenario, over all levels. */
export const MOST_STEPS = 100;

/** The schema of a Scenario. `fault` and `probe`: the schemas of one of each. */
export function scenarioSchema(fault: JSONSchema, probe: JSONSchema): JSONSchema {
  return {
    ...documentSchema(
      'Scenario',
      'Steps, one after the other or side by side: experiments, waits and probes. It runs once for each version of its manifest, and again when it is asked to.',
      specSchema(),
      LONGEST_SCENARIO_NAME,
    ),
    $defs: { step: stepSchema(fault, probe) },
  };
}

const STEPS = { type: 'array', minItems: 1, maxItems: MOST_STEPS, items: { $ref: '#/$defs/step' } };

function specSchema(): JSONSchema {
  return {
    type: 'object',
    description: 'The steps, and what happens when one fails.',
    properties: {
      suspend: {
        type: 'boolean',
        default: false,
        description:
          'True: it does not run by itself: a template for Schedules and `squall run scenario/NAME`.',
      },
      timeout: {
        type: 'string',
        format: 'duration',
        description: 'When this is over, what runs is recovered, and the scenario is Failed.',
      },
      onFailure: {
        enum: ['abort', 'continue'],
        default: 'abort',
        description: 'What follows a step that failed: everything is recovered, or the next step.',
      },
      steps: { ...STEPS, description: 'One after the other.' },
    },
    required: ['steps'],
    additionalProperties: false,
  };
}

const WHAT = ['experimentRef', 'experiment', 'wait', 'probe', 'serial', 'parallel'];

function stepSchema(fault: JSONSchema, probe: JSONSchema): JSONSchema {
  return {
    type: 'object',
    description: 'One step: exactly one of the fields beside `name`.',
    properties: {
      name: text('What it is called in messages.', { maxLength: 63 }),
      experimentRef: reference('A declared experiment, run to its end.', {
        duration: { type: 'string', format: 'duration', description: 'Instead of its own.' },
      }),
      experiment: nestedExperiment(fault, 'An experiment of its own, run to its end: the spec of one.'),
      wait: { type: 'string', format: 'duration', description: 'Time that passes.' },
      probe: {
        ...probe,
        description: 'The step is over when the probe holds. It fails where that is not so within `within`.',
      },
      serial: { ...STEPS, description: 'Steps, one after the other.' },
      parallel: { ...STEPS, description: 'Steps, side by side. Over when all are.' },
    },
    oneOf: WHAT.map((field) => ({ required: [field] })),
    additionalProperties: false,
  };
}

/** `within` beside a probe's own fields, for a step. */
export const WITHIN: JSONSchema = {
  type: 'string',
  format: 'duration',
  description:
    'How long it may take until the probe holds. Default: as long as its `failureThreshold` tries.',
};
