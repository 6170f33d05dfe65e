/**
 * Writes what is generated from the code: the schemas for editors, the manifest reference, the table of errors, the OpenAPI document of
 * the API. With `--check` it writes nothing and exits with 1 where a file on disk differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ERRORS } from '../src/core/errors.ts';
import { KINDS } from '../src/core/kinds.ts';
import { FAULTS } from '../src/faults/index.ts';
import type { JSONSchema } from '../src/manifests/schema.ts';
import { documentSchemas } from '../src/manifests/schemas.ts';
import { PROBES } from '../src/probes/index.ts';
import { manifestProbe } from '../src/probes/schema.ts';
import { openapiDocument } from '../src/server/openapi.ts';
import { renderErrors, renderReference } from './reference.ts';

const schemas = documentSchemas(
  FAULTS,
  PROBES.map((kind) => manifestProbe(kind)),
);

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function fileOf(kind: string): string {
  return `${kind.toLowerCase()}.schema.json`;
}

/** Any kind of document: the one whose `kind` it has. */
const anyKind: JSONSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Squall manifest',
  type: 'object',
  properties: { kind: { enum: KINDS } },
  required: ['kind'],
  oneOf: KINDS.map((kind) => ({ $ref: fileOf(kind) })),
};

const generated: Record<string, string> = {
  ...Object.fromEntries(KINDS.map((kind) => [`schemas/${fileOf(kind)}`, json(schemas[kind])])),
  'schemas/manifest.schema.json': json(anyKind),
  'docs/reference.md': renderReference(schemas, FAULTS, PROBES),
  'docs/errors.md': renderErrors(ERRORS),
  'schemas/openapi.json': json(await openapiDocument()),
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
