import { access, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SquallError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import type { Suggestion } from './suggest.ts';
import { exampleManifest, policyManifest, SCHEMAS, scheduleManifest, workflow } from './templates.ts';

/** A file that is to be there. */
export interface StartFile {
  /** Below the directory. */
  path: string;
  text: string;
  /** Not for people to edit: brought up to date where it is there in another version. */
  isCopy: boolean;
}

/** `kept`: somebody's own, left as it is. */
export type Outcome = 'create' | 'replace' | 'update' | 'keep' | 'same';

const SHIPPED = fileURLToPath(new URL('../../../schemas/', import.meta.url));
const COMPOSE = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml'];

export async function startFiles(dir: string, suggestion: Suggestion, github: boolean): Promise<StartFile[]> {
  const mine = (path: string, text: (schema: string) => string, kind: string): StartFile => {
    const schema = relative(dirname(path), `${SCHEMAS}/${kind}.schema.json`);
    return { path, text: text(schema), isCopy: false };
  };
  const files = [
    mine('experiments/example.yaml', (schema) => exampleManifest(suggestion, schema), 'experiment'),
    mine('experiments/policies/default.yaml', policyManifest, 'policy'),
    mine('schedules/nightly.yaml', scheduleManifest, 'schedule'),
    ...(await schemaCopies()),
  ];
  if (!github) return files;
  const text = workflow(await hasCompose(dir));
  return [...files, { path: '.github/workflows/squall.yml', text, isCopy: false }];
}

/** Tells a copy from somebody's own file. */
const COPIED = 'Copied by `squall init`, which brings it up to date: do not edit.';

/** Copies, so that editors find them in every clone, offline, and in the version that the manifests are written for. */
async function schemaCopies(): Promise<StartFile[]> {
  const names = (await readdir(SHIPPED)).filter((name) => name.endsWith('.schema.json')).sort();
  return Promise.all(
    names.map(async (name) => {
      const schema = JSON.parse(await readFile(join(SHIPPED, name), 'utf8')) as object;
      const text = `${JSON.stringify({ $comment: `${COPIED} Squall ${VERSION}.`, ...schema })}\n`;
      return { path: `${SCHEMAS}/${name}`, text, isCopy: true };
    }),
  );
}

async function hasCompose(dir: string): Promise<boolean> {
  const found = await Promise.all(
    COMPOSE.map((name) =>
      access(join(dir, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.some(Boolean);
}

/** What is to become of the file in the directory. Throws SQ106 where that can't be told. */
export async function outcomeOf(
  dir: string,
  { path, text, isCopy }: StartFile,
  force: boolean,
): Promise<Outcome> {
  const there = await readFile(join(dir, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw notWritable(join(dir, path), error);
  });
  if (there === undefined) return 'create';
  if (there === text) return 'same';
  if (isCopy && there.startsWith(`{"$comment":${JSON.stringify(COPIED).slice(0, -1)}`)) return 'update';
  return force ? 'replace' : 'keep';
}

/** Does it. Gives what came of it: somebody else may have made the file meanwhile. Throws SQ106 where it can't be written. */
export async function writeStartFile(
  dir: string,
  { path, text }: StartFile,
  outcome: Outcome,
): Promise<Outcome> {
  const file = join(dir, path);
  try {
    await mkdir(dirname(file), { recursive: true });
    if (outcome === 'create') await writeFile(file, text, { flag: 'wx' });
    else if (outcome === 'replace' || outcome === 'update') await replace(file, text);
    return outcome;
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    if (outcome === 'create' && error.code === 'EEXIST' && error.syscall === 'open') return 'keep';
    throw notWritable(file, error);
  }
}

/** In one step: a daemon may watch it. A dot file is no manifest. */
async function replace(file: string, text: string): Promise<void> {
  const draft = join(dirname(file), `.squall-init-${process.pid}`);
  await writeFile(draft, text, { flag: 'wx' });
  await rename(draft, file);
}

function notWritable(file: string, cause: NodeJS.ErrnoException): SquallError {
  const inTheWay = ['ENOTDIR', 'EEXIST', 'EISDIR'].includes(cause.code ?? '');
  return new SquallError('SQ106', `${file} cannot be written: ${cause.code ?? cause.message}`, {
    hint: inTheWay
      ? 'Something of that name is in the way: move it, or name another directory'
      : 'Mend the permissions, or name another directory',
    cause,
  });
}
