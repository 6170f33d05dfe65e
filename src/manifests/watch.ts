import { join, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { isIgnored } from './scan.ts';

export interface DirectoryWatch {
  close(): Promise<void>;
}

/**
 * Calls `wake` on whatever happens at or below the directories, or to a directory that leads to one. It is a hint to look, no more: what
 * changed is for the reader to find. Resolves once it listens. Directories that do not exist yet are waited for.
 */
export async function watchDirectories(
  dirs: readonly string[],
  wake: () => void,
  onError: (error: unknown) => void,
): Promise<DirectoryWatch> {
  const watcher: FSWatcher = watch([...dirs], {
    ignoreInitial: true,
    followSymlinks: false,
    atomic: false,
    awaitWriteFinish: false,
    ignored: (path) => dirs.some((dir) => isIgnored(dir, path)) && !dirs.includes(path),
  });
  // the raw event comes a millisecond before chokidar's own, which may also judge that nothing changed
  watcher.on('raw', (_event, name, details) => {
    const path = join((details as { watchedPath?: string }).watchedPath ?? '', name ?? '');
    if (concerns(dirs, path)) wake();
  });
  watcher.on('all', wake);
  watcher.on('error', onError);
  await new Promise<void>((resolve) => watcher.once('ready', resolve));
  return { close: () => watcher.close() };
}

function concerns(dirs: readonly string[], path: string): boolean {
  return dirs.some((dir) => (isInside(dir, path) && !isIgnored(dir, path)) || isInside(path, dir));
}

function isInside(outer: string, inner: string): boolean {
  return `${inner}${sep}`.startsWith(`${outer}${sep}`);
}
