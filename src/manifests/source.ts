import { resolve } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { AnyManifest, ObjectId } from '../core/kinds.ts';
import type { Log } from '../core/log.ts';
import { changedObjects, type DesiredState, mergeDeclared } from './desired.ts';
import { FileTable } from './file-table.ts';
import { formatProblem } from './problem.ts';
import { Removals } from './removals.ts';
import { scanDirectories } from './scan.ts';
import { withStandingPolicies } from './standing-policies.ts';
import type { Validator } from './validate.ts';
import { DirectoryWatch } from './watch.ts';

export interface ManifestChange {
  /** What is new, gone or declared differently; empty where only problems changed. */
  ids: ReadonlySet<ObjectId>;
  /** Wall clock, ms: when the first file event of this change was seen. */
  at: number;
}

/** The manifests of some directories as one desired state, kept up to date. */
export interface ManifestSource {
  /** Watches, and reads for the first time: done when it resolves. */
  start(): Promise<void>;
  /** Immutable: a change replaces it. */
  state(): DesiredState;
  /** Called after each change from `start` on. Returns the way to stop that. */
  onChange(listener: (change: ManifestChange) => void): () => void;
  /** Reads the directories again, watch events or not. Resolves when what it found has settled. */
  resync(): Promise<void>;
  /**
   * Runs work that alone writes to the directories. Nothing is read meanwhile, and what it leaves is taken up in one step: no manifest of
   * it counts before another. Rejects with what `work` rejects with; what it left then is taken up all the same.
   */
  exclusively(work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface ManifestOptions {
  dirs: readonly string[];
  validator: Validator;
  clock: Clock;
  log: Log;
  /** What the journal remembers: stands for files that cannot be read or parsed at the start. */
  lastGood?: readonly AnyManifest[];
  /** ms that a removal waits for the name to come back. Default 40. */
  settleMs?: number;
}

/** ms that `start` and `resync` wait for files and removals to settle; what takes longer comes as a change later. */
const LONGEST_WAIT = 300;

/** Opens the directories; nothing is read before `start`. Directories that are missing are read once they appear. */
export function openManifests(options: ManifestOptions): ManifestSource {
  return new WatchedManifests(options);
}

class WatchedManifests implements ManifestSource {
  readonly #options: ManifestOptions;
  readonly #dirs: string[];
  readonly #files: FileTable;
  readonly #removals: Removals;
  readonly #listeners = new Set<(change: ManifestChange) => void>();
  readonly #waiting = new Set<() => void>();
  #state: DesiredState;
  readonly #watch: DirectoryWatch;
  #running: Promise<void> | undefined;
  #again = false;
  #started = false;
  #closed = false;
  /** Who writes exclusively just now. */
  #writing = 0;
  /** The next pass sees what was written exclusively: it is whole as it is. */
  #whole = false;
  /** When the first event came that no pass has looked at yet. */
  #eventAt: number | undefined;

  constructor(options: ManifestOptions) {
    const { clock, validator, lastGood = [], settleMs = 40 } = options;
    const wake = () => this.#look();
    this.#options = options;
    this.#dirs = [...new Set(options.dirs.map((dir) => resolve(dir)))];
    this.#files = new FileTable(validator, clock, wake, lastGood);
    this.#removals = new Removals(clock, settleMs, wake);
    this.#watch = new DirectoryWatch(
      this.#dirs,
      () => this.#event(),
      (error) =>
        options.log.warn({ error: String(error) }, 'watching failed: changes are seen at the next resync'),
    );
    this.#state = mergeDeclared(lastGood, []);
  }

  async start(): Promise<void> {
    // listening comes first: what changes while the files are read is seen
    await this.#watch.start();
    await this.resync();
    this.#started = true;
  }

  state(): DesiredState {
    return this.#state;
  }

  onChange(listener: (change: ManifestChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async resync(): Promise<void> {
    this.#look();
    await this.#running;
    if (!this.#settled() && !this.#closed) await this.#settling();
  }

  async exclusively(work: () => Promise<void>): Promise<void> {
    this.#writing += 1;
    try {
      await this.#running;
      await work();
    } finally {
      this.#writing -= 1;
      if (this.#writing === 0) {
        this.#whole = true;
        this.#look();
      }
    }
    await this.resync();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#files.cancel();
    this.#removals.cancel();
    this.#listeners.clear();
    await this.#watch.close();
    await this.#running;
    this.#wakeWaiting();
  }

  #event(): void {
    this.#eventAt ??= this.#options.clock.now();
    this.#look();
  }

  /** One pass at a time; whatever asks during one gets another after it. */
  #look(): void {
    if (this.#closed) return;
    this.#again = true;
    if (this.#writing > 0) return;
    this.#running ??= this.#passes()
      .catch((error) => this.#options.log.error({ error: String(error) }, 'reading the manifests failed'))
      .finally(() => {
        this.#running = undefined;
        if (this.#again && this.#writing === 0) this.#look();
        else if (this.#settled()) this.#wakeWaiting();
      });
  }

  async #passes(): Promise<void> {
    while (this.#again && !this.#closed && this.#writing === 0) {
      this.#again = false;
      await this.#pass();
    }
  }

  async #pass(): Promise<void> {
    const seenAt = this.#eventAt ?? this.#options.clock.now();
    this.#eventAt = undefined;
    const whole = this.#whole;
    this.#whole = false;
    this.#removals.beforeScan();
    this.#watch.follow();
    const scan = await scanDirectories(this.#dirs);
    this.#files.still = whole;
    const changes = await this.#files.update(scan, seenAt);
    this.#files.still = false;
    if (this.#closed) return;
    const { documents, problems } = this.#files.contents(scan);
    const declared = mergeDeclared(documents, problems, this.#state);
    const merged = withStandingPolicies(declared, this.#state, scan.missing);
    const kept = whole
      ? { state: merged, ended: this.#removals.giveUp(merged) }
      : this.#removals.hold(this.#state, merged, seenAt, this.#files.unsettled());
    this.#publish(kept.state, Math.min(seenAt, ...changes, ...kept.ended));
  }

  #publish(state: DesiredState, at: number): void {
    const ids = changedObjects(this.#state, state);
    const known = new Set(this.#state.problems.map(formatProblem));
    const now = state.problems.map(formatProblem);
    const fresh = now.filter((problem) => !known.has(problem));
    if (ids.size === 0 && fresh.length === 0 && this.#state.problems.length === now.length) return;
    this.#state = state;
    for (const problem of fresh) this.#options.log.warn({ problem }, 'a manifest has a problem');
    if (this.#started) this.#tell({ ids, at });
  }

  #tell(change: ManifestChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#options.log.error({ error: String(error) }, 'a listener to manifests failed');
      }
    }
  }

  #settled(): boolean {
    return (
      this.#running === undefined &&
      !this.#again &&
      this.#files.unsettled() === 0 &&
      this.#removals.pending() === 0
    );
  }

  #settling(): Promise<void> {
    return new Promise((done) => {
      const finish = () => {
        cancel();
        this.#waiting.delete(finish);
        done();
      };
      const cancel = this.#options.clock.after(LONGEST_WAIT, () => {
        // a pass that is under way may be the one that reads a thousand files: it is waited for
        void (this.#running ?? Promise.resolve()).then(finish);
      });
      this.#waiting.add(finish);
    });
  }

  #wakeWaiting(): void {
    for (const finish of [...this.#waiting]) finish();
  }
}
