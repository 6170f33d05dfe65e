import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';

/** As many as Linux follows in one path (path_resolution(7)). */
const MOST_LINKS = 40;

/** Where a path ends, and every symbolic link on the way there, those inside other links' targets too. Missing parts are taken as written. */
export function followLinks(path: string): { real: string; links: string[] } {
  const links: string[] = [];
  const real = follow(resolve(path), links);
  return { real, links };
}

function follow(path: string, links: string[]): string {
  const { root } = parse(path);
  let at = root;
  for (const part of path.slice(root.length).split(sep)) {
    const next = join(at, part);
    const target = links.length < MOST_LINKS ? linkTarget(next) : undefined;
    if (target === undefined) {
      at = next;
      continue;
    }
    links.push(next);
    at = follow(resolve(dirname(next), target), links);
  }
  return at;
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined;
  } catch {
    return undefined;
  }
}
