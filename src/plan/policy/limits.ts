import { durationMs } from '../../core/duration.ts';
import type { Manifest, PolicySpec } from '../../core/kinds.ts';
import type { Refusal } from '../actions.ts';
import { type Windows, windowsOf } from './windows.ts';

/** A number, and whose it is: `policy` is undefined for what an experiment's own blastRadius says. */
export interface Limit {
  value: number;
  policy: string | undefined;
}

/** What one Policy says. */
export type Said<T> = T & { policy: string };

/** A budget in ms. */
export type Budget = Said<{ faultTime: number; window: number; per: 'all' | 'service' }>;

/** What all Policies say together. Where only the tightest counts, it is all that is there. */
export interface Limits {
  /** Why nothing starts at all: a Policy of which nobody knows what it wants. */
  blocked: Refusal | undefined;
  optIn: Said<{ rule: NonNullable<PolicySpec['optIn']> }>[];
  protect: Said<{ selectors: NonNullable<PolicySpec['protect']> }>[];
  networks: Said<{ globs: readonly string[] }>[];
  faults: Said<NonNullable<PolicySpec['faults']>>[];
  /** ms. */
  maxDuration: Limit | undefined;
  maxConcurrentRuns: Limit | undefined;
  maxTargets: Limit | undefined;
  maxPercent: Limit | undefined;
  minHealthy: Limit | undefined;
  budgets: Budget[];
  windows: Said<{ windows: Windows }>[];
}

type Policy = Manifest<'Policy'>;

const merged = new WeakMap<readonly Policy[], Limits>();

/** The Policies as one. Those of one array are merged once. */
export function limitsOf(policies: readonly Policy[]): Limits {
  const known = merged.get(policies);
  if (known) return known;
  const limits = merge(policies);
  merged.set(policies, limits);
  return limits;
}

function merge(policies: readonly Policy[]): Limits {
  const each = <T>(take: (spec: PolicySpec) => T | undefined): Said<T>[] =>
    policies.flatMap(({ name, spec }) => {
      const says = take(spec);
      return says === undefined ? [] : [{ ...says, policy: name }];
    });
  const numbers = (take: (spec: PolicySpec) => number | undefined): Limit[] =>
    policies.flatMap(({ name, spec }) => {
      const value = take(spec);
      return value === undefined ? [] : [{ value, policy: name }];
    });
  return {
    blocked: blockedBy(policies),
    optIn: each(({ optIn }) => optIn && { rule: optIn }),
    protect: each(({ protect }) => protect && { selectors: protect }),
    networks: each(({ networks }) => networks && { globs: networks }),
    faults: each(({ faults }) => faults),
    maxDuration: lowest(numbers(({ maxDuration }) => (maxDuration ? durationMs(maxDuration) : undefined))),
    maxConcurrentRuns: lowest(numbers(({ maxConcurrentRuns }) => maxConcurrentRuns)),
    maxTargets: lowest(numbers(({ maxTargets }) => maxTargets)),
    maxPercent: lowest(numbers(({ maxPercent }) => maxPercent)),
    minHealthy: highest(numbers(({ minHealthy }) => minHealthy)),
    budgets: policies.flatMap(budgetsOf),
    windows: each(({ windows }) => windows && { windows: windowsOf(windows) }),
  };
}

function budgetsOf({ name, spec }: Policy): Budget[] {
  return (spec.budget ?? []).map(({ faultTime, window, per = 'all' }) => ({
    policy: name,
    faultTime: durationMs(faultTime),
    window: durationMs(window),
    per,
  }));
}

/** The first of the lowest; undefined where there is none. */
export function lowest(limits: readonly Limit[]): Limit | undefined {
  return limits.reduce<Limit | undefined>((a, b) => (a && a.value <= b.value ? a : b), undefined);
}

/** The first of the highest; undefined where there is none. */
export function highest(limits: readonly Limit[]): Limit | undefined {
  return limits.reduce<Limit | undefined>((a, b) => (a && a.value >= b.value ? a : b), undefined);
}

function blockedBy(policies: readonly Policy[]): Refusal | undefined {
  const unknown = policies.find((policy) => policy.unknown);
  if (unknown) {
    const message = `Policy ${unknown.name} is wrong and has no version that was right, so nothing starts: ${unknown.stale}`;
    return { code: 'SQ210', reason: 'PolicyUnknown', message };
  }
  const taken = policies.find(({ conflict }) => conflict !== undefined);
  if (!taken) return undefined;
  const message = `Policy ${taken.name} is declared twice, so nothing starts: ${taken.conflict}`;
  return { code: 'SQ211', reason: 'PolicyInvalid', message };
}
