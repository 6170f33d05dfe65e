import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SquallError } from '../core/errors.ts';
import { bpfObject } from './bpf-object.ts';
import type { Netns } from './netns.ts';

/** Where packets pass a classifier on an interface (tc(8), clsact). */
export type Way = 'egress' | 'ingress';

/** A device of type ifb, as `ip link` shows it. */
export interface SeenIfb {
  name: string;
  up: boolean;
  alias: string;
}

export interface SeenQdisc {
  dev: string;
  kind: string;
  /** True for the one that an interface begins with. */
  root: boolean;
  /** Packets that it holds. */
  held: number;
}

/** A filter that sends what it matches elsewhere. */
export interface SeenFilter {
  dev: string;
  way: Way;
  pref: number;
  /** As tc prints it: `0x1`. */
  handle: string;
  /** The section that its program came from; empty for one that is no such program. */
  program: string;
  /** The device that it redirects to; empty for any other action. */
  to: string;
}

/** A filter to be written: see `filterLine`. */
export interface NewFilter {
  dev: string;
  way: Way;
  pref: number;
  handle: number;
  /** A name for the program's content: the section it comes from, which tc shows. */
  program: string;
  to: string;
}

/**
 * Runs lines of ip(8) or tc(8) in one process, in order, up to the first that fails. Throws SQ306 where the kernel or the host lacks
 * something, SQ303 (not terminal) for the rest; what stood before the failing line was done.
 */
export async function batch(
  ns: Netns,
  program: 'ip' | 'tc',
  lines: readonly (readonly string[])[],
): Promise<void> {
  if (lines.length === 0) return;
  const { code, stderr } = await ns.run(program, ['-batch', '-'], asBatch(lines));
  if (code !== 0) throw failure(program, stderr, lines);
}

/**
 * Runs `use` with the programs (eBPF code, by name) as object files that tc can load. They have no name in any folder, so that nothing
 * is left of them when this process dies.
 */
export async function withObjects<T>(
  programs: ReadonlyMap<string, Buffer>,
  use: (fileOf: (program: string) => string) => Promise<T>,
): Promise<T> {
  const files = new Map<string, FileHandle>();
  try {
    for (const [name, code] of programs) files.set(name, await openUnnamed(bpfObject(code, name)));
    return await use((program) => `/proc/${process.pid}/fd/${files.get(program)?.fd}`);
  } finally {
    await Promise.all([...files.values()].map((file) => file.close()));
  }
}

async function openUnnamed(content: Buffer): Promise<FileHandle> {
  const path = join(tmpdir(), `squall-${randomUUID()}.o`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  await file.write(content);
  return file;
}

/**
 * As `batch` with tc, in a mount namespace of its own: tc mounts a bpf file system where there is none, and would leave it there
 * (unshare(1)).
 */
export async function batchObjects(ns: Netns, lines: readonly (readonly string[])[]): Promise<void> {
  const { code, stderr } = await ns.run('unshare', ['--mount', '--', 'tc', '-batch', '-'], asBatch(lines));
  if (code !== 0) throw failure('tc', stderr, lines);
}

/** The tc line that adds a filter, or swaps its program in one step where it is there (tc-bpf(8), tc-mirred(8)). */
export function filterLine({ dev, way, pref, handle, program, to }: NewFilter, file: string): string[] {
  return [
    ...['filter', 'replace', 'dev', dev, way, 'protocol', 'all', 'pref', `${pref}`, 'handle', `${handle}`],
    ...['bpf', 'object-file', file, 'section', program],
    ...['action', 'mirred', 'egress', 'redirect', 'dev', to],
  ];
}

export function filterRemoval({
  dev,
  way,
  pref,
  handle,
}: Pick<SeenFilter, 'dev' | 'way' | 'pref' | 'handle'>) {
  return ['filter', 'del', 'dev', dev, way, 'protocol', 'all', 'pref', `${pref}`, 'handle', handle, 'bpf'];
}

/** The ifb devices of a namespace. */
export async function readIfbs(ns: Netns): Promise<SeenIfb[]> {
  const [links = []] = await show(ns, 'ip', ['-j', '-d', 'link', 'show', 'type', 'ifb']);
  return links.map((link) => ({
    name: String(link.ifname),
    up: Array.isArray(link.flags) && link.flags.includes('UP'),
    alias: String(link.ifalias ?? ''),
  }));
}

/** What tc shows of a namespace: its qdiscs but for `noqueue`, and the filters on both ways of every clsact. */
export interface SeenTraffic {
  qdiscs: SeenQdisc[];
  filters: SeenFilter[];
}

/** `expected`: interfaces that most likely have a clsact qdisc, which saves a second call. */
export async function readTraffic(ns: Netns, expected: readonly string[] = []): Promise<SeenTraffic> {
  // Of an interface that is gone no filters can be shown: the call fails as a whole then.
  const atOnce = await readAtOnce(ns, expected).catch(() => undefined);
  const { qdiscs, filters } = atOnce ?? (await readAtOnce(ns, []));
  const known = atOnce ? expected : [];
  const rest = qdiscs
    .filter(({ kind, dev }) => kind === 'clsact' && !known.includes(dev))
    .map(({ dev }) => dev);
  if (rest.length === 0) return { qdiscs, filters };
  const more = await show(ns, 'tc', ['-j', '-batch', '-'], asBatch(placesOf(rest).map(filterShow)));
  return { qdiscs, filters: [...filters, ...asFilters(rest, more)] };
}

async function readAtOnce(ns: Netns, devs: readonly string[]): Promise<SeenTraffic> {
  const lines = [['qdisc', 'show'], ...placesOf(devs).map(filterShow)];
  const [qdiscs = [], ...filters] = await show(ns, 'tc', ['-j', '-s', '-batch', '-'], asBatch(lines));
  return {
    qdiscs: qdiscs.map(seenQdisc).filter(({ kind }) => kind !== 'noqueue'),
    filters: asFilters(devs, filters),
  };
}

interface Place {
  dev: string;
  way: Way;
}

function placesOf(devs: readonly string[]): Place[] {
  return devs.flatMap((dev) => (['egress', 'ingress'] as const).map((way) => ({ dev, way })));
}

function filterShow({ dev, way }: Place): string[] {
  return ['filter', 'show', 'dev', dev, way];
}

function asFilters(devs: readonly string[], answers: readonly Shown[][]): SeenFilter[] {
  return placesOf(devs).flatMap((place, index) =>
    (answers[index] ?? []).flatMap((one) => seenFilter(place, one)),
  );
}

function seenQdisc({ dev, kind, root, qlen }: Shown): SeenQdisc {
  return { dev: String(dev), kind: String(kind), root: root === true, held: Number(qlen ?? 0) };
}

type Shown = Record<string, unknown>;

/** One JSON document a line of the batch. Throws SQ303 (not terminal) where it fails: something moved meanwhile. */
async function show(
  ns: Netns,
  program: 'ip' | 'tc',
  args: readonly string[],
  stdin?: string,
): Promise<Shown[][]> {
  const { code, stdout, stderr } = await ns.run(program, args, stdin);
  if (code !== 0) throw failure(program, stderr, []);
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Shown[]);
}

/** tc shows each priority once without options, then its filters. */
function seenFilter(place: Place, shown: Shown): SeenFilter[] {
  const options = shown.options as Shown | undefined;
  if (options === undefined) return [];
  const actions = (options.actions ?? []) as Shown[];
  return [
    {
      ...place,
      pref: Number(shown.pref),
      handle: String(options.handle ?? ''),
      program: /\[([^\]]+)\]$/.exec(String(options.bpf_name ?? ''))?.[1] ?? '',
      to: String(actions[0]?.to_dev ?? ''),
    },
  ];
}

/** Words with blanks go between quotes, which iproute2 reads as a shell would. Throws TypeError on what would end a line or a word. */
export function asBatch(lines: readonly (readonly string[])[]): string {
  return lines
    .map((words) =>
      words
        .map((word) => {
          if (/[\n\r\0"'#\\]/.test(word))
            throw new TypeError(`not to be written in one line: ${JSON.stringify(word)}`);
          return /\s/.test(word) || word === '' ? `"${word}"` : word;
        })
        .join(' '),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** Words of iproute2 and the kernel for "there is no such thing here", of which program, and what it is. */
const LACKING: { of: 'ip' | 'tc'; words: RegExp; what: string }[] = [
  {
    of: 'tc',
    words: /Specified qdisc kind is unknown|qdisc .*not found|Unknown qdisc/i,
    what: 'a queueing discipline (sch_netem, sch_tbf or sch_ingress)',
  },
  {
    of: 'tc',
    words: /Failed to load TC action module|TC classifier not found|Filter kind and protocol|cls_bpf/i,
    what: 'the eBPF classifier (cls_bpf) or the mirred action (act_mirred)',
  },
  {
    of: 'tc',
    words: /No ELF library support|libbpf|bpf\(\)|BPF program/i,
    what: 'eBPF programs for tc (CONFIG_BPF_SYSCALL, iproute2 with libbpf)',
  },
  {
    of: 'ip',
    words: /Unknown device type|RTNETLINK answers: Operation not supported/i,
    what: 'ifb devices (the module ifb)',
  },
];

/** Lines of a message that a person is shown: the verifier's report has thousands. */
const SHOWN_LINES = 4;

function failure(program: 'ip' | 'tc', stderr: string, lines: readonly (readonly string[])[]): SquallError {
  const said = stderr.trim().split('\n').slice(0, SHOWN_LINES).join('; ') || 'no message';
  const at = lines[Number(/Command failed -:(\d+)/.exec(stderr)?.[1] ?? 0) - 1]?.slice(0, 6).join(' ');
  const what = LACKING.find(({ of, words }) => of === program && words.test(stderr))?.what;
  const message = `${program} failed${at ? ` at "${at} ..."` : ''}: ${said}`;
  if (what === undefined)
    return new SquallError('SQ303', message, {
      hint: '`squall doctor` tries everything that packet-level faults need',
      terminal: false,
    });
  return new SquallError('SQ306', message, {
    hint: `The kernel or iproute2 lacks ${what}; \`squall doctor\` checks it`,
  });
}
