import type { Container, ExperimentSpec, TargetRef } from '../core/types.ts';
import type { Refusal } from './actions.ts';
import { isProtected, optedIn } from './guard.ts';
import { matches, shuffle, wanted } from './select.ts';

export interface Selection {
  /** Everything that matches, whatever its state and wishes. */
  matched: Container[];
  /** Running (a paused one too), opted in, not protected. */
  candidates: Container[];
  chosen: Container[];
  /** Set where nothing (or not enough) can be chosen: wait, or refuse. */
  shortfall: { wait: boolean; refusal: Refusal } | undefined;
}

/**
 * Chooses targets. Those of `kept` that still match stay chosen, in whatever state they are; only the rest is drawn, by the seed.
 */
export function selectTargets(
  spec: ExperimentSpec,
  containers: readonly Container[],
  self: ReadonlySet<string>,
  seed: string,
  kept: readonly TargetRef[] = [],
): Selection {
  const matched = containers.filter((container) => matches(spec.targets.select, container));
  const allowed = matched.filter((container) => optedIn(container) && !isProtected(container, self));
  const candidates = allowed.filter(({ pid }) => pid > 0);
  const keep = allowed.filter(({ id }) => kept.some((target) => target.id === id));
  const fresh = candidates.filter((candidate) => !keep.includes(candidate));
  const pool = keep.length + fresh.length;
  const want = wanted(spec.targets.mode, pool, seed);
  const chosen = [...shuffle(keep, seed), ...shuffle(fresh, seed)].slice(0, want);
  return { matched, candidates, chosen, shortfall: shortfallOf(matched, allowed, pool, want) };
}

function shortfallOf(
  matched: readonly Container[],
  allowed: readonly Container[],
  pool: number,
  want: number,
): Selection['shortfall'] {
  if (matched.length === 0) return wait('NoMatch', 'no container matches');
  if (allowed.length === 0) return { wait: false, refusal: notOptedIn(matched) };
  if (pool === 0) return wait('NotRunning', `${count(allowed.length)}, none is running`);
  if (want === 0) return wait('TooFew', `the share of ${pool} rounds down to none`);
  if (want > pool) return wait('TooFew', `${want} wanted, ${pool} available`);
  return undefined;
}

function wait(reason: string, message: string): Selection['shortfall'] {
  return { wait: true, refusal: { code: 'SQ201', reason, message } };
}

function notOptedIn(matched: readonly Container[]): Refusal {
  const barred = matched.filter(optedIn);
  if (barred.length > 0) {
    const message = `${count(matched.length)}, but ${barred.map(({ name }) => name).join(', ')} ${barred.length === 1 ? 'is' : 'are'} protected`;
    return { code: 'SQ203', reason: 'Protected', message };
  }
  const message = `${count(matched.length)}, none has opted in: re-create them with the label squall.enabled=true`;
  return { code: 'SQ202', reason: 'NotOptedIn', message };
}

function count(matched: number): string {
  return matched === 1 ? '1 container matches' : `${matched} containers match`;
}
