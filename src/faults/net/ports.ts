/** Inclusive. */
export interface PortRange {
  first: number;
  last: number;
}

/** How many ports one multiport match holds (iptables-extensions(8)); a range counts twice. */
const SLOTS = 15;

/** `8080` or `8000-8010`; undefined where it is neither, out of 1..65535 or backwards. */
export function parsePort(value: unknown): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value));
  if (!match) return undefined;
  const range = { first: Number(match[1]), last: Number(match[2] ?? match[1]) };
  const fits = [range.first, range.last].every((port) => port >= 1 && port <= 65_535);
  return fits && range.first <= range.last ? range : undefined;
}

/** Groups that fit one multiport match each, as its argument: `80,8000:8010`. */
export function portChunks(ranges: readonly PortRange[]): string[] {
  const chunks: string[][] = [];
  let free = 0;
  for (const { first, last } of ranges) {
    const slots = first === last ? 1 : 2;
    if (slots > free) {
      chunks.push([]);
      free = SLOTS;
    }
    chunks.at(-1)?.push(slots === 1 ? `${first}` : `${first}:${last}`);
    free -= slots;
  }
  return chunks.map((chunk) => chunk.join(','));
}
