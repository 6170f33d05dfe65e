import type { ProbeSpec } from '../core/kinds.ts';
import { LABEL_ENABLED, LABEL_EXEC, LABEL_SELF } from '../core/marks.ts';
import type { Container } from '../core/types.ts';
import type { ExecOutcome, ExecRequest } from '../runtime/docker-exec.ts';
import { aborted } from './aborted.ts';
import { down, type ProbeContext, type ProbeKind, type Seen, up } from './probe.ts';
import { CHOICE_RULES, type Choice, choiceName, choiceProperties, chosen } from './select/containers.ts';
import { errorText, excerpt } from './text/excerpt.ts';
import { searchSchema, whyNot } from './text/search.ts';

const DESCRIPTION = `Runs a program inside a container, as \`docker exec\` does, and looks at its exit code and at what it writes. There it sees the names and
the network that the container sees.

\`command\` is the program and its arguments; no shell reads it, unless it names one. The engine cannot end a program that it has started: one
that takes longer than \`timeout\` has failed, but goes on in the container, and the next try fails at once for as long as it does. Put
\`timeout\` before what may hang: \`[timeout, "3", redis-cli, PING]\`.

A container must have agreed: by the label \`squall.exec=true\`, or \`squall.enabled=true\`, which opts it in for faults as well.

The command is never shown; the beginning of what it writes is.`;

interface ExecSpec extends Choice, ExecRequest {
  expect?: { exitCode?: number; output?: string };
}

/** Runs a program in a container. */
export const execProbe: ProbeKind = {
  type: 'exec',
  summary: 'Runs a program inside a container.',
  description: DESCRIPTION,
  schema: {
    type: 'object',
    properties: {
      ...choiceProperties('the first by name of its containers that run'),
      command: {
        type: 'array',
        minItems: 1,
        maxItems: 100,
        items: { type: 'string', maxLength: 4096 },
        description: 'The program and its arguments, each an entry of the list.',
      },
      user: {
        type: 'string',
        pattern: '^[^\\s\\p{C}]+$',
        maxLength: 255,
        description: "Who runs it: `name`, `1000`, `1000:1000`. Without it: the container's own user.",
      },
      workdir: {
        type: 'string',
        pattern: '^/',
        maxLength: 4096,
        description: "The directory that it runs in. Without it: the container's own.",
      },
      expect: {
        type: 'object',
        minProperties: 1,
        description: 'What must come of it.',
        properties: {
          exitCode: { type: 'integer', minimum: 0, maximum: 255, default: 0, description: 'The exit code.' },
          output: searchSchema(
            'What it must write, to stdout or stderr: text, or a `/regular expression/`. The first 64 KiB are looked at.',
          ),
        },
        additionalProperties: false,
      },
    },
    required: ['command'],
    ...CHOICE_RULES,
  },
  example: {
    type: 'exec',
    service: 'redis',
    command: ['timeout', '3', 'redis-cli', 'PING'],
    expect: { output: 'PONG' },
  },
  problems: (spec) => {
    const [program] = (spec as unknown as ExecSpec).command;
    return program === '' ? ['command: the program has no name'] : [];
  },
  attempt,
};

async function attempt(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<Seen> {
  const { command, user, workdir, expect = {}, ...choice } = spec as unknown as ExecSpec;
  const found = chosen(choice, context.containers());
  const running = found.filter(({ state }) => state === 'running');
  const target = running.find(consents);
  if (target === undefined) return down(nobody(choice, found, running[0]));
  const request = {
    command,
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
  };
  try {
    const ended = context.exec(target.id, request, signal);
    return judge(expect, await Promise.race([ended, aborted(signal)]));
  } catch (error) {
    if (signal.aborted) return down('the program has not ended');
    return down(errorText(error));
  }
}

/** Who may commit a manifest may not for that run programs wherever they like: the container must have said so itself. */
function consents({ labels }: Container): boolean {
  if (labels[LABEL_SELF] !== undefined) return false;
  return labels[LABEL_EXEC] === 'true' || labels[LABEL_ENABLED] === 'true';
}

function nobody(choice: Choice, found: readonly Container[], unwilling: Container | undefined): string {
  if (unwilling)
    return `${unwilling.name} lets no probe run programs in it: re-create it with the label ${LABEL_EXEC}=true`;
  const [only] = found;
  if (only === undefined) return `there is no ${choiceName(choice)}`;
  return choice.container === undefined
    ? `no container of ${choiceName(choice)} is running`
    : `${only.name} is ${only.state}, not running`;
}

function judge(
  { exitCode = 0, output: wanted }: NonNullable<ExecSpec['expect']>,
  { code, output }: ExecOutcome,
): Seen {
  const said = output.trim() === '' ? '' : `: ${excerpt(output)}`;
  if (code !== exitCode) return down(`exit code ${code}, expected ${exitCode}${said}`);
  const why = wanted === undefined ? undefined : whyNot(wanted, output);
  return why === undefined ? up(`exit code ${code}`) : down(`the output ${why}${said}`);
}
