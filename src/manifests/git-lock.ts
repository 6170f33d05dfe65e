import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Whether Git is at work on the tree that holds the path: it keeps `index.lock` in its directory for the whole of a checkout
 * (gitrepository-layout(5)). The path itself need not exist any more. A `.git` that is a file names the directory (worktrees, submodules).
 */
export function gitIsWriting(path: string): boolean {
  for (let dir = dirname(resolve(path)); ; dir = dirname(dir)) {
    const gitDir = gitDirectory(join(dir, '.git'));
    if (gitDir !== undefined) return existsSync(join(gitDir, 'index.lock'));
    if (dir === dirname(dir)) return false;
  }
}

function gitDirectory(dotGit: string): string | undefined {
  try {
    // reading what is no plain file (a FIFO, say) could take for ever
    if (!statSync(dotGit).isFile()) return statSync(dotGit).isDirectory() ? dotGit : undefined;
    const [, target] = /^gitdir: (.+)$/m.exec(readFileSync(dotGit, 'utf8')) ?? [];
    return target === undefined ? undefined : resolve(dirname(dotGit), target);
  } catch {
    return undefined;
  }
}
