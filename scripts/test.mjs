/**
 * npm test [-- [LANE...] [--filter TEXT]]
 *
 * Runs the lanes one after the other and shows a table of them. Lanes: types, lint, docs, unit, kernel, engine. `--filter` keeps test
 * files whose path holds TEXT (and, with no lane named, only the lanes with test files).
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import {
  ensureEngine,
  ensureKernel,
  ensureModules,
  ensureTools,
  environment,
  main,
  node,
  root,
  SetupError,
  say,
} from './bootstrap.mjs';
import { processesWith } from './leftovers.mjs';

const RUN = randomBytes(6).toString('hex');
const RUN_VARIABLE = 'SQUALL_LAB_RUN';
const MINUTE = 60_000;

/** Name, what it does, and how. A lane gives { ok } or { skipped: why }. */
const LANES = {
  types: { about: 'the compiler', run: () => program('tsc', ['-p', 'tsconfig.json']) },
  lint: { about: 'lint and format', run: () => program('biome', ['check', '--error-on-warnings', '.']) },
  docs: { about: 'the reference equals the schemas', run: docs },
  unit: {
    about: 'tests without Docker',
    tests: true,
    run: unit,
  },
  kernel: { about: 'tests on a Linux kernel of their own', tests: true, run: kernel },
  engine: { about: 'tests on a real Docker engine', tests: true, run: engine },
};

let interrupted = false;
let current;

main(async () => {
  const { lanes, filter } = usage();
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      interrupted = true;
      current?.kill(signal);
    });
  ensureModules();
  const results = [];
  for (const name of lanes) {
    if (interrupted) break;
    say(
      `\n━━ ${name}: ${LANES[name].about} ${'━'.repeat(Math.max(0, 60 - name.length - LANES[name].about.length))}`,
    );
    const start = Date.now();
    const result = await LANES[name].run(filter);
    results.push({ name, seconds: (Date.now() - start) / 1000, ...result });
  }
  return report(results) && !interrupted ? 0 : 1;
});

function usage() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { filter: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !(name in LANES));
  if (unknown.length > 0)
    throw new SetupError(`No lane is called ${unknown.join(', ')}. Lanes: ${Object.keys(LANES).join(', ')}.`);
  const { filter } = values;
  let lanes = Object.keys(LANES).filter((name) => positionals.length === 0 || positionals.includes(name));
  if (filter !== undefined) {
    const has = {
      unit: unitFiles(filter).length > 0,
      kernel: kernelFiles(filter).length > 0,
      engine: engineFiles(filter).length > 0,
    };
    lanes = lanes.filter((name) => (LANES[name].tests ? has[name] : positionals.includes(name)));
    if (lanes.length === 0) throw new SetupError(`The path of no test file holds "${filter}".`);
  }
  return { lanes, filter };
}

/** Test files by their path below the checkout. */
function testFiles(filter = '') {
  return readdirSync(join(root, 'test'), { recursive: true })
    .map((path) => relative(root, join(root, 'test', path)))
    .filter((path) => path.endsWith('.test.ts') && path.includes(filter))
    .sort();
}

function unitFiles(filter) {
  return testFiles(filter).filter((path) => !/\.(engine|kernel)\.test\.ts$/.test(path));
}

function kernelFiles(filter) {
  return testFiles(filter).filter((path) => path.endsWith('.kernel.test.ts'));
}

function engineFiles(filter) {
  return testFiles(filter).filter((path) => path.endsWith('.engine.test.ts'));
}

/** Runs a program of the project with its output shown; `limit` in ms, after which it is told to end, then made to. */
function start(command, args, limit = 10 * MINUTE, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: environment({ [RUN_VARIABLE]: RUN, ...env }),
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    current = child;
    const soft = setTimeout(() => {
      say(`\nover the lane's limit of ${limit / MINUTE} min`);
      child.kill('SIGTERM');
    }, limit);
    const hard = setTimeout(() => child.kill('SIGKILL'), limit + 15_000);
    const end = (ok) => {
      clearTimeout(soft);
      clearTimeout(hard);
      current = undefined;
      resolve(ok);
    };
    child.once('error', (error) => {
      say(error.message);
      end(false);
    });
    child.once('exit', (code) => end(code === 0));
  });
}

async function program(command, args) {
  return { ok: await start(command, args) };
}

async function docs() {
  const script = join('scripts', 'generate-docs.ts');
  if (!existsSync(join(root, script))) return { skipped: `${script} is not there` };
  return program(node, [script, '--check']);
}

/** node:test over these files. `testLimit`: ms for a single test. */
async function tests(files, concurrency, testLimit, limit) {
  if (files.length === 0) return { ok: false, note: 'no test file' };
  const folder = mkdtempSync(join(tmpdir(), 'squall-test-'));
  const counts = join(folder, 'counts.json');
  try {
    const ok = await start(
      node,
      [
        '--test',
        ...(process.env.CI ? ['--import', join(root, 'scripts', 'properties.mjs')] : []),
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${testLimit}`,
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        `--test-reporter=${join(root, 'scripts', 'lane-reporter.mjs')}`,
        `--test-reporter-destination=${counts}`,
        ...files,
      ],
      limit,
    );
    const { passed, text } = read(counts);
    return { ok: ok && passed > 0, note: text }; // nothing that passed proves nothing
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many tests passed, and what became of all of them in words. */
function read(counts) {
  const text = existsSync(counts) ? readFileSync(counts, 'utf8') : '';
  if (text === '') return { passed: 0, text: 'ended early' };
  const { passed, failed, cancelled, skipped, todo } = JSON.parse(text);
  const parts = Object.entries({ passed, failed, cancelled, skipped, todo }).filter(([, count]) => count > 0);
  return { passed, text: parts.map(([name, count]) => `${count} ${name}`).join(', ') };
}

function unit(filter) {
  try {
    ensureTools();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { skipped: error.message };
  }
  return tests(unitFiles(filter), 4, MINUTE / 4, 4 * MINUTE);
}

/** The files run inside User-Mode Linux: see kernel.mjs. */
async function kernel(filter) {
  const files = kernelFiles(filter);
  if (files.length === 0) return { ok: false, note: 'no test file' };
  try {
    ensureKernel();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { skipped: error.message };
  }
  const counts = join(root, 'node_modules', '.cache', `kernel-counts-${process.pid}.json`);
  try {
    // It takes six where nothing else runs; a machine that does other things too is given time.
    const ok = await start(node, ['scripts/kernel.mjs', counts, ...files], 12 * MINUTE);
    const { passed, text } = read(counts);
    return { ok: ok && passed > 0, note: text };
  } finally {
    rmSync(counts, { force: true });
  }
}

async function engine(filter) {
  const files = engineFiles(filter);
  let machine;
  try {
    machine = await ensureEngine();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { skipped: error.message };
  }
  try {
    if (process.getuid?.() !== 0) return { skipped: 'entering network namespaces needs root: sudo npm test' };
    // Before files start side by side: the image is made once.
    if (!(await start(node, ['test/lab/image.ts']))) return { ok: false, note: 'no image for the lab' };
    const result = await tests(files, 2, 3 * MINUTE, 20 * MINUTE);
    const clean = await checkLeftovers();
    return clean ? result : { ...result, ok: false, note: `${result.note}; left something behind` };
  } finally {
    await machine.stop();
  }
}

/** A test that leaves a process, a container or a network behind is wrong, however green. It is removed here all the same. */
async function checkLeftovers() {
  const processes = processesWith(RUN_VARIABLE, RUN);
  for (const { pid, command } of processes) {
    say(`left behind: process ${pid}: ${command}`);
    process.kill(pid, 'SIGKILL');
  }
  const { status, stdout, stderr } = spawnSync(node, ['test/lab/leftovers.ts', RUN], {
    cwd: root,
    env: environment(),
    encoding: 'utf8',
  });
  if (status !== 0) say(`left behind on the engine:\n${stdout}${stderr}`);
  return processes.length === 0 && status === 0;
}

/** The table; true where all is well. A lane that did not run is no success in CI. */
function report(results) {
  say(`\n${'━'.repeat(66)}`);
  for (const { name, seconds, ok, skipped, note: text } of results) {
    const state = skipped === undefined ? (ok ? '✔ ok     ' : '✖ FAILED ') : '⚠ SKIPPED';
    say(
      `${state}  ${name.padEnd(8)} ${seconds.toFixed(1).padStart(7)} s  ${skipped?.split('\n')[0] ?? text ?? ''}`,
    );
  }
  const skips = results.filter(({ skipped }) => skipped !== undefined);
  for (const { name, skipped } of skips) say(`\n⚠ The lane "${name}" did not run.\n${skipped}`);
  if (interrupted) say('\ninterrupted');
  if (skips.length > 0 && process.env.CI) say('\nIn CI a lane that did not run is a failure.');
  return results.every(({ ok, skipped }) => ok || (skipped !== undefined && !process.env.CI));
}
