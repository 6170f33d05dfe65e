import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { CHAIN_PREFIX } from '../core/marks.ts';
import { together } from '../core/parallel.ts';
import { exec, searchPath } from './exec.ts';
import { parseSave, type SavedTable } from './iptables-save.ts';
import { createMemory } from './memory.ts';
import type { Netns } from './netns.ts';

export type Family = 4 | 6;

/** Two implementations in the kernel that do not see each other's rules: nf_tables and the older ip_tables (xtables-nft(8)). */
export type Backend = 'nft' | 'legacy';

export interface Programs {
  save: string;
  restore: string;
}

/** What this machine has for a family, by back end. */
export type Installed = Partial<Record<Backend, Programs>>;

/** The tables of a namespace in one back end. */
export interface Tables {
  backend: Backend;
  tables: SavedTable[];
}

const cache = new Map<string, Promise<Installed>>();

/** Back ends that were chosen: whoever brings rules of the other one later is heard after a minute. */
const choices = createMemory<Backend>(systemClock, { lifetime: 60_000, size: 4096 });

/**
 * Finds the programs by absolute path. Where only plain `iptables` exists, asks it which back end it is. Remembered once something
 * was found.
 */
export async function installed(
  family: Family,
  folders: readonly string[] = searchPath(),
): Promise<Installed> {
  const key = `${family} ${folders.join(':')}`;
  const known = cache.get(key) ?? find(family, folders);
  cache.set(key, known);
  const found = await known.catch((error: unknown) => {
    cache.delete(key);
    throw error;
  });
  if (!found.nft && !found.legacy) cache.delete(key); // it may be installed while the daemon runs
  return found;
}

async function find(family: Family, folders: readonly string[]): Promise<Installed> {
  const base = family === 4 ? 'iptables' : 'ip6tables';
  const [nft, legacy] = await Promise.all([pair(folders, `${base}-nft`), pair(folders, `${base}-legacy`)]);
  const found: Installed = { ...(nft && { nft }), ...(legacy && { legacy }) };
  if (nft || legacy) return found;
  const [plain, program] = await Promise.all([pair(folders, base), locate(folders, base)]);
  if (!plain || !program) return found;
  const { stdout } = await exec(program, ['--version']);
  // Before 1.8 there was but one, and it did not say its name.
  return stdout.includes('(nf_tables)') ? { nft: plain } : { legacy: plain };
}

async function pair(folders: readonly string[], base: string): Promise<Programs | undefined> {
  const [save, restore] = await Promise.all([
    locate(folders, `${base}-save`),
    locate(folders, `${base}-restore`),
  ]);
  return save && restore ? { save, restore } : undefined;
}

async function locate(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

/** True where the kernel holds tables of the older back end in this namespace. Asking a legacy program would create them. */
export async function holdsLegacy(ns: Netns, family: Family): Promise<boolean> {
  const names = await ns.procNet(family === 4 ? 'ip_tables_names' : 'ip6_tables_names');
  return names.trim() !== '';
}

/**
 * The tables of every back end that can hold rules in this namespace. Never creates any. A back end that the kernel lacks (SQ306)
 * holds none, and is left out. With the `pid` of the namespace's container, `chooseBackend` remembers what it comes to.
 */
export async function saveAll(ns: Netns, family: Family, pid?: number): Promise<Tables[]> {
  const legacy = await holdsLegacy(ns, family);
  const found = held(await readAll(ns, family, legacy));
  const backend = pid === undefined ? undefined : preferred(await installed(family), found);
  if (pid !== undefined && backend) choices.remember(choiceKey(ns, family, pid, legacy), backend);
  return found;
}

/** The process tells namespaces apart that had one inode after another; the first legacy table makes a new question. */
function choiceKey({ inode }: Netns, family: Family, pid: number, legacy: boolean): string {
  return `${inode} ${pid} ${family} ${legacy}`;
}

function held(results: readonly (Tables | SquallError)[]): Tables[] {
  return results.flatMap((result) => (result instanceof SquallError ? [] : [result]));
}

async function readAll(ns: Netns, family: Family, legacy: boolean): Promise<(Tables | SquallError)[]> {
  const programs = await installed(family);
  const backends: Backend[] = [];
  if (programs.nft) backends.push('nft');
  if (programs.legacy && legacy) backends.push('legacy');
  return together(
    backends.map((backend) =>
      save(ns, family, backend).then(
        (tables): Tables => ({ backend, tables }),
        (error: unknown) => {
          if (error instanceof SquallError && error.code === 'SQ306') return error;
          throw error;
        },
      ),
    ),
  );
}

/** Reads one back end. With `legacy` that may create tables: ask `holdsLegacy` first, or mean to write. */
export async function save(ns: Netns, family: Family, backend: Backend): Promise<SavedTable[]> {
  const { save: program } = await programsOf(family, backend);
  const { code, stdout, stderr } = await ns.run(program, []);
  if (code !== 0) throw failure(program, stderr);
  return parseSave(stdout);
}

/**
 * Applies `text` in one transaction and keeps all that it does not name (iptables-restore(8), --noflush). Throws SQ306 where the
 * kernel or the program lacks a match or target, SQ303 (not terminal) for the rest: nothing was changed then.
 */
export async function restore(ns: Netns, family: Family, backend: Backend, text: string): Promise<void> {
  const { restore: program } = await programsOf(family, backend);
  const { code, stderr } = await ns.run(program, ['-w', '5', '--noflush'], text);
  if (code === 0) return;
  const error = failure(program, stderr);
  if (error.code === 'SQ306') choices.forget(`${ns.inode} `);
  throw error;
}

/**
 * The back end to write to: the one that holds Docker's DNS rules, else the one that holds any, else nft where it works. The answer
 * is remembered for a minute for `pid`, the container's init. Throws SQ306 where none works.
 */
export async function chooseBackend(ns: Netns, family: Family, pid: number): Promise<Backend> {
  const legacy = await holdsLegacy(ns, family);
  const key = choiceKey(ns, family, pid, legacy);
  const known = choices.recall(key);
  if (known) return known;
  const results = await readAll(ns, family, legacy);
  const backend = preferred(await installed(family), held(results));
  if (backend) {
    choices.remember(key, backend);
    return backend;
  }
  throw results.find((result) => result instanceof SquallError) ?? missing(family);
}

/** The pure part of `chooseBackend`. `found`: what could be read; nft is, wherever it works. */
export function preferred(programs: Installed, found: readonly Tables[]): Backend | undefined {
  const dns = found.find(({ tables }) =>
    tables.some(({ name, rules }) => name === 'nat' && rules.some(({ text }) => text.includes('127.0.0.11'))),
  );
  const any = found.find(({ tables }) => tables.some(({ rules }) => rules.length > 0));
  const nft = found.some(({ backend }) => backend === 'nft');
  return (dns ?? any)?.backend ?? (nft ? 'nft' : programs.legacy ? 'legacy' : undefined);
}

async function programsOf(family: Family, backend: Backend): Promise<Programs> {
  const programs = (await installed(family))[backend];
  if (programs) return programs;
  throw missing(family, backend);
}

function missing(family: Family, backend?: Backend): SquallError {
  const name = family === 4 ? 'iptables' : 'ip6tables';
  return new SquallError('SQ306', `${name}${backend ? ` (${backend})` : ''} is not installed`, {
    hint: 'Install the package iptables on the machine the daemon runs on',
  });
}

const LACKING: [RegExp, string][] = [
  [/\btime\b/, 'the time match (xt_time), which ends a fault by itself'],
  [/\bstatistic\b/, 'the statistic match (xt_statistic), which network-loss needs'],
  [/\bmultiport\b/, 'the multiport match (xt_multiport)'],
  [/\bREJECT\b/, 'the REJECT target (ipt_REJECT)'],
  [/\bcomment\b/, 'the comment match (xt_comment), which carries the marks'],
];

/** A chain that someone removed meanwhile, in the words of the older back end: it looks for an extension of that name then. */
const NO_CHAIN = new RegExp(`load target .${CHAIN_PREFIX}`);

/** Words of iptables for "no such extension" in the program or the kernel. */
const NO_EXTENSION =
  /couldn't load|missing kernel module|not supported|unknown option|protocol not supported|can't initialize|incompatible/i;

function failure(program: string, stderr: string): SquallError {
  const said = stderr.trim().split('\n').slice(0, 3).join('; ') || 'no message';
  if (!NO_EXTENSION.test(said) || NO_CHAIN.test(said)) {
    return new SquallError('SQ303', `${program} failed: ${said}`, {
      hint: '`squall doctor` tries everything the rules need',
      terminal: false,
    });
  }
  const what = LACKING.find(([word]) => word.test(said))?.[1] ?? 'something the rules need';
  return new SquallError('SQ306', `${program} failed: ${said}`, {
    hint: `The kernel or iptables lacks ${what}: load the module or install the package iptables; \`squall doctor\` checks it`,
  });
}
