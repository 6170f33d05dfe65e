import { isAbsolute, join, normalize, resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { createCoalescer } from '../runtime/coalesce.ts';
import { type Git, runGit } from '../runtime/git.ts';
import { type Fetched, GitClone } from '../runtime/git-clone.ts';
import { isBranchName, parseRemote, type Remote } from '../runtime/git-remote.ts';
import { commitText } from './provenance.ts';

/** An event about the source, for people. */
export interface GitEvent {
  reason: string;
  message: string;
  warning?: boolean;
}

export interface GitSourceOptions {
  /** A URL or a path, as git-fetch(1) knows them. A password in it is kept to git and to a file of mode 0600 in `dir`. */
  url: string;
  branch: string;
  /** Below the repository's root, where manifests are; `.` for all of it. */
  paths: readonly string[];
  /** ms between fetches. */
  interval: number;
  /** An allowed signers file (ssh-keygen(1)): only commits that one of them signed are taken. */
  allowedSigners: string | undefined;
  /** All that is in it is the source's; made where it is missing. */
  dir: string;
  clock: Clock;
  log: Log;
  emit: (event: GitEvent) => void;
  git?: Git;
}

export interface GitStatus {
  /** Without user and password. */
  url: string;
  branch: string;
  /** What is checked out. */
  commit: string | undefined;
  /** Wall clock, ms: when the remote last answered with the branch. */
  fetchedAt: number | undefined;
  /** What is wrong just now. */
  error: string | undefined;
}

/** Lets `work` write to the directories while nobody reads them. */
export type Exclusively = (work: () => Promise<void>) => Promise<void>;

/** The manifests of one branch of a remote repository, in a directory, kept up to date. */
export interface GitSource {
  /** Directories to watch. They are there once `start` has resolved, and stay. */
  directories(): string[];
  /**
   * Writes the last good commit's tree anew, whole, and fetches once. A remote that fails is told by an event; without a last good commit
   * the directories are empty until it answers. Nobody may read the directories before this has resolved. Rejects with SQ306 where git
   * or ssh-keygen is missing, SQ501 where `allowedSigners` cannot be read, SQ303 where the directory cannot be used.
   */
  start(): Promise<void>;
  /** Fetches every interval from then on; a new commit is checked out inside `exclusively`. */
  follow(exclusively: Exclusively): void;
  /** Fetches now. Resolves with the commit that is checked out then. */
  sync(): Promise<string | undefined>;
  status(): GitStatus;
  /** To be called when nobody reads the directories any more. */
  close(): Promise<void>;
}

/** ms that a fetch may take. */
const FETCH_LIMIT = 60_000;
/** ms that the first fetch may hold up a daemon that has a last good commit to work with. */
const FIRST_LIMIT = 10_000;
/** Characters of what git says. */
const LONGEST_ERROR = 400;
/** ms between tries to make a tree whole that could not be written. */
const MEND_EVERY = 2_000;

/** What keeps the newest commit from being what is checked out. */
interface Trouble {
  /** The same trouble has the same key: it is told once. */
  key: string;
  reason: string;
  message: string;
}

/** Checks the options; touches nothing before `start`. Throws SQ501 for a URL, branch or path that cannot be one. */
export function createGitSource(options: GitSourceOptions): GitSource {
  return new FetchedSource(options);
}

class FetchedSource implements GitSource {
  readonly #options: GitSourceOptions;
  readonly #remote: Remote;
  readonly #paths: string[];
  readonly #allowedSigners: string | undefined;
  readonly #clone: GitClone;
  readonly #closing = new AbortController();
  readonly #turns = createCoalescer((_key, limit) => this.#synchronize(Number(limit)));
  #exclusively: Exclusively = (work) => work();
  #cancel: () => void = () => {};
  #commit: string | undefined;
  #fetchedAt: number | undefined;
  #trouble: Trouble | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: GitSourceOptions) {
    const { url, branch, paths, dir, allowedSigners, git = runGit } = options;
    if (!isBranchName(branch)) throw badBranch(branch);
    this.#options = options;
    this.#remote = parseRemote(url);
    this.#paths = [...new Set(paths.map(pathBelow))];
    this.#allowedSigners = allowedSigners === undefined ? undefined : resolve(allowedSigners);
    this.#clone = new GitClone({
      git,
      dir: resolve(dir),
      remote: this.#remote,
      branch,
      paths: this.#paths,
      signal: this.#closing.signal,
    });
  }

  directories(): string[] {
    return this.#paths.map((path) => join(resolve(this.#options.dir), path));
  }

  async start(): Promise<void> {
    const last = await this.#clone.open(this.#allowedSigners);
    if (last !== undefined) await this.#takeUp(last);
    if (this.#commit === undefined) await this.#clone.clear();
    await this.#turn(this.#commit === undefined ? FETCH_LIMIT : FIRST_LIMIT);
  }

  follow(exclusively: Exclusively): void {
    this.#exclusively = exclusively;
    this.#wait();
  }

  async sync(): Promise<string | undefined> {
    await this.#turn(FETCH_LIMIT);
    return this.#commit;
  }

  status(): GitStatus {
    return {
      url: this.#remote.shown,
      branch: this.#options.branch,
      commit: this.#commit,
      fetchedAt: this.#fetchedAt,
      error: this.#trouble?.message,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancel();
    await this.#running;
  }

  /** `limit`: ms that the fetch may take. */
  async #turn(limit: number): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#running = this.#turns.run('sync', String(limit));
    await this.#running;
  }

  #wait(): void {
    if (this.#closing.signal.aborted) return;
    this.#cancel = this.#options.clock.after(this.#options.interval, () => {
      void this.#turn(FETCH_LIMIT).then(() => this.#wait());
    });
  }

  /** The last good commit, from the time before this start. */
  async #takeUp(commit: string): Promise<void> {
    try {
      const refused = await this.#refusal(commit);
      if (refused !== undefined) return this.#hasTrouble(refused);
      await this.#clone.restore(commit);
      this.#commit = commit;
    } catch (error) {
      // its objects are damaged: what the remote has replaces them
      const message = `the last good commit ${short(commit)} cannot be written any more: ${this.#text(error)}`;
      this.#hasTrouble({ key: 'lost', reason: 'GitCheckoutFailed', message });
      await this.#clone.reset();
    }
  }

  /** Never rejects: what fails is told as an event, and tried again. */
  async #synchronize(limit: number): Promise<void> {
    try {
      await this.#fetchAndCheckOut(limit);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#hasTrouble({ key: 'failed', reason: 'GitSyncFailed', message: this.#text(error) });
    }
  }

  async #fetchAndCheckOut(limit: number): Promise<void> {
    const fetched = await this.#clone.fetch(limit);
    if (this.#closing.signal.aborted) return;
    if ('failed' in fetched) return this.#hasTrouble(this.#fetchTrouble(fetched));
    const { commit } = fetched;
    this.#fetchedAt = this.#options.clock.now();
    if (commit === this.#commit) return this.#isWell();
    const refused = await this.#refusal(commit);
    if (refused !== undefined) return this.#hasTrouble(refused);
    const failure = await this.#checkOut(commit);
    if (failure !== undefined) return this.#hasTrouble(failure);
    this.#commit = commit;
    this.#trouble = undefined;
    await this.#tellCommit(commit);
  }

  /** Holds the readers until the tree is whole: the new commit's, or else the one before. Rejects only where the source is closed meanwhile. */
  async #checkOut(commit: string): Promise<Trouble | undefined> {
    let trouble: Trouble | undefined;
    await this.#exclusively(async () => {
      if (this.#closing.signal.aborted) throw closed();
      try {
        await this.#clone.checkout(commit);
      } catch (error) {
        const message = `commit ${short(commit)} cannot be checked out: ${this.#text(error)}`;
        trouble = { key: `checkout ${commit}`, reason: 'GitCheckoutFailed', message };
        this.#hasTrouble(trouble);
        await this.#mend();
      }
    });
    return trouble;
  }

  async #mend(): Promise<void> {
    for (;;) {
      try {
        return await (this.#commit === undefined ? this.#clone.clear() : this.#clone.restore(this.#commit));
      } catch (error) {
        this.#options.log.error({ error: this.#text(error) }, 'the tree of manifests cannot be made whole');
      }
      await this.#pause(MEND_EVERY);
      if (this.#closing.signal.aborted) throw closed();
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((done) => {
      const finish = () => {
        cancel();
        signal.removeEventListener('abort', finish);
        done();
      };
      const cancel = this.#options.clock.after(ms, finish);
      if (signal.aborted) finish();
      else signal.addEventListener('abort', finish);
    });
  }

  /** Why a commit is not taken; undefined where it is. */
  async #refusal(commit: string): Promise<Trouble | undefined> {
    const refuse = (why: string): Trouble => ({
      key: `refused ${commit} ${why}`,
      reason: 'GitCommitRefused',
      message: `commit ${short(commit)} of ${this.#options.branch} is refused: ${commitText(why)}. ${this.#stays()}`,
    });
    if (this.#allowedSigners !== undefined) {
      const signature = await this.#clone.verify(commit, this.#allowedSigners);
      if ('refused' in signature) return refuse(signature.refused);
    }
    const { astray } = await this.#clone.lookAtPaths(commit);
    return astray.length > 0 ? refuse(`${astray.join(', ')} is a link that leads out of it`) : undefined;
  }

  #fetchTrouble({ failed, message }: Exclude<Fetched, { commit: string }>): Trouble {
    const { branch } = this.#options;
    const where = this.#remote.shown;
    return failed === 'missing'
      ? {
          key: failed,
          reason: 'GitBranchMissing',
          message: `${where} has no branch ${branch}. ${this.#stays()}`,
        }
      : {
          key: failed,
          reason: 'GitFetchFailed',
          message: `${branch} cannot be fetched from ${where}: ${commitText(message, LONGEST_ERROR)}. ${this.#stays()}`,
        };
  }

  #stays(): string {
    return this.#commit === undefined
      ? 'There is no good commit yet: no manifests'
      : `Commit ${short(this.#commit)} stays`;
  }

  async #tellCommit(commit: string): Promise<void> {
    const { author, subject } = await this.#clone.read(commit);
    const { lacking } = await this.#clone.lookAtPaths(commit);
    const what = `${this.#options.branch} is at commit ${short(commit)} "${commitText(subject)}" by ${commitText(author)}`;
    if (lacking.length === 0) return this.#options.emit({ reason: 'GitCheckedOut', message: what });
    const message = `${what}, which has no directory ${lacking.join(', ')}`;
    this.#options.emit({ reason: 'GitCheckedOut', message, warning: true });
  }

  #hasTrouble(trouble: Trouble): void {
    const known = this.#trouble?.key === trouble.key;
    this.#trouble = trouble;
    if (!known) this.#options.emit({ reason: trouble.reason, message: trouble.message, warning: true });
  }

  #isWell(): void {
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    const message = `${this.#options.branch} of ${this.#remote.shown} is at commit ${short(this.#commit ?? '')} as before`;
    this.#options.emit({ reason: 'GitRecovered', message });
  }

  #text(error: unknown): string {
    return commitText(this.#remote.redact(describeError(error)), LONGEST_ERROR);
  }
}

function short(commit: string): string {
  return commit.slice(0, 12);
}

function closed(): SquallError {
  return new SquallError('SQ303', 'the Git source is closed', { terminal: false });
}

function badBranch(branch: string): SquallError {
  return new SquallError('SQ501', `${JSON.stringify(branch)} is no name of a branch`, {
    hint: 'Name it as `git branch` shows it: --branch main',
  });
}

/** As git names it: relative, without `.` parts and a slash at the end. Throws SQ501 where it leads out of the work tree, or into `.git`. */
function pathBelow(path: string): string {
  const plain = normalize(path).replace(/\/+$/, '') || '.';
  const bad = isAbsolute(path) || path === '' || /\p{Cc}|^\.\.(\/|$)|(^|\/)\.git(\/|$)/iu.test(plain);
  if (!bad) return plain;
  throw new SquallError('SQ501', `${JSON.stringify(path)} is no directory of a repository`, {
    hint: "Give it relative to the repository's root: --path experiments, or --path . for all of it",
  });
}
