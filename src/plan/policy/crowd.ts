import type { Container, Run } from '../../core/types.ts';
import type { Refusal } from '../actions.ts';
import type { Asked } from '../asked.ts';
import type { ForeignFault } from '../foreign.ts';
import { hitBy, hitByEffects, hitByRun } from '../hit.ts';
import type { PlanInput } from '../input.ts';
import type { Limit, Limits } from './limits.ts';
import { experimentsOf, inOrder } from './order.ts';
import { names, plural } from './words.ts';

type World = Pick<PlanInput, 'world' | 'running' | 'others' | 'foreign'>;

/** Runs at once: one more must be permitted to start. An edit is of a run that is there already. */
export function refuseRuns(input: World, { maxConcurrentRuns }: Limits, run?: Run): Refusal | undefined {
  if (!maxConcurrentRuns) return undefined;
  if (run) return endRuns(input, maxConcurrentRuns, run);
  const others = [...experimentsOf(input.running), ...foreignRuns(input.foreign)];
  return others.length < maxConcurrentRuns.value ? undefined : tooManyRuns(maxConcurrentRuns, others);
}

function endRuns(input: World, limit: Limit, run: Run): Refusal | undefined {
  const kept = inOrder(input, run).slice(0, limit.value);
  return kept.includes(run) ? undefined : tooManyRuns(limit, experimentsOf(kept));
}

/** Another instance's runs, as far as their marks tell. */
function foreignRuns(foreign: readonly ForeignFault[]): { name: string }[] {
  const known = new Set(foreign.map(({ instance, experiment }) => `${experiment} of instance ${instance}`));
  return [...known].map((name) => ({ name }));
}

function tooManyRuns({ value, policy }: Limit, others: readonly { name: string }[]): Refusal {
  const verb = others.length === 1 ? 'is' : 'are';
  const message = `Policy ${policy}: maxConcurrentRuns allows ${value}, and ${names(others)} ${verb} under way`;
  return { code: 'SQ215', reason: 'TooManyRuns', message };
}

/** Containers hit at once, by whomever. What is held counts: it may be back any time. */
export function refuseCrowd(input: World, { maxTargets }: Limits, asked: Asked): Refusal | undefined {
  if (!maxTargets) return undefined;
  const { containers } = input.world;
  const mine = hitBy(asked.faults, asked.chosen, containers);
  const ids = new Set(mine.map(({ id }) => id));
  const theirs = new Set<string>();
  const count = (id: string) => {
    if (!ids.has(id)) theirs.add(id);
  };
  for (const { id } of input.running.flatMap((one) => hitByRun(one, containers))) count(id);
  for (const { id } of hitByEffects(input.others, containers)) count(id);
  for (const { containerId } of input.foreign)
    if (containers.some(({ id }) => id === containerId)) count(containerId);
  const total = ids.size + theirs.size;
  if (total <= maxTargets.value) return undefined;
  const beside = theirs.size > 0 ? ` beside ${theirs.size} by others` : '';
  return tooManyTargets(maxTargets, `${plural(total, 'container')} would be hit at once`, mine, beside);
}

/** Whether a run that is under way is beyond the limit: with those of the runs before it that are within. */
export function endCrowd(input: World, { maxTargets }: Limits, run: Run): Refusal | undefined {
  if (!maxTargets) return undefined;
  const kept = new Set<string>();
  for (const one of inOrder(input, run)) {
    const hit = hitByRun(one, input.world.containers);
    const more = new Set(hit.map(({ id }) => id).filter((id) => !kept.has(id)));
    const total = kept.size + more.size;
    if (total <= maxTargets.value) for (const id of more) kept.add(id);
    else if (one === run) {
      const beside = kept.size > 0 ? ` beside ${kept.size} by others` : '';
      return tooManyTargets(maxTargets, `${plural(total, 'container')} are hit at once`, hit, beside);
    }
  }
  return undefined;
}

function tooManyTargets(
  { value, policy }: Limit,
  what: string,
  mine: readonly Container[],
  beside: string,
): Refusal {
  const message = `Policy ${policy}: ${what} (${names(mine)}${beside}), maxTargets allows ${value}`;
  return { code: 'SQ216', reason: 'TooManyTargets', message };
}
