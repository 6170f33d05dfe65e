import { arrayOf, described, free, object, oneOf, optionalTime, text } from '../json-schema.ts';
import { viewSchedule } from '../object-view.ts';
import type { Resource } from '../operation.ts';
import { addActs } from '../route-acts.ts';
import { addReads, conditionSchema, objectSchema } from '../route-reads.ts';
import { findObject } from '../views.ts';

const tag = 'Schedules';

const schema = objectSchema(
  'Schedule',
  'A schedule as it was last accepted, and how far it has come.',
  described('As in the manifest: schemas/schedule.schema.json.', free),
  object({
    phase: oneOf(['Active', 'Suspended', 'Halted', 'Invalid']),
    reason: text,
    message: text,
    conditions: arrayOf(conditionSchema),
    lastScheduleTime: described(
      'The last time of the schedule that fired: the time itself, not when it was carried out.',
      optionalTime,
    ),
    nextScheduleTime: described('The first that is not done with; null while it rests.', optionalTime),
    active: described('Names of what it started that has not ended.', arrayOf(text)),
  }),
);

export const schedules: Resource = {
  tag: { name: tag, description: 'What starts experiments and scenarios by the clock.' },
  add: (app, { journal, control }) => {
    addReads(app, {
      tag,
      kind: 'Schedule',
      plural: 'Schedules',
      schema,
      all: () => journal.objects.all('Schedule').map(viewSchedule),
      one: (name) => viewSchedule(findObject(journal, 'Schedule', name)),
    });
    addActs(app, control, {
      tag,
      kind: 'Schedule',
      words: {
        run: 'Starts what it starts, once and now; of a suspended one too. Answers once that has started or was refused.',
        halt: 'It starts nothing more, and what it has started is recovered now, until it is resumed.',
        suspend: 'It starts nothing more until it is resumed; what runs goes on.',
        resume: 'Lifts halt and suspend. Times that have passed meanwhile are not made up.',
      },
    });
  },
};
