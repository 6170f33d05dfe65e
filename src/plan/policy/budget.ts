import { remaining } from '../../core/clock.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Run, TargetRef } from '../../core/types.ts';
import type { Refusal } from '../actions.ts';
import type { Asked } from '../asked.ts';
import type { PlanInput } from '../input.ts';
import type { Budget, Limits } from './limits.ts';
import { inOrder } from './order.ts';
import { when } from './words.ts';

type World = Pick<PlanInput, 'clock' | 'running' | 'runsSince'>;

/** ms of fault time a target by which what runs may overdraw: a recovery takes its time, and is no reason to end another run. */
const SLACK = 1000;

/** What containers of one group spend under a fault: `targets` of them from `start` to `end` (wall ms). */
interface Spending {
  targets: number;
  start: number;
  end: number;
}

/**
 * Fault time is a run's targets times its time. Within a window that rolls, a run costs what of its time lies within: from its start to
 * its end, or to its deadline where it is under way, for that is reserved. A hold changes nothing about it.
 */
export function refuseBudget(input: World, { budgets }: Limits, asked: Asked): Refusal | undefined {
  for (const budget of budgets) {
    const refusal = refuseOne(input, budget, asked);
    if (refusal) return refusal;
  }
  return undefined;
}

function refuseOne(input: World, budget: Budget, asked: Asked): Refusal | undefined {
  const { duration, left, run } = asked;
  const now = input.clock.now();
  const since = now - budget.window;
  const others = input.runsSince(since).filter(({ id }) => id !== run?.id);
  const asks = countBy(asked.targets, budget);
  for (const [group, targets] of asks) {
    const spent = others.map((one): Spending => {
      return { targets: countBy(one.targets, budget).get(group) ?? 0, ...timeOf(input, one) };
    });
    const wanted = costOf([{ targets, start: now + left - duration, end: now + left }], since);
    const used = costOf(spent, since);
    if (used + wanted <= budget.faultTime) continue;
    const free = run ? undefined : freeAt(spent, budget.faultTime - wanted, since);
    return overdrawn(budget, group, { used, wanted, now, free: free && free + budget.window });
  }
  return undefined;
}

/** Whether a run that is under way is beyond the budget: after what is spent for good, and what the runs before it go on to spend. */
export function endBudget(input: World, { budgets }: Limits, run: Run): Refusal | undefined {
  for (const budget of budgets) {
    const refusal = endOne(input, budget, run);
    if (refusal) return refusal;
  }
  return undefined;
}

function endOne(input: World, budget: Budget, run: Run): Refusal | undefined {
  const costs = spentSoFar(input, budget);
  const cost = (group: string) => costs.get(group) ?? 0;
  for (const one of inOrder(input, run)) {
    const left = Math.max(0, remaining(input.clock, one.deadline));
    const asks = [...countBy(one.targets, budget)];
    const over = asks.find(
      ([group, targets]) => cost(group) + targets * left > budget.faultTime + targets * SLACK,
    );
    if (!over) for (const [group, targets] of asks) costs.set(group, cost(group) + targets * left);
    else if (one === run) return spentUp(budget, over[0], cost(over[0]), over[1] * left);
  }
  return undefined;
}

/** ms of fault time of each group until now. */
function spentSoFar(input: World, budget: Budget): Map<string, number> {
  const now = input.clock.now();
  const since = now - budget.window;
  const costs = new Map<string, number>();
  for (const run of input.runsSince(since)) {
    const { start, end } = timeOf(input, run);
    for (const [group, targets] of countBy(run.targets, budget)) {
      const cost = costOf([{ targets, start, end: Math.min(end, now) }], since);
      costs.set(group, (costs.get(group) ?? 0) + cost);
    }
  }
  return costs;
}

/** What targets spend together within a window that begins at `since`. */
function costOf(spendings: readonly Spending[], since: number): number {
  return spendings
    .map(({ targets, start, end }) => targets * Math.max(0, end - Math.max(start, since)))
    .reduce((sum, cost) => sum + cost, 0);
}

/** Wall ms. A run that is over took no longer than it meant to: what recovering took beyond that is not held against anybody. */
function timeOf({ clock }: World, run: Run): Pick<Spending, 'start' | 'end'> {
  if (run.endedAt === null) {
    const end = clock.now() + remaining(clock, run.deadline);
    return { start: end - run.duration, end };
  }
  const took = run.endedAt - run.startedAt;
  // Where the wall clock was set back meanwhile, all of it counts.
  const time = took < 0 ? run.duration : Math.min(took, run.duration);
  return { start: run.startedAt, end: run.startedAt + time };
}

/** How many of each group: one for all, or one for each service. Those of none are a group too. */
function countBy(targets: readonly TargetRef[], budget: Budget): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { service } of targets) {
    const group = groupOf(service, budget);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return counts;
}

function groupOf(service: string | undefined, { per }: Budget): string {
  return per === 'all' ? '' : (service ?? '');
}

/** The first beginning of a window, from `since` on, in which no more than `most` is spent; undefined where there is none. */
function freeAt(spendings: readonly Spending[], most: number, since: number): number | undefined {
  if (most < 0) return undefined;
  const corners = spendings.flatMap(({ start, end }) => [start, end]).filter((at) => at > since);
  let [before, cost] = [since, costOf(spendings, since)];
  for (const at of corners.sort((a, b) => a - b)) {
    const then = costOf(spendings, at);
    // Between two corners it falls evenly.
    if (then <= most) return Math.ceil(before + ((cost - most) / (cost - then)) * (at - before));
    [before, cost] = [at, then];
  }
  return undefined;
}

interface Account {
  used: number;
  wanted: number;
  now: number;
  /** Wall ms; undefined where it is never enough. */
  free: number | undefined;
}

function overdrawn(budget: Budget, group: string, { used, wanted, now, free }: Account): Refusal {
  const left = Math.max(0, budget.faultTime - used);
  const account = `${amount(used)} is used, ${amount(left)} is left, the run takes ${amount(wanted)}`;
  const later = free === undefined ? '' : `; enough is free ${when(free, now, 'UTC')}`;
  const message = `${nameOf(budget, group)}: ${account}${later}`;
  const refusal: Refusal = { code: 'SQ218', reason: 'BudgetSpent', message };
  return free === undefined ? refusal : { ...refusal, retryAfter: free - now };
}

function spentUp(budget: Budget, group: string, spent: number, rest: number): Refusal {
  const account = `${amount(spent)} is spent, the rest of the run would take ${amount(rest)}`;
  return { code: 'SQ218', reason: 'BudgetSpent', message: `${nameOf(budget, group)}: ${account}` };
}

function amount(ms: number): string {
  return ms === 0 ? 'nothing' : formatDuration(ms);
}

function nameOf({ policy, faultTime, window, per }: Budget, group: string): string {
  const whose = per === 'all' ? '' : ` for ${group || 'containers of no service'}`;
  return `Policy ${policy}: budget of ${formatDuration(faultTime)} in ${formatDuration(window)}${whose}`;
}
