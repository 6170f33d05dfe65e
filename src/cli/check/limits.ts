import { canonical } from '../../core/canonical.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Manifest, PolicySpec } from '../../core/kinds.ts';
import type { Selector } from '../../core/types.ts';
import { FAULTS } from '../../faults/index.ts';
import { type Budget, type Limit, type Limits, limitsOf } from '../../plan/policy/limits.ts';
import type { LimitChange } from '../../report/plan-check.ts';
import { hoursText, isWithinHours } from './hours.ts';

type Policies = readonly Manifest<'Policy'>[];

/** All Policies of one tree. */
interface Side {
  policies: Policies;
  limits: Limits;
  /** Wall ms. */
  now: number;
}

/** One thing that Policies may say. */
interface Rule {
  limit: string;
  /** Whether what `a` permits is permitted by `b` too, as far as can be told without containers. */
  within(a: Side, b: Side): boolean;
  text(side: Side): string;
}

/**
 * What all Policies together permit, before and after: the tightest wins, so a limit that one of them drops and another one holds has not
 * changed. `now`: wall ms, for hours; those of the year that follows are compared.
 */
export function limitChanges(before: Policies, after: Policies, now: number): LimitChange[] {
  const old: Side = { policies: before, limits: limitsOf(before), now };
  const fresh: Side = { policies: after, limits: limitsOf(after), now };
  const { blocked } = fresh.limits;
  if (blocked && old.limits.blocked) return [];
  if (blocked) return [{ limit: 'all', from: 'they can be read', to: blocked.message, direction: 'tighter' }];
  return RULES.flatMap((rule) => changeOf(rule, old, fresh));
}

function changeOf(rule: Rule, old: Side, fresh: Side): LimitChange[] {
  const [tighter, looser] = [rule.within(fresh, old), rule.within(old, fresh)];
  if (tighter && looser) return [];
  const direction = tighter ? 'tighter' : looser ? 'looser' : 'different';
  return [{ limit: rule.limit, from: rule.text(old), to: rule.text(fresh), direction }];
}

type Numbers = 'maxDuration' | 'maxConcurrentRuns' | 'maxTargets' | 'maxPercent' | 'minHealthy';

function most(limit: Numbers, write: (value: number) => string = String): Rule {
  const value = ({ limits }: Side) => limits[limit]?.value ?? Number.POSITIVE_INFINITY;
  return {
    limit,
    within: (a, b) => value(a) <= value(b),
    text: ({ limits }) => limitText(limits[limit], write),
  };
}

function least(limit: Numbers): Rule {
  const value = ({ limits }: Side) => limits[limit]?.value ?? 0;
  return {
    limit,
    within: (a, b) => value(a) >= value(b),
    text: ({ limits }) => limitText(limits[limit], String),
  };
}

function limitText(limit: Limit | undefined, write: (value: number) => string): string {
  return limit ? `${write(limit.value)} (Policy ${limit.policy})` : NONE;
}

const NONE = 'no limit';

/** What says something and what a limit is made of, as a set of texts. */
function texts<T>(items: readonly T[]): Set<string> {
  return new Set(items.map((item) => canonical(item)));
}

function holdsAll<T>(some: readonly T[], others: readonly T[]): boolean {
  return isSubset(texts(others), texts(some));
}

function isSubset(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].every((item) => others.has(item));
}

function listText(items: readonly unknown[], none = NONE): string {
  const all = [...new Set(items.map((item) => (typeof item === 'string' ? item : canonical(item))))];
  return all.length === 0 ? none : all.sort().join(', ');
}

type OptIn = NonNullable<PolicySpec['optIn']>;

/** All must agree: `label` outdoes the others, and `none` has no say. */
function optInOf({ limits }: Side): 'label' | Selector[] {
  const rules: OptIn[] = limits.optIn.map(({ rule }) => rule);
  if (rules.length === 0 || rules.includes('label')) return 'label';
  return rules.flatMap((rule) => (typeof rule === 'string' ? [] : [rule.select]));
}

const OPT_IN: Rule = {
  limit: 'optIn',
  within: (a, b) => {
    const [some, others] = [optInOf(a), optInOf(b)];
    return some === 'label' || (others !== 'label' && holdsAll(some, others));
  },
  text: (side) => {
    const rule = optInOf(side);
    if (rule === 'label') return 'label';
    return rule.length === 0 ? 'none' : `label, or ${rule.map(canonical).join(' and ')}`;
  },
};

function protectedBy({ limits }: Side): Selector[] {
  return limits.protect.flatMap(({ selectors }) => selectors);
}

const PROTECT: Rule = {
  limit: 'protect',
  within: (a, b) => holdsAll(protectedBy(a), protectedBy(b)),
  text: (side) => listText(protectedBy(side), 'nobody'),
};

const NETWORKS: Rule = {
  limit: 'networks',
  within: (a, b) =>
    b.limits.networks.every(({ globs }) => a.limits.networks.some((one) => holdsAll(globs, one.globs))),
  text: ({ limits }) => listText(limits.networks.map(({ globs }) => listText(globs))),
};

function allowedFaults({ limits }: Side): Set<string> {
  const all = FAULTS.map(({ type }) => type);
  const permits = ({ allow, deny }: Limits['faults'][number], type: string) =>
    (!allow || allow.includes(type)) && !deny?.includes(type);
  return new Set(all.filter((type) => limits.faults.every((said) => permits(said, type))));
}

const FAULT_KINDS: Rule = {
  limit: 'faults',
  within: (a, b) => isSubset(allowedFaults(a), allowedFaults(b)),
  text: (side) => {
    const allowed = [...allowedFaults(side)];
    return allowed.length === FAULTS.length ? 'all kinds' : listText(allowed, 'no kind');
  },
};

function isAsTight(a: Budget, b: Budget): boolean {
  const forAll = a.per === 'all' || b.per === 'service';
  return forAll && a.faultTime <= b.faultTime && a.window >= b.window;
}

const BUDGETS: Rule = {
  limit: 'budget',
  within: (a, b) => b.limits.budgets.every((one) => a.limits.budgets.some((other) => isAsTight(other, one))),
  text: ({ limits }) =>
    listText(
      limits.budgets.map(
        ({ faultTime, window, per }) =>
          `${formatDuration(faultTime)} in ${formatDuration(window)}${per === 'all' ? '' : ' for each service'}`,
      ),
    ),
};

const WINDOWS: Rule = {
  limit: 'windows',
  within: (a, b) => isWithinHours(windowsIn(a), windowsIn(b), a.now),
  text: (side) => hoursText(windowsIn(side), side.now),
};

function windowsIn({ limits }: Side) {
  return limits.windows.map(({ windows }) => windows);
}

function gateOf({ policies }: Side) {
  return policies.flatMap(({ spec }) => spec.healthGate?.probes ?? []);
}

const GATE: Rule = {
  limit: 'healthGate',
  within: (a, b) => holdsAll(gateOf(a), gateOf(b)),
  text: (side) => listText(gateOf(side), 'no probes'),
};

const RULES: readonly Rule[] = [
  OPT_IN,
  PROTECT,
  NETWORKS,
  FAULT_KINDS,
  most('maxDuration', formatDuration),
  most('maxConcurrentRuns'),
  most('maxTargets'),
  most('maxPercent'),
  least('minHealthy'),
  BUDGETS,
  WINDOWS,
  GATE,
];
