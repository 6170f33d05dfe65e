import { LABEL_ENABLED } from '../core/marks.ts';
import type { Container, ExperimentSpec, TargetRef } from '../core/types.ts';
import type { Refusal } from './actions.ts';
import { serviceKey } from './hit.ts';
import { type Bar, barOf, type Consent, optInOf, sentence } from './policy/consent.ts';
import { matches, shuffle, wanted } from './select.ts';

export interface Selection {
  /** Everything that matches, whatever its state and wishes. */
  matched: Container[];
  /** Running (a paused one too), opted in, not protected, on networks that are allowed. */
  candidates: Container[];
  chosen: Container[];
  /** Set where nothing (or not enough) can be chosen: wait, or refuse. */
  shortfall: { wait: boolean; refusal: Refusal } | undefined;
  /** What of `all` is not chosen, and why, where some is. */
  leftOut: string | undefined;
}

interface Barred {
  container: Container;
  bar: Bar;
}

/**
 * Chooses targets. Those of `kept` that still match stay chosen, in whatever state they are; only the rest is drawn, by the seed.
 */
export function selectTargets(
  { targets: { select, mode } }: Pick<ExperimentSpec, 'targets'>,
  consent: Consent,
  seed: string,
  kept: readonly TargetRef[] = [],
): Selection {
  const matched = consent.containers.filter((container) => matches(select, container));
  const allowed: Container[] = [];
  const barred: Barred[] = [];
  for (const container of matched) {
    const bar = barOf(container, consent);
    if (bar) barred.push({ container, bar });
    else allowed.push(container);
  }
  const candidates = allowed.filter(({ pid }) => pid > 0);
  const keep = allowed.filter(({ id }) => kept.some((target) => target.id === id));
  const fresh = candidates.filter((candidate) => !keep.includes(candidate));
  const pool = keep.length + fresh.length;
  const want = wanted(mode, pool, seed);
  const chosen = [...shuffle(keep, seed), ...shuffle(fresh, seed)].slice(0, want);
  const shortfall = allowed.length === 0 ? noneAllowed(barred, consent) : shortfallOf(allowed, pool, want);
  const leftOut = mode === 'all' && barred.length > 0 ? leftOutOf(barred, matched.length) : undefined;
  return { matched, candidates, chosen, shortfall, leftOut };
}

/** What a run remembers of a target. */
export function refOf(container: Container): TargetRef {
  const { id, name } = container;
  const service = serviceKey(container);
  return service === undefined ? { id, name } : { id, name, service };
}

function shortfallOf(allowed: readonly Container[], pool: number, want: number): Selection['shortfall'] {
  if (pool === 0) return wait('NotRunning', `${count(allowed.length)}, none is running`);
  if (want === 0) return wait('TooFew', `the share of ${pool} rounds down to none`);
  if (want > pool) return wait('TooFew', `${want} wanted, ${pool} available`);
  return undefined;
}

function wait(reason: string, message: string): Selection['shortfall'] {
  return { wait: true, refusal: { code: 'SQ201', reason, message } };
}

/** Which word is told where there are several: that of those which come nearest to being permitted. */
const NEAREST: Bar['reason'][] = ['NetworkNotAllowed', 'Protected', 'NotOptedIn'];

function noneAllowed(barred: readonly Barred[], consent: Consent): Selection['shortfall'] {
  const reason = NEAREST.find((one) => barred.some(({ bar }) => bar.reason === one));
  if (!reason) return wait('NoMatch', 'no container matches');
  if (reason === 'NotOptedIn') return noneOptedIn(barred, consent);
  return refused(
    barred,
    barred.filter(({ bar }) => bar.reason === reason),
  );
}

/** That it would be protected all the same is told before how to opt in. */
function noneOptedIn(barred: readonly Barred[], consent: Consent): Selection['shortfall'] {
  const bars = barred.map(({ container, bar }) => ({
    container,
    bar: protectedBar(container, consent) ?? bar,
  }));
  const open = bars.filter(({ bar }) => bar.reason === 'NotOptedIn');
  const [first] = open;
  if (!first) return refused(barred, bars);
  const { code, reason } = first.bar;
  const safe = bars.filter((one) => !open.includes(one));
  const also = safe.length > 0 ? `, ${sentences(safe).join(', ')};` : '';
  const message = `${count(barred.length)}${also} ${howToOptIn(open, also !== '', consent)}`;
  return { wait: false, refusal: { code, reason, message } };
}

function refused(barred: readonly Barred[], told: readonly Barred[]): Selection['shortfall'] {
  const { code, reason } = (told[0] as Barred).bar;
  const message = `${count(barred.length)}, but ${sentences(told).join(', ')}`;
  return { wait: false, refusal: { code, reason, message } };
}

/** What protects the container whether it opts in or not. */
function protectedBar(container: Container, consent: Consent): Bar | undefined {
  const bar = barOf({ ...container, labels: { ...container.labels, [LABEL_ENABLED]: 'true' } }, consent);
  return bar?.reason === 'Protected' ? bar : undefined;
}

const MOST_NAMES = 3;

/** `others`: there are more that match, which it does not help. */
function howToOptIn(open: readonly Barred[], others: boolean, consent: Consent): string {
  const policy = optInOf((open[0] as Barred).container, consent);
  const asks = policy ? ` as Policy ${policy} asks` : '';
  const who = policy ? `Policy ${policy}` : 'a Policy';
  const [have, them] = open.length === 1 ? ['has', 'it'] : ['have', 'them'];
  const names = open.slice(0, MOST_NAMES).map(({ container }) => container.name);
  const more = open.length > MOST_NAMES ? ` and ${open.length - MOST_NAMES} more` : '';
  const subject = others ? `${open.length} ${have}` : `and ${have}`;
  return `${subject} not opted in${asks}: re-create ${names.join(', ')}${more} with the label squall.enabled=true, or let ${who} select ${them}`;
}

/** One for each of the words said: `web-0, web-1 are protected`. */
function sentences(barred: readonly Barred[]): string[] {
  return [...Map.groupBy(barred, ({ bar }) => bar.rest).values()].map((alike) =>
    sentence(
      alike.map(({ container }) => container),
      (alike[0] as Barred).bar,
    ),
  );
}

const MOST_SENTENCES = 3;

function leftOutOf(barred: readonly Barred[], matched: number): string {
  const all = sentences(barred);
  const shown = all.slice(0, MOST_SENTENCES).join(', ');
  return `${matched - barred.length} of ${matched} that match: ${shown}${all.length > MOST_SENTENCES ? ', ...' : ''}`;
}

function count(matched: number): string {
  return matched === 1 ? '1 container matches' : `${matched} containers match`;
}
