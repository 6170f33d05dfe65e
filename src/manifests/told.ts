import type { Json } from '../core/canonical.ts';
import { nearMiss } from '../core/near-miss.ts';
import { found } from './expects.ts';
import type { Finding } from './explain.ts';
import { member, stepsOf } from './places.ts';
import type { PathStep } from './problem.ts';
import { DEEPEST_STEP, MOST_STEPS } from './schema-scenario.ts';

type CronProblem = (expression: string, timeZone: string | undefined) => string | undefined;

/** What a schema can't say, of a document that matches its own. */
export function told(document: Json, faults: readonly string[], cron: CronProblem | undefined): Finding[] {
  const spec = member(document, 'spec');
  switch (member(document, 'kind')) {
    case 'Policy':
      return [
        ...unknownFaults(member(member(spec, 'faults'), 'allow'), ['spec', 'faults', 'allow'], faults),
        ...unknownFaults(member(member(spec, 'faults'), 'deny'), ['spec', 'faults', 'deny'], faults),
      ];
    case 'Schedule':
      return cronFindings(member(spec, 'cron'), member(spec, 'timeZone'), cron);
    case 'Scenario':
      return stepFindings(member(spec, 'steps'));
    default:
      return [];
  }
}

function unknownFaults(list: Json | undefined, path: PathStep[], known: readonly string[]): Finding[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((type, index): Finding[] => {
    if (known.includes(type as string)) return [];
    const near = nearMiss(type as string, known);
    const hint = near === undefined ? `Known: ${known.join(', ')}` : `Did you mean "${near}"?`;
    const message = `expected a kind of fault, found ${found(type)}`;
    return [{ path: [...path, index], part: 'value', message, hint }];
  });
}

function cronFindings(
  expression: Json | undefined,
  timeZone: Json | undefined,
  cron: CronProblem | undefined,
): Finding[] {
  const message = cron?.(expression as string, timeZone as string | undefined);
  return message === undefined ? [] : [{ path: ['spec', 'cron'], part: 'value', message }];
}

function stepFindings(list: Json | undefined): Finding[] {
  const steps = stepsOf(list, ['spec', 'steps']);
  const deep = steps.find(({ depth }) => depth > DEEPEST_STEP);
  if (deep) {
    const message = `expected at most ${DEEPEST_STEP} levels of steps in each other, found more`;
    return [{ path: deep.path, part: 'value', message, hint: 'Make a scenario of its own of it' }];
  }
  if (steps.length <= MOST_STEPS) return [];
  const message = `expected at most ${MOST_STEPS} steps over all levels, found ${steps.length}`;
  return [{ path: ['spec', 'steps'], part: 'value', message, hint: 'Split it into several scenarios' }];
}
