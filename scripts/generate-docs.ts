/**
 * Writes what is generated from the code: the schemas for editors, the manifest reference, the table of errors. With `--check` it
 * writes nothing and exits with 1 where a file on disk differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '../src/core/errors.ts';
import { FAULTS } from '../src/faults/index.ts';
import { experimentSchema } from '../src/manifests/schema.ts';
import { renderErrors, renderReference } from './reference.ts';

const schema = experimentSchema(FAULTS);

const generated: Record<string, string> = {
  'schemas/experiment.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
  'docs/reference.md': renderReference(schema, FAULTS),
  'docs/errors.md': renderErrors(ERRORS),
};

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../${name}`, import.meta.url));
}

function onDisk(name: string): string | undefined {
  try {
    return readFileSync(pathOf(name), 'utf8');
  } catch {
    return undefined;
  }
}

function main(): number {
  const differing = Object.keys(generated).filter((name) => onDisk(name) !== generated[name]);
  if (process.argv.includes('--check')) {
    for (const name of differing)
      process.stderr.write(`${name} is not what the code says: run npm run docs\n`);
    return differing.length > 0 ? 1 : 0;
  }
  for (const name of differing) {
    mkdirSync(dirname(pathOf(name)), { recursive: true });
    writeFileSync(pathOf(name), generated[name] as string);
    process.stderr.write(`wrote ${name}\n`);
  }
  return 0;
}

process.exitCode = main();
