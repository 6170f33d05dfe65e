import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { SquallError } from '../../core/errors.ts';
import { MAX_FILE_BYTES, tooBig } from '../../manifests/parse.ts';
import type { Problem } from '../../manifests/problem.ts';
import { isIgnored, isManifest } from '../../manifests/scan.ts';
import type { BaseInfo } from '../../report/plan-check.ts';
import type { Git } from '../../runtime/git.ts';
import {
  type CommittedFile,
  findCommit,
  findMergeBase,
  listCommitted,
  readCommittedFiles,
} from '../../runtime/git-files.ts';
import { findWorkTree, type WorkTree } from '../../runtime/git-tree.ts';
import { readTree, type TreeFiles } from './read.ts';

/** The tree that another one is compared with. */
export interface BaseTree extends TreeFiles {
  info: BaseInfo;
  /** Paths (as they were given) that it has. */
  has: ReadonlySet<string>;
}

/** Nothing at all: everything is new. */
export const NO_BASE: BaseTree = {
  files: new Map(),
  problems: [],
  info: { given: null, commit: null },
  has: new Set(),
};

/**
 * The base that `--base` names, of the same paths. What begins with `/`, `./` or `../` is a directory; anything else is a revision of the
 * repository that holds the paths, or else a directory. `REV...` is the commit at which HEAD left REV. Neither work tree nor index are
 * touched. Rejects with SQ501 where it is neither, SQ303 where git fails.
 */
export async function readBase(given: string, paths: readonly string[], git: Git): Promise<BaseTree> {
  if (/^\.{0,2}(\/|$)/.test(given)) return readDirectory(given, paths);
  const tree = workTreeOf(paths);
  const commit = tree && (await commitOf(git, tree, given));
  if (tree && commit !== undefined) return readCommitTree(git, tree, { given, commit }, paths);
  if (isDirectory(given)) return readDirectory(given, paths);
  if (!tree) {
    throw new SquallError('SQ501', `--base ${given}: ${paths.join(', ')} is in no Git work tree`, {
      hint: 'Name a directory with the manifests of the base: --base ./before',
    });
  }
  throw new SquallError('SQ501', `--base ${given}: the repository knows no such commit`, {
    hint: 'Fetch it first (`git fetch origin main`), or name a directory: --base ./before',
  });
}

async function commitOf(git: Git, tree: WorkTree, given: string): Promise<string | undefined> {
  if (!given.endsWith('...')) return findCommit(git, tree, given);
  const revision = given.slice(0, -3);
  const [there, here] = [await findCommit(git, tree, revision), await findCommit(git, tree, 'HEAD')];
  if (there === undefined || here === undefined) return undefined;
  const commit = await findMergeBase(git, tree, [there, here]);
  if (commit !== undefined) return commit;
  throw new SquallError('SQ501', `--base ${given}: HEAD and ${revision} have no commit in common here`, {
    hint: `A shallow clone holds too little: fetch more (\`git fetch --unshallow\`), or compare with ${revision} itself`,
  });
}

/** The one that holds all the paths; undefined where they are in none. Throws SQ501 where they are in several. */
function workTreeOf(paths: readonly string[]): WorkTree | undefined {
  // the path itself may be the root
  const trees = paths.map((path) => findWorkTree(join(realPathOf(path), 'manifest')));
  const roots = new Set(trees.map((tree) => tree?.root));
  if (roots.size > 1)
    throw new SquallError('SQ501', '--base takes paths of one Git repository, and these are in several', {
      hint: 'Check each repository by itself',
    });
  return trees[0];
}

/** Of a path that may be gone: what is left of it is looked at. */
function realPathOf(path: string): string {
  let [there, rest] = [resolve(path), ''];
  while (!existsSync(there)) {
    rest = join(basename(there), rest);
    there = dirname(there);
  }
  return join(realpathSync(there), rest);
}

async function readCommitTree(
  git: Git,
  tree: WorkTree,
  info: { given: string; commit: string },
  paths: readonly string[],
): Promise<BaseTree> {
  const found = new Map<string, CommittedFile>();
  const has = new Set<string>();
  for (const path of paths) {
    const at = relative(tree.root, realPathOf(path));
    const listed = await listCommitted(git, tree, info.commit, at);
    if (listed) has.add(path);
    for (const file of (listed ?? []).filter(isWanted)) found.set(join(path, file.path), file);
  }
  const small = [...found.values()].filter(({ bytes }) => bytes <= MAX_FILE_BYTES);
  const contents = await readCommittedFiles(
    git,
    tree,
    small.map(({ id }) => id),
  );
  const files = [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, { id, bytes }]) => {
      const content = contents.get(id);
      return [
        file,
        content ? { bytes: content } : { refused: tooBig(file, bytes).problems[0] as Problem },
      ] as const;
    });
  return { files: new Map(files), problems: [], info, has };
}

/** A file that is named itself is read whatever it is called. */
function isWanted({ path }: CommittedFile): boolean {
  return path === '' || (isManifest(path) && !isIgnored('/', join('/', path)));
}

/** Another checkout, which has the same paths; or, for one path, the manifests themselves. */
async function readDirectory(given: string, paths: readonly string[]): Promise<BaseTree> {
  if (!isDirectory(given))
    throw new SquallError('SQ501', `--base ${given}: there is no such directory`, {
      hint: 'Name a directory, or a commit of the repository that holds the manifests',
    });
  const pairs = paths.map((path) => ({ path, there: join(given, path) }));
  const held = pairs.filter(({ there }) => existsSync(there));
  const [only] = pairs;
  if (held.length === 0 && pairs.length > 1)
    throw new SquallError('SQ501', `--base ${given}: it has none of ${paths.join(', ')}`, {
      hint: 'Name another checkout, which has the same paths; or one path, for a directory of manifests',
    });
  const used = held.length === 0 && only ? [{ ...only, there: given }] : held;
  const called = (file: string) => {
    const pair = used.find(({ there }) => file === there || file.startsWith(join(there, sep)));
    return pair ? join(pair.path, relative(pair.there, file)) : file;
  };
  const read = await readTree(
    used.map(({ there }) => there),
    { called },
  );
  return { ...read, info: { given, commit: null }, has: new Set(used.map(({ path }) => path)) };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
