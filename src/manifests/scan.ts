import type { BigIntStats, Dirent } from 'node:fs';
import { constants } from 'node:fs';
import { lstat, open, readdir, realpath } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { FileReading } from './desired.ts';
import { MAX_FILE_BYTES, type ParseResult, parseBytes, tooBig } from './parse.ts';
import type { Problem } from './problem.ts';
import { unparsedPolicy } from './unparsed-policy.ts';
import type { Validated, Validator } from './validate.ts';

/** What tells one state of a file from another: device, inode, size, mtime and ctime in ns. */
export type Fingerprint = string;

export interface Scan {
  /** Manifest files that are there. */
  files: Map<string, Fingerprint>;
  /** Directories that are there and cannot be read: nothing is known about what they hold. */
  unreadable: { path: string; problem: Problem }[];
  /** Of the directories that were asked for, those that are not there. */
  missing: string[];
  problems: Problem[];
}

const MANIFEST = /\.(yaml|yml|json)$/;

/** By its name. */
export function isManifest(file: string): boolean {
  return MANIFEST.test(file);
}

/** Dot files and dot directories (`.git`, editors' own), and node_modules. */
export function isIgnored(root: string, path: string): boolean {
  const inside = relative(root, path);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) return false;
  return inside.split(sep).some((part) => part.startsWith('.') || part === 'node_modules');
}

/** Every manifest file below the directories. Symbolic links are not followed; the directories themselves may be links. */
export async function scanDirectories(dirs: readonly string[]): Promise<Scan> {
  const scan: Scan = { files: new Map(), unreadable: [], missing: [], problems: [] };
  await Promise.all(dirs.map((dir) => scanDirectory(dir, dir, scan)));
  return scan;
}

async function scanDirectory(root: string, dir: string, scan: Scan): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(dir, { withFileTypes: true });
  } catch (error) {
    noDirectory(root, dir, error as NodeJS.ErrnoException, scan);
    return;
  }
  await Promise.all(
    entries.map(async (entry) => {
      const path = join(dir, entry.name);
      if (isIgnored(root, path)) return;
      if (entry.isDirectory()) await scanDirectory(root, path, scan);
      else if (entry.isSymbolicLink()) await noteLink(root, path, scan);
      else if (entry.isFile() && isManifest(entry.name)) await noteFile(path, scan);
    }),
  );
}

async function noteFile(path: string, scan: Scan): Promise<void> {
  try {
    const stats = await lstat(path, { bigint: true });
    if (stats.isFile()) scan.files.set(path, fingerprint(stats));
  } catch {
    // gone between the listing and now: not there
  }
}

function noDirectory(root: string, dir: string, error: NodeJS.ErrnoException, scan: Scan): void {
  const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
  if (missing && dir !== root) return;
  if (missing) {
    const hint =
      error.code === 'ENOENT'
        ? 'It is read once it appears'
        : 'A file is in the way: name the directory that holds it';
    scan.problems.push(directoryProblem(dir, 'warning', 'there is no such directory', hint));
    scan.missing.push(dir);
    return;
  }
  const problem = directoryProblem(
    dir,
    'error',
    `the directory cannot be read: ${error.code}`,
    'Mend its permissions',
  );
  scan.problems.push(problem);
  scan.unreadable.push({ path: dir, problem });
}

function directoryProblem(
  file: string,
  severity: Problem['severity'],
  message: string,
  hint: string,
): Problem {
  return { code: 'SQ106', severity, file, line: 1, column: 1, path: '', message, hint };
}

/** A link inside the tree needs no word: what it points to is read in its own place. */
async function noteLink(root: string, path: string, scan: Scan): Promise<void> {
  const [target, top] = await Promise.all([
    realpath(path).catch(() => undefined),
    realpath(root).catch(() => root),
  ]);
  if (target === undefined || (`${target}${sep}`.startsWith(`${top}${sep}`) && !isIgnored(top, target)))
    return;
  const message = `links out of the directory are not followed: this one leads to ${target}`;
  scan.problems.push(directoryProblem(path, 'warning', message, 'Copy the file, or watch its directory too'));
}

function fingerprint(stats: BigIntStats): Fingerprint {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/** `changed`: it is not the file any more that the fingerprint was taken of, or was written to meanwhile. */
export type StableRead = { bytes: Uint8Array } | { refused: Problem } | 'changed';

/** Reads the file if it is still what the fingerprint says, before and after. Over the size limit, it is not read at all. A link is
 * followed only where `follow` says so: for a path that a person named. */
export async function readStable(path: string, expected?: Fingerprint, follow = false): Promise<StableRead> {
  // not through a link, and not waiting for a writer: what was a file when it was listed may be a FIFO now
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  try {
    await using file = await open(path, flags);
    const before = await file.stat({ bigint: true });
    const print = fingerprint(before);
    if (!before.isFile() || (expected !== undefined && print !== expected)) return 'changed';
    if (before.size > BigInt(MAX_FILE_BYTES))
      return { refused: tooBig(path, Number(before.size)).problems[0] as Problem };
    const buffer = new Uint8Array(Number(before.size));
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, 0);
    const after = await file.stat({ bigint: true });
    if (fingerprint(after) !== print || bytesRead !== buffer.byteLength) return 'changed';
    return { bytes: buffer };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'ENOTDIR') return 'changed';
    return {
      refused: directoryProblem(path, 'error', `the file cannot be read: ${code}`, 'Mend its permissions'),
    };
  }
}

/** What came of reading a file -> its documents, checked. */
export function readDocuments(
  file: string,
  read: Exclude<StableRead, 'changed'>,
  validator: Validator,
): FileReading {
  const parsed: ParseResult =
    'bytes' in read ? parseBytes(file, read.bytes) : { documents: [], problems: [read.refused] };
  if (parsed.problems.length > 0) {
    const unparsed = 'bytes' in read ? unparsedPolicy(file, read.bytes) : undefined;
    return { declared: [], problems: parsed.problems, broken: 'all', ...(unparsed && { unparsed }) };
  }
  let checked: Validated[];
  try {
    checked = parsed.documents.map((document) => validator.validate(document));
  } catch (error) {
    // A mistake of ours in one file must not blind the daemon for all the others.
    return { declared: [], problems: [uncheckable(file, error)], broken: 'all' };
  }
  const wrong = checked.filter(({ declared }) => declared === undefined);
  return {
    declared: checked.flatMap(({ declared }) => (declared === undefined ? [] : [declared])),
    problems: checked.flatMap(({ problems }) => problems),
    broken: wrong.every(({ broken }) => broken.length > 0)
      ? new Map(wrong.flatMap(({ broken }) => broken))
      : 'all',
  };
}

function uncheckable(file: string, error: unknown): Problem {
  const message = `the file could not be checked: ${(error as Error).message}`;
  const hint = 'This is a mistake of Squall: please report it, with the file';
  return { code: 'SQ102', severity: 'error', file, line: 1, column: 1, path: '', message, hint };
}
