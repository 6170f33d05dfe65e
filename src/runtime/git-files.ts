import { SquallError } from '../core/errors.ts';
import type { Git, GitResult } from './git.ts';
import type { WorkTree } from './git-tree.ts';

/** A file in a tree of a commit. Symbolic links and submodules are none. */
export interface CommittedFile {
  /** Below the path that was listed; empty where that is the file itself. */
  path: string;
  /** Of its content: 40 (or 64) hex digits. */
  id: string;
  bytes: number;
}

/** ms that a look at a repository of many files may take. */
const LIMIT = 60_000;

/** What a revision (gitrevisions(7)) may be made of; it is given to git on its standard input, never as an argument. */
const REVISION = /^(?!-)[^\s\p{Cc}:?*[\\]{1,200}$/u;

/** The id of the commit that a revision names; undefined where it names none. Throws SQ501 for what can't be a revision. */
export async function findCommit(git: Git, tree: WorkTree, revision: string): Promise<string | undefined> {
  if (!REVISION.test(revision) || revision.includes('{/')) {
    throw new SquallError('SQ501', `${JSON.stringify(revision)} is no revision of Git's`, {
      hint: 'Name a branch, a tag or a commit: origin/main',
    });
  }
  return (await lookUp(git, tree, `${revision}^{commit}`))?.id;
}

/** Where the histories of two commits part: undefined where they have nothing in common, or too little of them is here. */
export async function findMergeBase(
  git: Git,
  tree: WorkTree,
  commits: readonly [string, string],
): Promise<string | undefined> {
  const { code, stdout, stderr } = await call(git, tree, ['merge-base', ...commits]);
  if (code > 1) throw failure('merge-base', stderr);
  return code === 1 ? undefined : stdout.toString().trim();
}

/** The files that a commit has at and below a path (relative to the root, `''` for all); undefined where it has nothing there. */
export async function listCommitted(
  git: Git,
  tree: WorkTree,
  commit: string,
  path: string,
): Promise<CommittedFile[] | undefined> {
  const found = await lookUp(git, tree, path === '' ? `${commit}^{tree}` : `${commit}:${path}`);
  if (!found) return undefined;
  if (found.type === 'blob') return [{ path: '', id: found.id, bytes: found.bytes }];
  if (found.type !== 'tree') return [];
  const { code, stdout, stderr } = await call(git, tree, ['ls-tree', '-r', '-z', '-l', found.id]);
  if (code !== 0) throw failure('ls-tree', stderr);
  return stdout.toString().split('\0').flatMap(parseEntry);
}

/** `100644 blob 1234abcd    512<TAB>dir/name` */
function parseEntry(entry: string): CommittedFile[] {
  const [, mode = '', id = '', bytes = '', path = ''] =
    /^(\d+) blob ([0-9a-f]+) +(\d+)\t([\s\S]+)$/.exec(entry) ?? [];
  return mode.startsWith('100') ? [{ path, id, bytes: Number(bytes) }] : [];
}

/** The contents of blobs by their ids: one process. Throws SQ303 where one of them is not here. */
export async function readCommittedFiles(
  git: Git,
  tree: WorkTree,
  ids: readonly string[],
): Promise<Map<string, Buffer>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const input = wanted.map((id) => `${id}\n`).join('');
  const { code, stdout, stderr } = await call(git, tree, ['cat-file', '--batch', '--buffer'], input);
  if (code !== 0) throw failure('cat-file', stderr);
  return parseContents(stdout);
}

/** `<id> blob <bytes>\n<content>\n`, one after the other. */
function parseContents(output: Buffer): Map<string, Buffer> {
  const contents = new Map<string, Buffer>();
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(10, at);
    const [id = '', type, bytes] = output.subarray(at, end).toString().split(' ');
    if (type !== 'blob') throw failure('cat-file', `${id} is ${type ?? 'not here'}: fetch the whole commit`);
    const start = end + 1;
    contents.set(id, output.subarray(start, start + Number(bytes)));
    at = start + Number(bytes) + 1;
  }
  return contents;
}

interface GitObject {
  id: string;
  type: string;
  bytes: number;
}

/** Undefined where there is no such object. Names with line ends need git 2.38. */
async function lookUp(git: Git, tree: WorkTree, name: string): Promise<GitObject | undefined> {
  const zero = /[\r\n]/.test(name);
  const args = [
    'cat-file',
    '--batch-check=%(objectname) %(objecttype) %(objectsize)',
    ...(zero ? ['-z'] : []),
  ];
  const { code, stdout, stderr } = await call(git, tree, args, `${name}${zero ? '\0' : '\n'}`);
  if (code !== 0) throw failure('cat-file', stderr);
  const [, id = '', type = '', bytes = ''] =
    /^([0-9a-f]{40,64}) (\w+) (\d+)\n$/.exec(stdout.toString()) ?? [];
  return id === '' ? undefined : { id, type, bytes: Number(bytes) };
}

function call(
  git: Git,
  { root, gitDir }: WorkTree,
  args: readonly string[],
  input?: string,
): Promise<GitResult> {
  const told = { args, cwd: root, gitDir, workTree: root, timeout: LIMIT };
  return git(input === undefined ? told : { ...told, input });
}

function failure(verb: string, stderr: string): SquallError {
  const said = stderr.trim().split('\n', 1)[0]?.slice(0, 300);
  return new SquallError('SQ303', `git ${verb} failed: ${said || 'it does not say why'}`);
}
