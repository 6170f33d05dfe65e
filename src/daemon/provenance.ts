import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Provenance } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import { eachOf } from '../core/parallel.ts';
import { readStable } from '../manifests/scan.ts';
import { clean } from '../report/clean.ts';
import { type Git, runGit } from '../runtime/git.ts';
import { parseCommit } from '../runtime/git-commit.ts';
import {
  type Committed,
  findWorkTree,
  hasBlobId,
  pathInTree,
  readCommit,
  readCommitted,
  treeFingerprint,
  type WorkTree,
} from '../runtime/git-tree.ts';

export interface ProvenanceReader {
  /** The commit that a manifest file came from; undefined outside a work tree, before the first commit, and where git is missing or fails. */
  of(file: string): Promise<Provenance | undefined>;
}

export interface ProvenanceOptions {
  clock: Clock;
  log: Log;
  git?: Git;
}

/** Characters of a subject or a name. */
const LONGEST_TEXT = 200;
/** ms until a tree in which git failed is asked again, though nothing has changed in it. */
const FAILED_FOR = 30_000;
/** More than HEAD can be while one look is on. */
const MOST_COMMITS = 100;
/** Files that are read at once. */
const WIDTH = 16;

/**
 * Reads where manifests came from. `dirty` is what the content says: line ends and the file's mode do not count, and what a filter of the
 * repository's (LFS, say) would turn it into is not known, for no filter is run. Who asks for many files at once costs two processes.
 */
export function createProvenance(options: ProvenanceOptions): ProvenanceReader {
  const trees = new Map<string, TreeReader>();
  return {
    of: async (file) => {
      const path = await realpath(dirname(file)).then(
        (dir) => join(dir, basename(file)),
        () => undefined,
      );
      const tree = path === undefined ? undefined : findWorkTree(path);
      if (path === undefined || tree === undefined) return undefined;
      const reader = trees.get(tree.root) ?? new TreeReader(tree, options);
      trees.set(tree.root, reader);
      return reader.of(path);
    },
  };
}

/** Text of a commit, as it may be shown: one line, safe to print, not longer than `longest` characters. */
export function commitText(text: string, longest = LONGEST_TEXT): string {
  return [...clean(text)].slice(0, longest).join('');
}

/** What is known of a file: valid as long as the tree's fingerprint is. */
interface Known extends Committed {
  commit: string | undefined;
}

type Answer = PromiseWithResolvers<Provenance | undefined>;

/** One work tree. Files that are asked for while git runs are asked of it together, next. */
class TreeReader {
  readonly #tree: WorkTree;
  readonly #git: Git;
  readonly #clock: Clock;
  readonly #log: Log;
  #waiting = new Map<string, Answer>();
  #running = false;
  #fingerprint: string | undefined;
  readonly #known = new Map<string, Known>();
  readonly #commits = new Map<string, { author: string; subject: string }>();
  #failedAt: number | undefined;
  #told = false;

  constructor(tree: WorkTree, { clock, log, git = runGit }: ProvenanceOptions) {
    this.#tree = tree;
    this.#git = git;
    this.#clock = clock;
    this.#log = log;
  }

  of(file: string): Promise<Provenance | undefined> {
    const answer = this.#waiting.get(file) ?? Promise.withResolvers<Provenance | undefined>();
    this.#waiting.set(file, answer);
    if (!this.#running) {
      this.#running = true;
      setImmediate(() => void this.#drain());
    }
    return answer.promise;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = this.#waiting;
      this.#waiting = new Map();
      const known = await this.#look([...batch.keys()]).catch((error: unknown) => this.#failed(error));
      await eachOf([...batch], WIDTH, async ([file, { resolve }]) =>
        resolve(await this.#provenance(file, known?.get(file)).catch(() => undefined)),
      );
    }
    this.#running = false;
  }

  async #look(files: readonly string[]): Promise<ReadonlyMap<string, Known> | undefined> {
    const fingerprint = await treeFingerprint(this.#tree);
    if (fingerprint !== this.#fingerprint) {
      this.#known.clear();
      this.#failedAt = undefined;
    } else if (this.#failedAt !== undefined && this.#clock.boot() - this.#failedAt < FAILED_FOR) {
      return undefined;
    }
    this.#fingerprint = fingerprint;
    const unknown = files.filter((file) => !this.#known.has(file));
    if (unknown.length > 0) await this.#ask(unknown);
    this.#failedAt = undefined;
    return this.#known;
  }

  async #ask(files: readonly string[]): Promise<void> {
    const paths = files.map((file) => pathInTree(this.#tree, file));
    const { commit, files: found } = await readCommitted(this.#git, this.#tree, paths);
    if (commit !== undefined && !this.#commits.has(commit)) {
      const { author, subject } = parseCommit(await readCommit(this.#git, this.#tree, commit));
      if (this.#commits.size >= MOST_COMMITS) this.#commits.clear();
      this.#commits.set(commit, { author: commitText(author), subject: commitText(subject) });
    }
    for (const [at, file] of files.entries()) {
      const { head, index } = found.get(paths[at] as string) ?? { head: undefined, index: undefined };
      this.#known.set(file, { commit, head, index });
    }
  }

  async #provenance(file: string, known: Known | undefined): Promise<Provenance | undefined> {
    const text = known?.commit === undefined ? undefined : this.#commits.get(known.commit);
    if (known?.commit === undefined || text === undefined) return undefined;
    return { commit: known.commit, ...text, dirty: await isDirty(file, known) };
  }

  #failed(error: unknown): undefined {
    this.#failedAt = this.#clock.boot();
    if (this.#told) return;
    this.#told = true;
    const { root } = this.#tree;
    this.#log.warn({ tree: root, error: String(error) }, 'git does not say which commit manifests are from');
  }
}

async function isDirty(file: string, { head, index }: Committed): Promise<boolean> {
  if (head === undefined || head !== index) return true;
  const read = await readStable(file);
  return read === 'changed' || !('bytes' in read) || !hasBlobId(read.bytes, head);
}
