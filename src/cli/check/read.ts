import { stat } from 'node:fs/promises';
import type { AnyManifest } from '../../core/kinds.ts';
import { eachOf } from '../../core/parallel.ts';
import { type DesiredState, mergeDeclared, NOTHING_DESIRED, withLastGood } from '../../manifests/desired.ts';
import type { Problem } from '../../manifests/problem.ts';
import { readDocuments, readStable, type StableRead, scanDirectories } from '../../manifests/scan.ts';
import type { Validator } from '../../manifests/validate.ts';

/** The files of one tree, by the path under which people know them. */
export interface TreeFiles {
  files: ReadonlyMap<string, Exclude<StableRead, 'changed'>>;
  problems: Problem[];
}

const READS_AT_ONCE = 16;
/** How often a file that is being written is tried. */
const ATTEMPTS = 5;

/**
 * Reads files and directories. `called`: the path that stands for each of them. One that does not exist is a problem, unless `mayLack` says
 * that it may be gone.
 */
export async function readTree(
  paths: readonly string[],
  { called = (path) => path, mayLack = () => false }: ReadOptions = {},
): Promise<TreeFiles> {
  const problems: Problem[] = [];
  const found: string[] = [];
  for (const path of new Set(paths)) {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (stats instanceof Error) {
      if (!mayLack(path) || stats.code !== 'ENOENT') problems.push(noSuchPath(called(path), stats));
    } else if (!stats.isDirectory()) found.push(path);
    else {
      const scan = await scanDirectories([path]);
      problems.push(...scan.problems.map((problem) => ({ ...problem, file: called(problem.file) })));
      found.push(...scan.files.keys());
    }
  }
  const sorted = [...new Set(found)].sort();
  const reads = await eachOf(sorted, READS_AT_ONCE, (file) => readFile(file, called(file)));
  return {
    files: new Map(sorted.map((file, at) => [called(file), reads[at] as (typeof reads)[number]])),
    problems,
  };
}

export interface ReadOptions {
  called?: (path: string) => string;
  mayLack?: (path: string) => boolean;
}

async function readFile(file: string, called: string): Promise<Exclude<StableRead, 'changed'>> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const read = await readStable(file, undefined, true);
    if (read === 'changed') continue;
    return 'bytes' in read ? read : { refused: { ...read.refused, file: called } };
  }
  const message = 'expected a file that stands still, found no regular file, or one that is being written';
  return { refused: problemAt(called, message) };
}

function noSuchPath(file: string, error: NodeJS.ErrnoException): Problem {
  const missing = error.code === 'ENOENT';
  return problemAt(file, missing ? 'there is no such file or directory' : `cannot be read: ${error.code}`);
}

function problemAt(file: string, message: string): Problem {
  return { code: 'SQ106', severity: 'error', file, line: 1, column: 1, path: '', message };
}

/**
 * What a tree wants. `before`: the tree that a daemon has taken up already, of which the last good version of a file stands where the
 * new one is wrong.
 */
export function stateOf(
  { files, problems }: TreeFiles,
  validator: Validator,
  before?: DesiredState,
): DesiredState {
  const known = Map.groupBy(before?.objects.values() ?? [], ({ source }) => source.file);
  const documents: AnyManifest[] = [];
  const found = [...problems];
  for (const [file, read] of files) {
    const reading = readDocuments(file, read, validator);
    documents.push(...withLastGood(reading, known.get(file) ?? []));
    found.push(...reading.problems);
  }
  return mergeDeclared(documents, found, before ?? NOTHING_DESIRED);
}
