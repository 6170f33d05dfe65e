import { documentSchema, type JSONSchema, nestedExperiment, reference } from './schema.ts';

/** Characters of a schedule's name: what it fires is called `<name>-<seconds>`. */
export const LONGEST_SCHEDULE_NAME = 52;

/** The schema of a Schedule. `fault`: the schema of one fault. */
export function scheduleSchema(fault: JSONSchema): JSONSchema {
  return documentSchema(
    'Schedule',
    'Starts an experiment or a scenario at times that a cron expression gives. Each time it makes one of its own, called `<schedule>-<seconds>`.',
    specSchema(fault),
    LONGEST_SCHEDULE_NAME,
  );
}

const WHAT = ['experimentRef', 'experiment', 'scenarioRef'];

function specSchema(fault: JSONSchema): JSONSchema {
  return {
    type: 'object',
    description: 'When, and what. Exactly one of `experimentRef`, `experiment` and `scenarioRef` is given.',
    properties: {
      cron: {
        type: 'string',
        format: 'cron',
        description:
          'Five fields (minute, hour, day of the month, month, day of the week) or six (seconds first), or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.',
      },
      timeZone: {
        type: 'string',
        format: 'time-zone',
        default: 'UTC',
        description:
          'An IANA time zone such as `Europe/Zurich`. A time that a change of clocks leaves out fires right after it; one that occurs twice fires once.',
      },
      experimentRef: reference(
        'A declared experiment; `suspend: true` makes it a template that does not run by itself.',
      ),
      experiment: nestedExperiment(fault, 'An experiment of its own: the spec of one.'),
      scenarioRef: reference('A declared scenario.'),
      suspend: {
        type: 'boolean',
        default: false,
        description: 'True: it does not fire. Times that pass meanwhile are not made up. What runs goes on.',
      },
      concurrencyPolicy: {
        enum: ['Forbid', 'Replace', 'Allow'],
        default: 'Forbid',
        description:
          'What happens when the one before still runs. `Forbid`: the new one waits for it, within `startingDeadline`. `Replace`: the one before is ended first. `Allow`: both run.',
      },
      startingDeadline: {
        type: 'string',
        format: 'interval',
        default: '1m',
        description:
          'How late a time that was missed may still start (the daemon was down, say). Of several that were missed only the latest starts.',
      },
      jitter: {
        type: 'string',
        format: 'duration',
        description:
          'Each start is delayed by a time between nothing and this, which is different each time.',
      },
      historyLimit: {
        type: 'integer',
        minimum: 0,
        maximum: 100,
        default: 10,
        description: 'How many of those that have ended are kept.',
      },
    },
    required: ['cron'],
    oneOf: WHAT.map((field) => ({ required: [field] })),
    additionalProperties: false,
  };
}
