import type { EffectPhase, RunPhase } from '../../core/types.ts';
import {
  arrayOf,
  described,
  listOf,
  named,
  object,
  ofKind,
  optionalText,
  optionalTime,
  text,
  time,
  whole,
  words,
  yesOrNo,
} from '../json-schema.ts';
import { json, operation, queryOf, type Resource } from '../operation.ts';
import { listOf as list, runObject } from '../views.ts';

const tag = 'Runs';

const effectSchema = named(
  'Effect',
  'One fault on one target.',
  object({
    target: described('Name of the container.', text),
    fault: described('Kind of fault.', text),
    phase: words<EffectPhase>({
      intended: true,
      injected: true,
      recovering: true,
      recovered: true,
      failed: true,
    }),
    injectedAt: optionalTime,
    recoveredAt: optionalTime,
    strikes: described(
      'How often it was put in: repairs, restarted targets and repeated kills count.',
      whole,
    ),
    error: optionalText,
  }),
);

const provenanceSchema = named(
  'Provenance',
  'The commit that a manifest came from.',
  object({
    commit: described('40 or 64 hex digits.', text),
    author: text,
    subject: described('First line of the message.', text),
    dirty: described('The file differed from that commit, or is not in it.', yesOrNo),
  }),
);

/** What owns an experiment or scenario that no file declares. */
export const ownedFields = {
  owner: described('The Schedule or Scenario that started it; null for what a file declares.', {
    anyOf: [
      named('Owner', 'What started an object.', object({ kind: text, name: text, uid: text })),
      { type: 'null' },
    ],
  }),
  copyOf: described('Name of the declared object that it is a copy of.', optionalText),
};

/** What an experiment tells of its run, and a run of itself. */
export const runFields = {
  trigger: described('What started it: `manifest`, `manual`, `schedule/NAME` or `scenario/NAME`.', text),
  phase: words<RunPhase>({
    Running: true,
    Recovering: true,
    Completed: true,
    Halted: true,
    Aborted: true,
    Failed: true,
  }),
  startedAt: time,
  deadline: time,
  endedAt: optionalTime,
  targets: described('Names of the containers that were chosen.', arrayOf(text)),
  effects: arrayOf(effectSchema),
  provenance: described('Null outside of a work tree, and in the first moments of a run.', {
    anyOf: [provenanceSchema, { type: 'null' }],
  }),
};

const runSchema = named(
  'Run',
  'One run of an experiment.',
  ofKind('Run', {
    metadata: object({
      name: described('Id of the run.', text),
      experiment: text,
      generation: whole,
      ...ownedFields,
    }),
    status: object({ ...runFields, reason: text }),
  }),
);

export const runs: Resource = {
  tag: { name: tag, description: 'What ran, and on which containers.' },
  add: (app, { journal }) => {
    app.get<{ Querystring: { experiment?: string } }>(
      '/api/v1/runs',
      operation({
        tag,
        id: 'listRuns',
        summary: 'List runs',
        description: 'Newest first. Old ones are forgotten in the end.',
        query: queryOf({ experiment: described('Only runs of this experiment.', text) }),
        answers: { 200: json('The runs.', listOf(runSchema)) },
      }),
      ({ query }) =>
        list(
          journal.runs
            .list(query)
            .map((run) =>
              runObject(run, journal.effects.ofRun(run.id), journal.experiments.get(run.experiment)),
            ),
        ),
    );
  },
};
