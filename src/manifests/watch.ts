import { type FSWatcher as NodeWatcher, watch as watchNode } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { followLinks } from './links.ts';
import { isIgnored } from './scan.ts';

/**
 * Calls `wake` on whatever happens at or below the directories, or to a directory or link that leads to one. It is a hint to look, no
 * more: what changed is for the reader to find. Directories that do not exist yet are waited for.
 */
export class DirectoryWatch {
  readonly #dirs: readonly string[];
  readonly #wake: () => void;
  readonly #onError: (error: unknown) => void;
  #watcher: FSWatcher | undefined;
  /** Where the directories really are: the kernel watches inodes, and a link may be pointed elsewhere. */
  #real: string[] = [];
  #links = new Map<string, NodeWatcher>();

  constructor(dirs: readonly string[], wake: () => void, onError: (error: unknown) => void) {
    this.#dirs = dirs;
    this.#wake = wake;
    this.#onError = onError;
  }

  /** Resolves once it listens. */
  async start(): Promise<void> {
    const watcher = watch([], {
      ignoreInitial: true,
      followSymlinks: false,
      atomic: false,
      awaitWriteFinish: false,
      ignored: (path) => this.#real.some((dir) => isIgnored(dir, path)) && !this.#real.includes(path),
    });
    this.#watcher = watcher;
    // the raw event comes a millisecond before chokidar's own, which may also judge that nothing changed
    watcher.on('raw', (_event, name, details) => {
      const path = join((details as { watchedPath?: string }).watchedPath ?? '', name ?? '');
      if (this.#concerns(path)) this.#wake();
    });
    watcher.on('all', this.#wake);
    watcher.on('error', this.#onError);
    const ready = new Promise<void>((resolve) => watcher.once('ready', resolve));
    this.follow();
    await ready;
  }

  /** Follows links on the way to the directories to where they lead now. Cheap; called before each look. */
  follow(): void {
    if (this.#watcher === undefined) return;
    const followed = this.#dirs.map(followLinks);
    const real = [...new Set(followed.map((path) => path.real))];
    const gone = this.#real.filter((path) => !real.includes(path));
    const fresh = real.filter((path) => !this.#real.includes(path));
    this.#real = real;
    if (gone.length > 0) this.#watcher.unwatch(gone);
    if (fresh.length > 0) this.#watcher.add(fresh);
    this.#watchLinks(new Set(followed.flatMap(({ links }) => links)));
  }

  async close(): Promise<void> {
    this.#watchLinks(new Set());
    await this.#watcher?.close();
    this.#watcher = undefined;
  }

  /** By the directories that hold them: a link itself is never written to, only replaced. */
  #watchLinks(links: ReadonlySet<string>): void {
    for (const [link, watcher] of this.#links) {
      if (links.has(link)) continue;
      watcher.close();
      this.#links.delete(link);
    }
    for (const link of links) {
      if (this.#links.has(link)) continue;
      try {
        const watcher = watchNode(dirname(link), (_event, name) => {
          if (name === basename(link)) this.#wake();
        });
        watcher.on('error', this.#onError);
        this.#links.set(link, watcher);
      } catch (error) {
        this.#onError(error);
      }
    }
  }

  #concerns(path: string): boolean {
    return this.#real.some((dir) => (isInside(dir, path) && !isIgnored(dir, path)) || isInside(path, dir));
  }
}

function isInside(outer: string, inner: string): boolean {
  return `${inner}${sep}`.startsWith(`${outer}${sep}`);
}
