/**
 * netem lets each of its numbers hang on the one before (net/sched/sch_netem.c, get_crandom): x = (1 - r) u + r x', with u evenly spread.
 * Such numbers crowd in the middle, so that far fewer of them than `share` lie below `share`: of 5 % with a correlation of 25 %, 0.2 %
 * would be left.
 */

/** Places at which the distribution is known, and how exactly. */
const STEPS = 4096;
const ENOUGH = 1e-9;
/** The most (0 to 1) that this is exact for; with 1 no number would ever differ from the first. */
export const MOST_CORRELATION = 0.99;

/** A pass asks again and again; to find it takes up to 0.2 s where the correlation is high. */
const known = new Map<string, number>();

/** Below which a share (more than 0, up to 1) of the numbers lies, for a correlation of 0 to 0.99. Pure. */
export function thresholdFor(share: number, correlation: number): number {
  if (correlation === 0 || share >= 1) return share;
  const key = `${share} ${correlation}`;
  const threshold = known.get(key) ?? find(share, distribution(correlation));
  known.set(key, threshold);
  return threshold;
}

/** Between two places the distribution is taken for a straight line. */
function find(share: number, below: readonly number[]): number {
  const place = below.findIndex((value) => value >= share);
  const [before, here] = [below[place - 1] ?? 0, below[place] ?? 1];
  return (place - 1 + (share - before) / (here - before)) / STEPS;
}

/** The share of numbers up to each place: taken from an even spread through number after number until that changes nothing. */
function distribution(correlation: number): readonly number[] {
  let below = Array.from({ length: STEPS + 1 }, (_, place) => place / STEPS);
  for (let change = 1; change > ENOUGH; ) {
    const next = following(below, correlation);
    change = Math.max(...next.map((value, place) => Math.abs(value - (below[place] ?? 0))));
    below = next;
  }
  return below;
}

/** x is up to t where x' is up to (t - (1 - r) u) / r: the mean of that over all u. */
function following(below: readonly number[], correlation: number): number[] {
  const areas = [0];
  for (let place = 1; place <= STEPS; place++)
    areas.push((areas[place - 1] ?? 0) + ((below[place - 1] ?? 0) + (below[place] ?? 0)) / 2 / STEPS);
  const areaTo = (x: number) => {
    if (x <= 0) return 0;
    if (x >= 1) return (areas[STEPS] ?? 0) + x - 1;
    const place = Math.floor(x * STEPS);
    const part = x * STEPS - place;
    const [here = 0, next = 0] = [below[place], below[place + 1]];
    return (areas[place] ?? 0) + (part * (here + (part * (next - here)) / 2)) / STEPS;
  };
  const fresh = 1 - correlation;
  return below.map((_, place) => {
    const t = place / STEPS;
    return ((areaTo(t / correlation) - areaTo((t - fresh) / correlation)) * correlation) / fresh;
  });
}
