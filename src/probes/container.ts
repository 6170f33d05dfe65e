import type { ProbeSpec } from '../core/kinds.ts';
import type { Container } from '../core/types.ts';
import { down, type ProbeContext, type ProbeKind, type Seen, up } from './probe.ts';
import { CHOICE_RULES, type Choice, choiceName, choiceProperties, chosen } from './select/containers.ts';

const DESCRIPTION = `Looks at the state of containers, as the engine tells it: nothing is run and nothing is sent. It holds when all that match are in the
expected state, or as many as \`count\` says. No container that matches is never enough.

\`healthy\` and \`unhealthy\` are about a running container with a healthcheck: one without it is neither. A paused container is not \`running\`.`;

interface ContainerSpec extends Choice {
  expect?: { state?: string; count?: number };
}

const HEALTH = ['healthy', 'unhealthy'];
const STATES = ['running', ...HEALTH, 'exited', 'paused', 'restarting', 'created', 'dead'];
/** Containers that a message names. */
const MOST_NAMED = 3;

/** Looks at containers. */
export const containerProbe: ProbeKind = {
  type: 'container',
  summary: 'Looks whether containers run, or are healthy.',
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      ...choiceProperties('all its containers, stopped ones too'),
      expect: {
        type: 'object',
        minProperties: 1,
        description: 'What they must be.',
        properties: {
          state: { type: 'string', enum: STATES, default: 'running', description: 'The state.' },
          count: {
            type: 'integer',
            minimum: 1,
            description: 'How many of them must be in it, at least. Without it: all of them.',
          },
        },
        additionalProperties: false,
      },
    },
    ...CHOICE_RULES,
  },
  example: { type: 'container', service: 'backend', expect: { state: 'healthy', count: 2 } },
  attempt: async (spec, context) => look(spec, context),
};

function look(spec: ProbeSpec, context: ProbeContext): Seen {
  const { expect = {}, ...choice } = spec as unknown as ContainerSpec;
  const { state = 'running', count } = expect;
  const found = chosen(choice, context.containers());
  if (found.length === 0) return down(`there is no ${choiceName(choice)}`);
  const others = found.filter((one) => !isIn(one, state));
  const fit = found.length - others.length;
  const enough = fit >= (count ?? found.length);
  if (choice.container !== undefined && found[0])
    return enough
      ? up(`${found[0].name} is ${state}`)
      : down(`${stateOf(found[0], state)}, expected ${state}`);
  const seen = `${fit} of ${found.length} containers of ${choiceName(choice)} ${fit === 1 ? 'is' : 'are'} ${state}`;
  if (enough) return up(seen);
  return down(
    `${seen}, expected ${count === undefined ? 'all' : `${count} at least`}${namedOf(others, state)}`,
  );
}

function namedOf(others: readonly Container[], wanted: string): string {
  if (others.length === 0) return '';
  const named = others.slice(0, MOST_NAMED).map((one) => stateOf(one, wanted));
  const more = others.length > named.length ? ` and ${others.length - named.length} more` : '';
  return `: ${named.join(', ')}${more}`;
}

function isIn({ state, health }: Container, wanted: string): boolean {
  return HEALTH.includes(wanted) ? state === 'running' && health === wanted : state === wanted;
}

function stateOf({ name, state, health }: Container, wanted: string): string {
  if (state !== 'running' || !HEALTH.includes(wanted)) return `${name} is ${state}`;
  return health === 'none' ? `${name} has no healthcheck` : `${name} is ${health}`;
}
