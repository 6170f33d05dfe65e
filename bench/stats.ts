/** What a number of measurements come to, all in the unit they were measured in. */
export interface Summary {
  n: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** Percentiles by nearest rank: each is a value that was measured. NaN where there are none. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
  return { n: sorted.length, p50: rank(0.5), p90: rank(0.9), p99: rank(0.99), max: rank(1) };
}

/** One thing that was measured, again and again. Values in ms. */
export interface Measure {
  name: string;
  what: string;
  values: number[];
  /** The measure that is the least that this could take. */
  floor?: string;
  /** ms that the 99th percentile should stay below. */
  aim?: number;
}

/** A measure as it is printed and written to the file. `ratio`: median by the floor's median. */
export interface Result extends Summary {
  name: string;
  what: string;
  floor?: number;
  ratio?: number;
  aim?: number;
  met?: boolean;
}

/** Measures -> results, each beside its floor. */
export function results(measures: readonly Measure[]): Result[] {
  const medians = new Map(measures.map(({ name, values }) => [name, summarize(values).p50]));
  return measures.map(({ name, what, values, floor: of, aim }) => {
    const summary = summarize(values);
    const floor = of === undefined ? undefined : medians.get(of);
    return {
      name,
      what,
      ...summary,
      ...(floor !== undefined && { floor, ratio: summary.p50 / floor }),
      ...(aim !== undefined && { aim, met: summary.p99 < aim }),
    };
  });
}
