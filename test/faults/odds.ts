/** What loses (or doubles, or damages) packets: states, each with its chance to hit a packet, and the chances to go from one to another. */
export interface Model {
  /** In each state. */
  hits: readonly number[];
  /** `moves[from][to]`, after each packet. */
  moves: readonly (readonly number[])[];
}

/** Each packet by itself. */
export function chance(share: number): Model {
  return { hits: [share], moves: [[1]] };
}

/** Of a good (first) and a bad state, which hits all. */
export function bursts(toBad: number, toGood: number): Model {
  return {
    hits: [0, 1],
    moves: [
      [1 - toBad, toBad],
      [toGood, 1 - toGood],
    ],
  };
}

/**
 * Between which numbers the hits among `count` packets lie, the first state being the first packet's: less and more together are as rare
 * as `failing`. Exact, by adding up all ways.
 */
export function bounds(count: number, model: Model, failing = 1e-7): [least: number, most: number] {
  const shares = distribution(count, model);
  return [firstAbove(shares, failing / 2), count - firstAbove(shares.toReversed(), failing / 2)];
}

function firstAbove(shares: Float64Array, sum: number): number {
  let left = sum;
  return shares.findIndex((share) => {
    left -= share;
    return left < 0;
  });
}

/** The chance of each number of hits. */
function distribution(count: number, { hits, moves }: Model): Float64Array {
  let states: Float64Array[] = hits.map((_, state) => {
    const none = new Float64Array(count + 1);
    if (state === 0) none[0] = 1;
    return none;
  });
  for (let packet = 0; packet < count; packet++) states = states.map((_, to) => arrive(states, to, packet));
  return states.reduce((sum, state) => sum.map((share, number) => share + (state[number] ?? 0)));

  function arrive(from: Float64Array[], to: number, most: number): Float64Array {
    const arrived = new Float64Array(count + 1);
    for (const [state, shares] of from.entries()) {
      const move = moves[state]?.[to] ?? 0;
      const hit = move * (hits[state] ?? 0);
      const miss = move - hit;
      for (let number = 0; number <= most; number++) {
        const share = shares[number] ?? 0;
        arrived[number] = (arrived[number] ?? 0) + share * miss;
        arrived[number + 1] = (arrived[number + 1] ?? 0) + share * hit;
      }
    }
    return arrived;
  }
}
