import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createStyle, type Style, wantsColour } from '../src/report/style.ts';
import { formatTable } from '../src/report/table.ts';
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

/** Measures what was asked for and prints it. Slow is no failure. */
async function main(): Promise<void> {
  const options = read();
  const started = new Date();
  const measures: Measure[] = [];
  const traces: string[] = [];
  const progress = (part: string, of: number) => (done: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${part} ${done}/${of}${done === of ? '\n' : ''}`);
  };
  if (options.parts.has('path')) {
    const { measures: found, trace } = await measurePath(
      options.count,
      options.trace,
      progress('path', options.count),
    );
    measures.push(...found);
    if (trace !== undefined) traces.push(trace);
  }
  const few = Math.max(1, Math.round(options.count / 10));
  if (options.parts.has('many')) measures.push(...(await measureMany(few, progress('many', few))));
  if (options.parts.has('journal')) measures.push(measureJournal(options.count * 10));
  if (options.parts.has('plan')) {
    const sizes: [number, number][] = [
      [1, options.count * 10],
      [100, options.count],
      [1000, few],
    ];
    for (const [size, count] of sizes) measures.push(measurePlan(size, count));
  }
  const table = results(measures);
  const style = createStyle(wantsColour(process.env, process.stdout.isTTY === true));
  process.stdout.write(`\n${[formatTable(columns(style), table), ...traces].join('\n')}`);
  save(options.json, started, table, measures);
}

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

function save(
  given: string | undefined,
  started: Date,
  table: readonly Result[],
  measures: readonly Measure[],
): void {
  const name = `${started.toISOString().slice(0, 19).replaceAll(':', '')}.json`;
  const file = given === undefined ? join(import.meta.dirname, 'results', name) : resolve(given);
  const values = new Map(measures.map((measure) => [measure.name, measure.values]));
  const machine = {
    processors: cpus().map(({ model }) => model),
    kernel: release(),
    node: process.version,
  };
  const report = {
    started: started.toISOString(),
    machine,
    results: table.map((row) => ({ ...row, values: values.get(row.name) })),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  process.stderr.write(`\nwritten: ${file}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
