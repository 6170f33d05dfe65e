import { stat } from 'node:fs/promises';
import { type DesiredState, type FileReading, mergeDeclared, withLastGood } from './desired.ts';
import type { Problem } from './problem.ts';
import { readDocuments, readStable, scanDirectories } from './scan.ts';
import type { Validator } from './validate.ts';

/** How often a file that is being written is tried. */
const ATTEMPTS = 5;

/**
 * Reads files and directories once, for `validate` and `plan`. A path that does not exist is a problem here. Places are told with the
 * paths as they were given.
 */
export async function readManifests(paths: readonly string[], validator: Validator): Promise<DesiredState> {
  const problems: Problem[] = [];
  const files = new Set<string>();
  for (const path of new Set(paths)) {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => error);
    if (stats instanceof Error) problems.push(noSuchPath(path, stats));
    else if (!stats.isDirectory()) files.add(path);
    else {
      const scan = await scanDirectories([path]);
      problems.push(...scan.problems);
      for (const file of scan.files.keys()) files.add(file);
    }
  }
  const readings = await Promise.all([...files].sort().map((file) => readFile(file, validator)));
  return mergeDeclared(
    readings.flatMap((reading) => withLastGood(reading, [])),
    [...problems, ...readings.flatMap((reading) => reading.problems)],
  );
}

async function readFile(file: string, validator: Validator): Promise<FileReading> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const read = await readStable(file, undefined, true);
    if (read !== 'changed') return readDocuments(file, read, validator);
  }
  const problem: Problem = {
    code: 'SQ106',
    severity: 'error',
    file,
    line: 1,
    column: 1,
    path: '',
    message: 'expected a file that stands still, found no regular file, or one that is being written',
  };
  return { declared: [], problems: [problem], broken: 'all' };
}

function noSuchPath(file: string, error: NodeJS.ErrnoException): Problem {
  const message =
    error.code === 'ENOENT' ? 'there is no such file or directory' : `cannot be read: ${error.code}`;
  return { code: 'SQ106', severity: 'error', file, line: 1, column: 1, path: '', message };
}
