import type { FastifyInstance, RouteShorthandOptions } from 'fastify';
import type { ActKind, Control } from './control.ts';
import { arrayOf, described, named, object, text } from './json-schema.ts';
import { type Answer, json, nameIn, operation, refusal } from './operation.ts';

type Named = { Params: { name: string } };

export const holdSchema = named(
  'HoldResult',
  'What was held or let go.',
  object({
    experiments: described(
      'Names of the experiments. Of what a schedule or scenario started, only what had not ended.',
      arrayOf(text),
    ),
    schedules: described('Names of the schedules.', arrayOf(text)),
    scenarios: described('Names of the scenarios.', arrayOf(text)),
    left: described(
      'What is not recovered yet, with the reason. It is tried again.',
      arrayOf(object({ target: text, fault: text, error: text })),
    ),
  }),
);

const startedSchema = named(
  'Started',
  'A run that was started.',
  object({
    run: described('Its id.', text),
    object: described('The experiment or scenario that runs: `Experiment/nightly-manual-1`.', text),
  }),
);

/** What each act means for the kind, in whole sentences. */
export type ActWords = Record<'run' | 'halt' | 'suspend' | 'resume', string>;

const WHEN_DONE = 'Answers when what was to be recovered is, with what could not be.';

/** POST .../:name/run, halt, suspend and resume. */
export function addActs(
  app: FastifyInstance,
  control: Control,
  { tag, kind, words }: { tag: string; kind: ActKind; words: ActWords },
): void {
  const word = kind.toLowerCase();
  const path = `/api/v1/${word}s/:name`;
  const params = nameIn(word);
  const refusals = { 404: refusal(`No ${word} has that name.`) };
  const act = (
    verb: keyof ActWords,
    summary: string,
    answer: Answer,
    more: Record<string, Answer> = {},
  ): RouteShorthandOptions =>
    operation({
      tag,
      id: `${verb}${kind}`,
      summary,
      description: verb === 'run' ? words.run : `${words[verb]} ${WHEN_DONE}`,
      params,
      answers: { 200: answer },
      refusals: { ...refusals, ...more },
    });
  const done = json('Done, but for what is left.', holdSchema);
  const refused = { 409: refusal('Halted, running already, or refused by a guardrail.') };
  app.post<Named>(
    `${path}/run`,
    act('run', 'Start another run', json('The run has started.', startedSchema), refused),
    ({ params: { name } }) => control.run(`${kind}/${name}`),
  );
  const article = /^[AEIOU]/.test(kind) ? 'an' : 'a';
  for (const verb of ['halt', 'suspend', 'resume'] as const)
    app.post<Named>(
      `${path}/${verb}`,
      act(verb, `${verb[0]?.toUpperCase()}${verb.slice(1)} ${article} ${word}`, done),
      ({ params: { name } }) => control[verb](`${kind}/${name}`),
    );
}
