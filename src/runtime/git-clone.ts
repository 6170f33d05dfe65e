import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hash } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import type { Git, GitCall, GitResult } from './git.ts';
import { type Commit, parseCommit } from './git-commit.ts';
import { endLeftovers } from './git-processes.ts';
import type { Remote } from './git-remote.ts';
import { canVerify, type Signature, verifySignature } from './git-signature.ts';

export interface CloneOptions {
  git: Git;
  /** The work tree; all that is in it is ours. */
  dir: string;
  remote: Remote;
  branch: string;
  /** Directories below `dir` that are to be there, whatever is checked out. */
  paths: readonly string[];
  /** Ends a fetch. */
  signal: AbortSignal;
}

/** What came of a fetch. `missing`: the remote answers, but has no such branch. */
export type Fetched = { commit: string } | { failed: 'unreachable' | 'missing'; message: string };

/** The commit whose tree was last written whole. */
const CURRENT = 'refs/squall/current';
/** The branch as the last fetch found it. */
const FETCHED = 'refs/squall/fetched';
/** ms that writing a tree may take. */
const TREE_LIMIT = 60_000;
const FOREIGN =
  "it belongs to another user: `git config --global --add safe.directory DIR`, as the daemon's user, lets git read it";
/** What a killed git leaves behind (gitrepository-layout(5)). */
const LOCKS = ['index', 'HEAD', 'config', 'shallow', 'packed-refs', FETCHED, CURRENT];

/**
 * One branch of a remote repository in a directory. Methods are to be called one after the other. Those that write the tree leave it half
 * written where they reject, or the process dies; `restore` makes it whole.
 */
export class GitClone {
  readonly #options: CloneOptions;
  readonly #gitDir: string;
  #shallow = true;
  #owner = '';

  constructor(options: CloneOptions) {
    this.#options = options;
    this.#gitDir = join(options.dir, '.git');
  }

  /**
   * Takes up the repository that is there, if it is of this remote and branch and has a good commit, and returns that; begins anew
   * otherwise. Throws SQ306 without git, SQ501 for an unreadable `allowedSigners`.
   */
  async open(allowedSigners: string | undefined): Promise<string | undefined> {
    const { dir } = this.#options;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const { dev, ino } = await stat(dir, { bigint: true });
    this.#owner = `${dev}-${ino}`; // other containers' directories may have the same path
    await endLeftovers(this.#owner);
    await this.#unlock();
    const last = (await this.#isOurs()) ? await this.#resolve(CURRENT) : undefined;
    if (last === undefined) await this.reset();
    else await this.#writeRemote();
    if (allowedSigners !== undefined) await canVerify(this.#run, allowedSigners);
    return last;
  }

  /** Forgets everything and begins anew. */
  async reset(format = 'sha1'): Promise<void> {
    await rm(this.#gitDir, { recursive: true, force: true });
    // sha1 is not named: git knows the option only since 2.29
    const object = format === 'sha1' ? [] : [`--object-format=${format}`];
    await this.#must(['init', '--quiet', '--template=', ...object]);
    await writeFile(join(this.#gitDir, 'squall-source'), this.#identity());
    await this.#writeRemote();
  }

  /** Writes the tree of a commit into an emptied directory, whatever is there. */
  async restore(commit: string): Promise<void> {
    await this.clear();
    await this.#must(['checkout', '--quiet', '--force', '--detach', commit], TREE);
    await this.#makePaths();
  }

  /** Empties the directory. */
  async clear(): Promise<void> {
    const { dir } = this.#options;
    await this.#unlock();
    const entries = (await readdir(dir)).filter((name) => name !== '.git');
    await Promise.all(
      entries.map((name) => rm(join(dir, name), { recursive: true, force: true, maxRetries: 2 })),
    );
    await rm(join(this.#gitDir, 'index'), { force: true });
    await this.#makePaths();
  }

  /** Writes what differs between the tree and a commit, takes away what is not in it, and remembers the commit as the last good one. */
  async checkout(commit: string): Promise<void> {
    await this.#unlock();
    await this.#must(['clean', '--quiet', '-ffdx'], TREE); // first: an untracked directory may stand where a file is to come
    await this.#must(['checkout', '--quiet', '--force', '--detach', commit], TREE);
    await this.#makePaths();
    await this.#must(['update-ref', CURRENT, commit]);
  }

  /** `timeout`: ms. */
  async fetch(timeout: number): Promise<Fetched> {
    await this.#unlock();
    try {
      const { code, stderr } = await this.#fetchOnce(timeout);
      if (code !== 0) return this.#failure(stderr);
      const commit = await this.#resolve(FETCHED);
      return commit === undefined
        ? { failed: 'unreachable', message: 'git fetch left no commit' }
        : { commit };
    } catch (error) {
      return { failed: 'unreachable', message: this.#options.remote.redact((error as Error).message) };
    }
  }

  /** What a commit says; rejects where it is not there. */
  async read(commit: string): Promise<Commit> {
    return parseCommit((await this.#must(['cat-file', 'commit', commit])).stdout);
  }

  verify(commit: string, allowedSigners: string): Promise<Signature> {
    return verifySignature(this.#run, commit, allowedSigners);
  }

  /** Those of the paths that the commit does not have as a directory; and those that are links to somewhere else. */
  async lookAtPaths(commit: string): Promise<{ lacking: string[]; astray: string[] }> {
    const found = { lacking: [] as string[], astray: [] as string[] };
    for (const path of this.#options.paths.filter((path) => path !== '.')) {
      const args = ['cat-file', '--batch-check=%(objecttype)', '--follow-symlinks'];
      const { stdout } = await this.#must(args, { input: `${commit}:${path}\n` });
      const [answer = ''] = stdout.toString().split('\n');
      if (/^(symlink|dangling|loop) \d+$/.test(answer)) found.astray.push(path);
      else if (answer !== 'tree') found.lacking.push(path);
    }
    return found;
  }

  async #fetchOnce(timeout: number): Promise<GitResult> {
    const { branch, signal } = this.#options;
    const depth = this.#shallow ? ['--depth=1', '--update-shallow'] : [];
    const flags = ['--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', ...depth];
    const args = ['fetch', ...flags, 'squall', `+refs/heads/${branch}:${FETCHED}`];
    const config = [`include.path=${this.#remoteFile}`];
    const result = await this.#run(args, { remote: true, timeout, signal, config });
    if (result.code === 0) return result;
    if (this.#shallow && /does not support (shallow|--depth)|dumb http/i.test(result.stderr)) {
      this.#shallow = false;
      return this.#fetchOnce(timeout);
    }
    const [, format] = /mismatched algorithms: client \w+; server (\w+)/.exec(result.stderr) ?? [];
    if (format === undefined || (await this.#resolve(CURRENT)) !== undefined) return result;
    await this.reset(format);
    return this.#fetchOnce(timeout);
  }

  #failure(stderr: string): Fetched {
    const { remote } = this.#options;
    const lines = stderr.split('\n').filter((line) => /^(fatal|error|ssh):/.test(line));
    const said = (lines.length > 0 ? lines : stderr.split('\n')).map((line) => line.trim()).filter(Boolean);
    if (/dubious ownership/.test(stderr)) said.push(FOREIGN);
    const message = remote.redact(said.join('; ').slice(0, 600)) || 'git fetch does not say why';
    return { failed: /couldn't find remote ref/.test(stderr) ? 'missing' : 'unreachable', message };
  }

  async #isOurs(): Promise<boolean> {
    if (!existsSync(join(this.#gitDir, 'HEAD'))) return false;
    const source = await readFile(join(this.#gitDir, 'squall-source'), 'utf8').catch(() => '');
    return source === this.#identity() && (await this.#run(['rev-parse', '--git-dir'])).code === 0;
  }

  #identity(): string {
    const { remote, branch } = this.#options;
    return hash(`${remote.shown}\n${branch}`);
  }

  get #remoteFile(): string {
    return join(this.#gitDir, 'squall-remote');
  }

  /** In a file, since everybody may read command lines. */
  async #writeRemote(): Promise<void> {
    const { url, header } = this.#options.remote;
    const lines = ['[remote "squall"]', `\turl = ${quoted(url)}`];
    if (header !== undefined) lines.push(`[http ${quoted(url)}]`, `\textraHeader = ${quoted(header)}`);
    await rm(this.#remoteFile, { force: true });
    await writeFile(this.#remoteFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  async #unlock(): Promise<void> {
    await Promise.all(LOCKS.map((name) => rm(join(this.#gitDir, `${name}.lock`), { force: true })));
  }

  /** A file may stand in the way: the reader of manifests tells. */
  async #makePaths(): Promise<void> {
    const { dir, paths } = this.#options;
    await Promise.all(paths.map((path) => mkdir(join(dir, path), { recursive: true }).catch(() => {})));
  }

  async #resolve(ref: string): Promise<string | undefined> {
    const { code, stdout } = await this.#run(['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]);
    return code === 0 ? stdout.toString().trim() : undefined;
  }

  readonly #run = (args: readonly string[], more: Partial<GitCall> = {}): Promise<GitResult> => {
    const { git, dir } = this.#options;
    return git({ args, cwd: dir, gitDir: this.#gitDir, owner: this.#owner, ...more });
  };

  async #must(args: readonly string[], more: Partial<GitCall> & { tree?: true } = {}): Promise<GitResult> {
    const { tree, ...rest } = more;
    const call = tree ? { ...rest, workTree: this.#options.dir } : rest;
    const result = await this.#run(args, call);
    if (result.code === 0) return result;
    const said = result.stderr.trim().replaceAll('\n', '; ').slice(0, 400);
    throw new SquallError('SQ303', `git ${args[0]} failed in ${this.#options.dir}: ${said}`, {
      terminal: false,
    });
  }
}

/** For calls that write the tree. Files are written as they are stored. */
const TREE = { tree: true, timeout: TREE_LIMIT, config: ['core.autocrlf=false'] } as const;

/** A value or a subsection as git-config(1) reads it. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
