/** At most `most` characters, with an ellipsis for what is left out. Never half a character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** `3 denied, 1 failed`: how many of each, in the order of their first. */
export function tally(words: readonly string[]): string {
  const groups = Map.groupBy(words, (word) => word);
  return [...groups].map(([word, { length }]) => `${length} ${word}`).join(', ');
}
