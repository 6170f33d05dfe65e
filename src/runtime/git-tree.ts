import { createHash } from 'node:crypto';
import { constants, type Stats, statSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { SquallError } from '../core/errors.ts';
import type { Git } from './git.ts';

/** A work tree of git's. */
export interface WorkTree {
  root: string;
  /** `.git` in it: the repository, or a file that names it (linked work trees, submodules). */
  gitDir: string;
}

/** The innermost work tree that a path without links is in; undefined where it is in none. */
export function findWorkTree(path: string): WorkTree | undefined {
  for (let root = dirname(path); ; root = dirname(root)) {
    const gitDir = join(root, '.git');
    const found = statsOf(gitDir);
    if (found?.isFile() || (found?.isDirectory() && statsOf(join(gitDir, 'HEAD')))) return { root, gitDir };
    if (root === dirname(root)) return undefined;
  }
}

/** As git calls a file in its tree. */
export function pathInTree({ root }: WorkTree, file: string): string {
  return relative(root, file);
}

/**
 * A text that changes with HEAD's commit and with the index. Without running git: see gitrepository-layout(5). A repository that is not
 * one gives a text too.
 */
export async function treeFingerprint({ gitDir }: WorkTree): Promise<string> {
  const link = (await stat(gitDir)).isFile() ? await readSmall(gitDir) : undefined;
  const [, target] = /^gitdir: (.+)$/m.exec(link ?? '') ?? [];
  const own = target === undefined ? gitDir : resolve(dirname(gitDir), target);
  const common = resolve(own, (await readSmall(join(own, 'commondir')))?.trim() ?? '.');
  const tables = await Promise.all(
    [join(own, 'index'), join(common, 'packed-refs'), join(common, 'reftable', 'tables.list')].map(printOf),
  );
  return [...(await headChain(own, common)), ...tables].join('\n');
}

/** Long enough for refs/heads/main through refs/remotes/origin/HEAD; git itself follows 5. */
const MOST_REFS = 5;

/** What HEAD says, what the ref says that it names, and so on. */
async function headChain(own: string, common: string): Promise<string[]> {
  const chain: string[] = [];
  let ref: string | undefined = 'HEAD';
  while (ref !== undefined && chain.length < MOST_REFS) {
    const text: string = (await readSmall(join(own, ref))) ?? (await readSmall(join(common, ref))) ?? '-';
    chain.push(text);
    ref = refIn(text);
  }
  return chain;
}

/** The ref that a symbolic ref names. */
function refIn(text: string): string | undefined {
  const [, ref] = /^ref: *(refs\/\S+)\s*$/.exec(text) ?? [];
  return ref?.split('/').includes('..') ? undefined : ref;
}

/** ms that a look into a repository may take: whoever asks waits. */
const LOOK_LIMIT = 3000;

/** Ids of a file's content; undefined where HEAD or the index does not have it. */
export interface Committed {
  head: string | undefined;
  index: string | undefined;
}

/**
 * What HEAD and the index have of the paths: one process, whatever their number. `commit` is undefined before the first commit. Only
 * objects are looked up, files are not looked at: so no filter of the repository's runs.
 */
export async function readCommitted(
  git: Git,
  { root, gitDir }: WorkTree,
  paths: readonly string[],
): Promise<{ commit: string | undefined; files: Map<string, Committed> }> {
  const names = ['HEAD', ...paths.flatMap((path) => [`HEAD:${path}`, `:0:${path}`])];
  const zero = names.some((name) => /[\r\n]/.test(name)); // since git 2.38: only where a name needs it
  const args = ['cat-file', '--batch-check=%(objectname) %(objecttype)', '--buffer', ...(zero ? ['-z'] : [])];
  const input = names.map((name) => `${name}${zero ? '\0' : '\n'}`).join('');
  const call = { args, cwd: root, gitDir, workTree: root, timeout: LOOK_LIMIT };
  const { code, stdout, stderr } = await git({ ...call, input });
  if (code !== 0) throw failure('cat-file', stderr);
  const [head, ...rest] = parseObjects(stdout.toString(), names);
  const files = new Map(
    paths.map((path, at) => [
      path,
      { head: idOf(rest[2 * at], 'blob'), index: idOf(rest[2 * at + 1], 'blob') },
    ]),
  );
  return { commit: idOf(head, 'commit'), files };
}

/** A commit object's content. */
export async function readCommit(git: Git, { root, gitDir }: WorkTree, commit: string): Promise<Buffer> {
  const args = ['cat-file', 'commit', commit];
  const call = { args, cwd: root, gitDir, workTree: root, timeout: LOOK_LIMIT };
  const { code, stdout, stderr } = await git(call);
  if (code !== 0) throw failure('cat-file', stderr);
  return stdout;
}

/** Whether the content has that id (SHA-1 or SHA-256, by its length), as it is or with the line ends that git would store. */
export function hasBlobId(bytes: Uint8Array, id: string): boolean {
  if (blobId(bytes, id) === id) return true;
  const text = Buffer.from(bytes).toString('latin1');
  return text.includes('\r\n') && blobId(Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1'), id) === id;
}

function blobId(bytes: Uint8Array, like: string): string {
  const hash = createHash(like.length === 64 ? 'sha256' : 'sha1');
  return hash.update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');
}

/** Answers come in the order of the names: `ID TYPE`, or the name (which may hold line ends) and what is wrong with it. */
function parseObjects(output: string, names: readonly string[]): (string | undefined)[] {
  let at = 0;
  return names.map((name) => {
    const from = output.startsWith(`${name} `, at) ? at + name.length : at;
    const end = output.indexOf('\n', from);
    const answer = from === at ? output.slice(at, end) : undefined;
    at = end + 1;
    return answer;
  });
}

function idOf(answer: string | undefined, type: string): string | undefined {
  const [id, found] = answer?.split(' ') ?? [];
  return found === type ? id : undefined;
}

/** More than a HEAD, a ref or a `.git` file holds. */
const SMALL = 8192;

/** The text of a small file; undefined where there is none. Never waits: a FIFO in its place is none. */
async function readSmall(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > SMALL) return undefined;
    return (await file.readFile('utf8')).slice(0, SMALL);
  } catch {
    return undefined;
  }
}

async function printOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${basename(path)} ${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return `${basename(path)} -`;
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function failure(verb: string, stderr: string): SquallError {
  const said = stderr.trim().split('\n', 1)[0]?.slice(0, 300);
  return new SquallError('SQ303', `git ${verb} failed: ${said || 'it does not say why'}`, {
    terminal: false,
  });
}
