import { existsSync } from 'node:fs';
import { SquallError } from '../core/errors.ts';
import { createAssembler, HELPERS } from './bpf-asm.ts';
import { type Check, check } from './doctor-check.ts';
import { type Exec, type ExecResult, exec } from './exec.ts';
import { SHAPING_MENDS, type ShapingFeature } from './shaping-mends.ts';
import { asBatch, filterLine, withObjects } from './tc.ts';

export type ShapingFeatures = Record<ShapingFeature, boolean>;

/** How a try went. untried: no namespace could be made for it. */
export interface Outcome {
  state: 'works' | 'fails' | 'untried';
  /** The error, in one line. */
  said: string;
}

export const FEATURES = Object.keys(SHAPING_MENDS) as ShapingFeature[];

const WORKS: Record<ShapingFeature, string> = {
  ifb: 'ifb devices work',
  classifier: 'clsact, an eBPF classifier that reads the boot clock, and mirred work',
  netem: 'netem works',
  tbf: 'tbf works',
};

/** ms. A try takes some 5; the daemon's start waits for the slowest. */
const TRY_LIMIT = 3000;

/**
 * Whether packets can be shaped here, tried in network namespaces that end with each try: nothing of the host or of a container is
 * touched. Without the right to make namespaces only the programs are looked at. Never rejects.
 */
export async function checkShaping(canMakeNamespaces: boolean, run: Exec = exec): Promise<Check[]> {
  const programs = await checkPrograms(run);
  if (programs.state === 'missing' || !canMakeNamespaces) return [programs];
  const [tables, ...features] = await Promise.all([
    checkTables(run),
    ...FEATURES.map((feature) => checkFeature(feature, run)),
  ]);
  return [programs, ...features, ...tables];
}

/**
 * What this host can do, all tried at once. What is known to be there is not tried again. What can't be tried (no right to make
 * namespaces: `squall plan` need not be root) counts as there. Never rejects.
 */
export async function shapingFeatures(
  known: Partial<ShapingFeatures> = {},
  run: Exec = exec,
): Promise<ShapingFeatures> {
  const found = await Promise.all(
    FEATURES.map(async (feature) => {
      const there = known[feature] || (await tryFeature(feature, run)).state !== 'fails';
      return [feature, there] as const;
    }),
  );
  return Object.fromEntries(found) as ShapingFeatures;
}

async function checkPrograms(run: Exec): Promise<Check> {
  const mend = 'Install the package iproute2 (on Fedora and RHEL: iproute and iproute-tc)';
  const said = await Promise.all(
    ['tc', 'ip'].map(async (program) => {
      const { stdout, stderr } = await run(program, ['-V'], { timeout: TRY_LIMIT }).catch(failed);
      // busybox has programs of these names that can do next to nothing.
      return { program, version: /iproute2.*/.exec(`${stdout}${stderr}`)?.[0] };
    }),
  );
  const lacking = said.filter(({ version }) => version === undefined).map(({ program }) => program);
  if (lacking.length === 0) return check('iproute2', 'ok', said[0]?.version ?? '');
  return check('iproute2', 'missing', `no ${lacking.join(' and no ')} of iproute2`, mend);
}

async function checkFeature(feature: ShapingFeature, run: Exec): Promise<Check> {
  const { state, said } = await tryFeature(feature, run);
  if (state === 'works') return check(feature, 'ok', WORKS[feature]);
  const { lacking, mend } = SHAPING_MENDS[feature];
  if (state === 'untried') return check(feature, 'warn', `could not be tried: ${said}`, mend);
  return check(feature, 'missing', `${lacking}: ${said}`, mend);
}

/** tc reads the tables from files of its own before it asks the kernel. Nothing is said where it is netem itself that fails. */
async function checkTables(run: Exec): Promise<Check[]> {
  const names = ['normal', 'pareto', 'paretonormal'];
  const lines = names.map((name) =>
    `qdisc replace dev lo root netem delay 1ms 1ms distribution ${name}`.split(' '),
  );
  const { state, said } = await attempt(run, ['--net'], 'tc', lines);
  if (state === 'works') return [check('netem-tables', 'ok', `tc has its tables (${names.join(', ')})`)];
  if (!/distribution/i.test(said)) return [];
  const mend = 'Install the package iproute2 whole: its files *.dist belong into the library folder of tc';
  return [check('netem-tables', 'warn', said, mend)];
}

/** Tries one feature as faults use it. Never rejects. */
export async function tryFeature(feature: ShapingFeature, run: Exec = exec): Promise<Outcome> {
  switch (feature) {
    case 'ifb':
      return tryIfb(run);
    case 'classifier':
      return tryClassifier(run).catch(outcomeOf);
    case 'netem':
      return attempt(run, ['--net'], 'tc', ['qdisc add dev lo root netem delay 1ms'.split(' ')]);
    case 'tbf':
      return attempt(run, ['--net'], 'tc', [
        'qdisc add dev lo root tbf rate 1mbit burst 10k latency 50ms'.split(' '),
      ]);
  }
}

/**
 * The kernel would load the module by itself, but then with two devices in the host's own namespace (numifbs in drivers/net/ifb.c).
 * Best effort: a container has no modprobe, and where it is built in there is nothing to load.
 */
async function tryIfb(run: Exec): Promise<Outcome> {
  if (!existsSync('/sys/module/ifb'))
    await run('modprobe', ['ifb', 'numifbs=0'], { timeout: TRY_LIMIT }).catch(failed);
  return attempt(run, ['--net'], 'ip', [
    'link add sq-try type ifb'.split(' '),
    'link set dev sq-try up'.split(' '),
  ]);
}

/** In a mount namespace too: tc mounts a bpf file system where there is none. */
async function tryClassifier(run: Exec): Promise<Outcome> {
  return withObjects(new Map([['try', clockReader()]]), (fileOf) =>
    attempt(run, ['--net', '--mount'], 'tc', [
      'qdisc add dev lo clsact'.split(' '),
      filterLine({ dev: 'lo', way: 'egress', pref: 1, handle: 1, program: 'try', to: 'lo' }, fileOf('try')),
    ]),
  );
}

/** A program that matches nothing. It asks for the clock that kernels have since 5.8. */
function clockReader(): Buffer {
  const assembler = createAssembler();
  assembler.call(HELPERS.ktimeGetBootNs);
  assembler.set(0, 0);
  assembler.exit();
  return assembler.code();
}

async function attempt(
  run: Exec,
  namespaces: readonly string[],
  program: 'ip' | 'tc',
  lines: readonly (readonly string[])[],
): Promise<Outcome> {
  const args = [...namespaces, '--', program, '-batch', '-'];
  return run('unshare', args, { stdin: asBatch(lines), timeout: TRY_LIMIT }).then(judge, outcomeOf);
}

/** unshare(1) exits with 127 where it could not find the program. */
function judge({ code, stderr }: ExecResult): Outcome {
  if (code === 0) return { state: 'works', said: '' };
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  // The verifier's own word, out of a report of many lines.
  const said = lines.find((line) => /(unknown|invalid) func/.test(line)) ?? lines[0] ?? `code ${code}`;
  return { state: said.startsWith('unshare: ') && code !== 127 ? 'untried' : 'fails', said: said.trim() };
}

function outcomeOf(error: unknown): Outcome {
  const noUnshare = error instanceof SquallError && error.code === 'SQ306';
  return { state: noUnshare ? 'untried' : 'fails', said: (error as Error).message };
}

function failed(error: unknown): ExecResult {
  return { code: -1, stdout: '', stderr: (error as Error).message };
}
