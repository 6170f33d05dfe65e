import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createStyle, type Style, wantsColour } from '../src/report/style.ts';
import { formatTable } from '../src/report/table.ts';
import { createLoop } from './loop.ts';
import { measureMany } from './many.ts';
import { measurePath } from './path.ts';
import { measureJournal, measurePlan } from './pure.ts';
import { type Measure, type Result, results } from './stats.ts';

const PARTS = ['path', 'many', 'journal', 'plan'];
const USAGE = `usage: npm run bench -- [--count N] [--only ${PARTS.join(',')}] [--json FILE] [--trace]

  --count N    iterations of the path from file to packet (default 100)
  --only LIST  parts, separated by commas
  --json FILE  results with every value (default: bench/results/, named by date)
  --trace      also say where the time between file and packet goes; measures a little slower`;

/** Measures what was asked for and prints it, also where Ctrl-C ends it early. Slow is no failure. */
async function main(): Promise<void> {
  const options = read();
  const ender = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ender.abort());
  const started = new Date();
  const { measures, trace } = await measure(options, ender.signal);
  const table = results(measures);
  const style = createStyle(wantsColour(process.env, process.stdout.isTTY === true));
  const machine = machineNow();
  const about = `${machine.processors} processors (${machine.model}), load ${machine.load}, kernel ${machine.kernel}, Node ${machine.node}\n`;
  process.stdout.write(`\n${[formatTable(columns(style), table), ...trace, about].join('\n')}`);
  const values = new Map(measures.map((one) => [one.name, one.values]));
  const rows = table.map((row) => ({ ...row, values: values.get(row.name) }));
  save(options.json, { started: started.toISOString(), machine, results: rows });
}

async function measure({ parts, count, trace: withTrace }: Options, signal: AbortSignal) {
  const few = Math.max(1, Math.round(count / 10));
  const wanted = (part: string) => parts.has(part) && !signal.aborted;
  const measures: Measure[] = [];
  const traces: string[] = [];
  if (wanted('path')) {
    const found = await measurePath(createLoop('path', count, signal), withTrace);
    measures.push(...found.measures);
    if (found.trace !== undefined) traces.push(found.trace);
  }
  if (wanted('many')) measures.push(...(await measureMany(createLoop('many', few, signal))));
  if (wanted('journal')) measures.push(measureJournal(count * 10));
  if (wanted('plan'))
    measures.push(measurePlan(1, count * 10), measurePlan(100, count), measurePlan(1000, few));
  return { measures, trace: traces };
}

type Options = ReturnType<typeof read>;

function read() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100' },
      only: { type: 'string', default: PARTS.join(',') },
      json: { type: 'string' },
      trace: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const parts = new Set(values.only.split(','));
  const count = Number(values.count);
  const unknown = [...parts].filter((part) => !PARTS.includes(part));
  if (values.help || unknown.length > 0 || !Number.isInteger(count) || count < 1) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(values.help ? 0 : 2);
  }
  return { parts, count, json: values.json, trace: values.trace };
}

function columns(style: Style) {
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 10 ? 2 : 1));
  return [
    { title: 'NAME', value: ({ name }: Result) => name },
    { title: 'WHAT (MS)', value: ({ what }: Result) => what },
    { title: 'N', value: ({ n }: Result) => String(n) },
    { title: 'P50', value: ({ p50 }: Result) => ms(p50) },
    { title: 'P90', value: ({ p90 }: Result) => ms(p90) },
    { title: 'P99', value: ({ p99 }: Result) => ms(p99), paint: style.bold },
    { title: 'MAX', value: ({ max }: Result) => ms(max) },
    { title: 'FLOOR', value: ({ floor }: Result) => ms(floor) },
    { title: 'RATIO', value: ({ ratio }: Result) => (ratio === undefined ? '' : `${ratio.toFixed(1)}x`) },
    { title: 'AIM', value: ({ aim }: Result) => (aim === undefined ? '' : `p99 < ${aim}`) },
    {
      title: 'MET',
      value: ({ met }: Result) => (met === undefined ? '' : met ? 'yes' : 'no'),
      paint: (cell: string, { met }: Result) => (met === false ? style.bad(cell) : style.good(cell)),
    },
  ];
}

/** What the figures depend on. `load`: average over the last minute; where it is above the number of processors they waited. */
function machineNow() {
  const processors = cpus();
  return {
    processors: processors.length,
    model: processors[0]?.model ?? 'unknown',
    kernel: release(),
    node: process.version,
    load: Number(loadavg()[0]?.toFixed(1)),
  };
}

function save(
  given: string | undefined,
  report: { started: string; machine: object; results: readonly Result[] },
): void {
  const name = `${report.started.slice(0, 19).replaceAll(':', '')}.json`;
  const file = given === undefined ? join(import.meta.dirname, 'results', name) : resolve(given);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(`\nwritten: ${file}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
