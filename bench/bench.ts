import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { FAULTS } from '../src/faults/index.ts';
import { createStyle, type Style, wantsColour } from '../src/report/style.ts';
import { formatTable } from '../src/report/table.ts';
import { type Swap, swapsTable } from './faults/swaps.ts';
import { measureFaults } from './faults.ts';
import { measureGit } from './git.ts';
import { createLoop } from './loop.ts';
import { measureMany } from './many.ts';
import { measurePath } from './path.ts';
import { measureJournal, measurePlan } from './pure.ts';
import { type Measure, type Result, results } from './stats.ts';

const PARTS = ['path', 'git', 'many', 'journal', 'plan', 'faults'];
/** `faults` takes longer than all the others. */
const USUAL = 'path,git,many,journal,plan';
const USAGE = `usage: npm run bench -- [--count N] [--only LIST] [--json FILE] [--trace]
       npm run bench -- --only faults [--targets 1,20,50] [--types LIST] [--kernel] [--count N] [--json FILE] [--trace]

  --count N       iterations of the path from file to packet (default 100); all else is done in proportion
  --only LIST     parts, separated by commas: ${PARTS.join(', ')} (default: ${USUAL})
  --json FILE     results with every value (default: bench/results/, named by date)
  --trace         also say where the time between file and packet goes, or between plan and effect; measures a little slower
  --targets LIST  how many targets at once get each fault (default 1,20,50; with --kernel 1)
  --types LIST    only these types of faults
  --kernel        faults in User-Mode Linux, which has netem wherever it runs: network namespaces there instead of containers`;

/** Measures what was asked for and prints it, also where Ctrl-C ends it early. Slow is no failure. */
async function main(): Promise<void> {
  const options = read();
  const ender = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ender.abort());
  const started = new Date();
  const { measures, texts, swaps, skipped } = await measure(options, ender.signal);
  const table = results(measures);
  // The console of User-Mode Linux is a terminal, wherever it leads.
  const style = createStyle(wantsColour(process.env, process.stdout.isTTY === true && !options.cells));
  const machine = machineNow();
  const about = `${machine.processors} processors (${machine.model}), load ${machine.load}, kernel ${machine.kernel}, Node ${machine.node}\n`;
  process.stdout.write(
    `\n${[formatTable(columns(style, options.cells), table), ...texts, about].join('\n')}`,
  );
  const values = new Map(measures.map((one) => [one.name, one.values]));
  const rows = table.map((row) => ({ ...row, values: values.get(row.name) }));
  const file = save(options.json, {
    started: started.toISOString(),
    machine,
    results: rows,
    swaps,
    skipped,
  });
  if (!options.cells) process.stderr.write(`\nwritten: ${file}\n`); // who started that kernel knows where it goes
}

async function measure(options: Options, signal: AbortSignal) {
  const { parts, count } = options;
  const few = Math.max(1, Math.round(count / 10));
  const half = Math.max(1, Math.round(count / 2));
  const wanted = (part: string) => parts.has(part) && !signal.aborted;
  const found: Found = { measures: [], texts: [], swaps: [], skipped: [] };
  if (wanted('path')) {
    const { measures, trace } = await measurePath(createLoop('path', count, signal), options.trace);
    found.measures.push(...measures);
    if (trace !== undefined) found.texts.push(trace);
  }
  if (wanted('git')) found.measures.push(...(await measureGit(createLoop('git', half, signal))));
  if (wanted('many')) found.measures.push(...(await measureMany(createLoop('many', few, signal))));
  if (wanted('journal')) found.measures.push(measureJournal(count * 10));
  if (wanted('plan'))
    found.measures.push(measurePlan(1, count * 10), measurePlan(100, count), measurePlan(1000, few));
  if (wanted('faults')) await addFaults(found, options, signal);
  return found;
}

interface Found {
  measures: Measure[];
  /** Tables beside that of the measures, and what is to be said. */
  texts: string[];
  swaps: Swap[];
  skipped: { name: string; reason: string }[];
}

async function addFaults(found: Found, options: Options, signal: AbortSignal): Promise<void> {
  const { measures, swaps, skipped, trace } = await measureFaults({ ...options, signal });
  found.measures.push(...measures);
  found.swaps = swaps;
  found.skipped = skipped;
  if (swaps.length > 0) found.texts.push(swapsTable(swaps));
  if (options.trace) found.texts.push(trace);
  if (skipped.length > 0)
    found.texts.push(skipped.map(({ name, reason }) => `not measured: ${name}: ${reason}\n`).join(''));
  if (options.cells) found.texts.push(IN_CELLS);
}

const IN_CELLS =
  'in User-Mode Linux, a kernel that is one process with one processor: times are longer than on a kernel of its own\n';

type Options = ReturnType<typeof read>;

function read() {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100' },
      only: { type: 'string' },
      json: { type: 'string' },
      trace: { type: 'boolean', default: false },
      targets: { type: 'string' },
      types: { type: 'string' },
      kernel: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { kernel: cells, json, trace } = values;
  const parts = new Set((values.only ?? (cells ? 'faults' : USUAL)).split(','));
  const [count = 0, ...targets] = [
    values.count,
    ...(values.targets ?? (cells ? '1' : '1,20,50')).split(','),
  ].map(Number);
  const types = values.types?.split(',');
  const known = [...parts].every((part) => (cells ? part === 'faults' : PARTS.includes(part)));
  const kinds = types?.every((type) => FAULTS.some((kind) => kind.type === type)) ?? true;
  const counts = [count, ...targets].every((number) => Number.isInteger(number) && number >= 1);
  if (values.help || !known || !kinds || !counts) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(values.help ? 0 : 2);
  }
  return { parts, count, json, trace, targets, types, cells };
}

function columns(style: Style, cells: boolean) {
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 10 ? 2 : 1));
  return [
    { title: 'NAME', value: ({ name }: Result) => name },
    { title: cells ? 'WHAT (MS, IN USER-MODE LINUX)' : 'WHAT (MS)', value: ({ what }: Result) => what },
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
  report: { started: string; machine: object; results: readonly Result[]; swaps: Swap[]; skipped: object[] },
): string {
  const name = `${report.started.slice(0, 19).replaceAll(':', '')}.json`;
  const file = given === undefined ? join(import.meta.dirname, 'results', name) : resolve(given);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
