import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { formatTable } from '../src/report/table.ts';
import { summarize } from './stats.ts';

/** From an act to what it came to; ms since the epoch. */
export interface Span {
  what: string;
  from: number;
  to: number;
}

/** One line that the preloaded tracer wrote. */
export interface Mark {
  pid: number;
  at: number;
  what: string;
}

const PRELOAD = fileURLToPath(new URL('./trace-preload.ts', import.meta.url));

/** The environment in which a daemon writes down, in `dir`, when it does what takes time. */
export function traceEnvironment(dir: string): NodeJS.ProcessEnv {
  const options = `${process.env.NODE_OPTIONS ?? ''} --import=${pathToFileURL(PRELOAD).href}`.trim();
  return { NODE_OPTIONS: options, SQUALL_BENCH_TRACE: join(dir, 'trace.jsonl') };
}

/** Tables of the steps between file and packet, by their medians over all spans that took the usual steps. */
export function breakdown(dir: string, spans: readonly Span[]): string {
  const lines = readFileSync(join(dir, 'trace.jsonl'), 'utf8').trim().split('\n');
  const marks = lines.map((line) => JSON.parse(line) as Mark);
  return [...Map.groupBy(spans, ({ what }) => what)]
    .map(([what, alike]) => table(what, alike, marks))
    .join('\n');
}

function table(what: string, spans: readonly Span[], marks: readonly Mark[]): string {
  const paths = spans.map((span) => stepsOf(span, marks));
  const kinds = Map.groupBy(paths, (steps) => steps.map(({ name }) => name).join());
  const usual = [...kinds.values()].sort((a, b) => b.length - a.length)[0] ?? [];
  const rows = (usual[0] ?? []).map(({ name }, index) => {
    const took = summarize(usual.map((steps) => steps[index]?.took ?? Number.NaN));
    const since = summarize(usual.map((steps) => steps[index]?.since ?? Number.NaN));
    return { name, took, since };
  });
  const columns = [
    { title: `${what.toUpperCase()} (${usual.length} OF ${spans.length})`, value: (row: Row) => row.name },
    { title: 'MS P50', value: ({ took }: Row) => took.p50.toFixed(1) },
    { title: 'MS P90', value: ({ took }: Row) => took.p90.toFixed(1) },
    { title: 'SINCE START', value: ({ since }: Row) => since.p50.toFixed(1) },
  ];
  return formatTable<Row>(columns, rows);
}

interface Row {
  name: string;
  took: ReturnType<typeof summarize>;
  since: ReturnType<typeof summarize>;
}

/** What was done between the two ends of a span, with the ms since the step before and since the start. */
function stepsOf(
  { from, to }: Span,
  marks: readonly Mark[],
): { name: string; took: number; since: number }[] {
  const seen = new Set<string>();
  const within = marks.filter(({ at, what }) => {
    if (at < from || at > to) return false;
    const once = what.startsWith('file '); // of events and reads only the first says something
    if (once && seen.has(what)) return false;
    seen.add(what);
    return true;
  });
  let last = from;
  return [...within, { at: to, what: 'packet' }].map(({ at, what }) => {
    const took = at - last;
    last = at;
    return { name: what, took, since: at - from };
  });
}
