import { json, operation, type Resource } from '../operation.ts';
import { holdSchema } from '../route-acts.ts';

const tag = 'Halt';

export const halt: Resource = {
  tag: { name: tag, description: 'Everything at once.' },
  add: (app, { control }) => {
    app.post(
      '/api/v1/halt',
      operation({
        tag,
        id: 'haltAll',
        summary: 'Halt all chaos',
        description:
          'Recovers everything now; nothing starts, over restarts too, until all is resumed. Answers when it is done, with what could not be recovered.',
        answers: { 200: json('Halted.', holdSchema) },
      }),
      () => control.halt('all'),
    );
    app.post(
      '/api/v1/suspend',
      operation({
        tag,
        id: 'suspendAll',
        summary: 'Suspend all that is there',
        description:
          'Each experiment, schedule and scenario, as by itself; what is added later runs. Answers when it is done, with what could not be recovered.',
        answers: { 200: json('Suspended.', holdSchema) },
      }),
      () => control.suspend('all'),
    );
    app.post(
      '/api/v1/resume',
      operation({
        tag,
        id: 'resumeAll',
        summary: 'Lift all that holds chaos',
        description:
          'The halt of all, and what holds single experiments, schedules and scenarios. Runs of experiments whose deadline has not passed go on to it.',
        answers: { 200: json('Resumed.', holdSchema) },
      }),
      () => control.resume('all'),
    );
  },
};
