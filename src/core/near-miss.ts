/** Edits that still count as a slip of the finger. */
const FURTHEST = 2;

/**
 * The known word that `word` was probably meant to be: the nearest by edit distance, at most two edits away and never more than
 * half the word. Case does not count. Undefined where nothing is near, or where `word` is itself known.
 */
export function nearMiss(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(FURTHEST, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    if (candidate === word) return undefined;
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, or swap of two neighbours, each one edit. */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let distance = Math.min(
        (above[column] as number) + 1,
        (current[column - 1] as number) + 1,
        (above[column - 1] as number) + cost,
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        distance = Math.min(distance, (before[column - 2] as number) + 1);
      current.push(distance);
    }
    before = above;
    above = current;
  }
  return above[b.length] as number;
}
