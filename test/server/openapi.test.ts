import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { createLog } from '../../src/core/log.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createApp } from '../../src/server/app.ts';
import { openapiDocument } from '../../src/server/openapi.ts';
import { RESOURCES } from '../../src/server/routes/index.ts';
import { createStreams } from '../../src/server/streams.ts';
import { fillObjects, fillState, type Scratch, scratch } from '../cli/fixture.ts';
import { conforms, document, type OpenapiDocument, type OpenapiOperation, validatorOf } from './document.ts';
import { structure } from './openapi-structure.ts';
import { type ScriptedControl, scriptedControl } from './scripted-control.ts';

let place: Scratch;
let journal: Journal;
let control: ScriptedControl;
let app: FastifyInstance;
let told: OpenapiDocument;
/** `METHOD /path/:parameter` of what the app was given, without the HEAD that comes with each GET. */
const registered: string[] = [];

/** The app as the daemon makes it, whoever adds routes to it. */
function watchedApp(): FastifyInstance {
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
      for (const each of [method].flat()) if (each !== 'HEAD') registered.push(`${each} ${url}`);
    });
  };
  subscribe('fastify.initialization', watch);
  const streams = createStreams(journal, control);
  const metrics = async () => 'squall_up 1\n';
  const deps = { journal, control, streams, metrics, document: openapiDocument };
  const made = createApp(deps, createLog('silent'));
  unsubscribe('fastify.initialization', watch);
  return made;
}

before(async () => {
  place = scratch();
  journal = fillState(join(place.dir, 'state'));
  fillObjects(journal);
  control = scriptedControl();
  control.git = { url: '/srv/chaos.git', branch: 'main', commit: null, fetchedAt: null, error: 'gone' };
  app = watchedApp();
  await app.ready();
  told = await document();
});

after(async () => {
  await app.close();
  journal.close();
  place.remove();
});

interface Listed extends OpenapiOperation {
  method: string;
  path: string;
}

function operations(): Listed[] {
  return Object.entries(told.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}

/** Everything in the document that is an object, with the key that it stands under. */
function* nodes(node: unknown, key = ''): Generator<{ key: string; node: Record<string, unknown> }> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) yield { key, node: node as Record<string, unknown> };
  for (const [name, value] of Object.entries(node)) yield* nodes(value, name);
}

describe('the OpenAPI document', () => {
  it('has every route of the app, and no other', () => {
    const described = operations().map(
      ({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
    );
    assert.ok(registered.length >= 14);
    assert.deepEqual(described.sort(), [...registered].sort());
  });

  it('has the structure that OpenAPI 3.1 asks for', () => {
    const check = new Ajv2020({ strict: false, allErrors: true }).compile(structure);
    assert.ok(check(told), JSON.stringify(check.errors, null, 2));
  });

  it('has schemas that JSON Schema knows', () => {
    const ajv = validatorOf({});
    const schemas = [...nodes(told)].filter(({ key }) => key === 'schema').map(({ node }) => node);
    for (const schema of [...schemas, ...Object.values(told.components.schemas)])
      assert.ok(ajv.validateSchema(schema), ajv.errorsText());
  });

  it('refers only to what it holds, and holds only what is referred to', () => {
    const refs = [...nodes(told)].flatMap(({ node: { $ref } }) => (typeof $ref === 'string' ? [$ref] : []));
    const held = Object.keys(told.components.schemas).map((name) => `#/components/schemas/${name}`);
    assert.deepEqual([...new Set(refs)].sort(), held.sort());
  });

  it('calls each operation by a name of its own, below a tag that it explains', () => {
    const ids = operations().map(({ operationId }) => operationId);
    assert.equal(new Set(ids).size, ids.length);
    const tags = told.tags.map(({ name }) => name);
    assert.deepEqual([...new Set(operations().flatMap((one) => one.tags))].sort(), [...tags].sort());
  });

  it('describes the parameters of every path', () => {
    for (const { path, parameters = [] } of operations()) {
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const given = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      assert.deepEqual(given, wanted, path);
    }
  });

  it('asks for the token everywhere but at /healthz', () => {
    const open = operations().filter(({ security }) => security?.length === 0);
    assert.deepEqual(
      open.map(({ path }) => path),
      ['/healthz'],
    );
    for (const { path, responses } of operations())
      assert.equal('401' in responses, path !== '/healthz', path);
  });

  it('tells of errors as they are', () => {
    for (const { path, responses } of operations())
      for (const status of ['4XX', '5XX'])
        assert.deepEqual(
          responses[status]?.content,
          {
            'application/json': { schema: { $ref: '#/components/schemas/Error' } },
          },
          path,
        );
  });

  it('tells of streams as such', () => {
    const types = (path: string) => Object.keys(told.paths[path]?.get?.responses['200']?.content ?? {});
    assert.deepEqual(types('/api/v1/events/stream'), ['text/event-stream']);
    assert.deepEqual(types('/api/v1/events'), ['application/json', 'text/event-stream']);
  });

  it('is served, and shipped as schemas/openapi.json', async () => {
    const { body } = await app.inject('/api/v1/openapi.json');
    assert.deepEqual(JSON.parse(body), told);
    const shipped = readFileSync(new URL('../../schemas/openapi.json', import.meta.url), 'utf8');
    assert.deepEqual(JSON.parse(shipped), told, 'run npm run docs');
  });
});

describe('every operation', () => {
  /** Values for parameters of paths: things that are there, and that are not. */
  const names = ['freeze', 'rest', 'nightly', 'nightly-1', 'game-day', 'default', 'nobody'];

  for (const healthy of [true, false])
    it(`answers as the document says, ${healthy ? 'with' : 'without'} an engine`, async () => {
      control.healthy = healthy;
      const asked = new Set<string>();
      for (const { method, path, operationId, responses } of operations()) {
        if (!responses['200']?.content?.['application/json'] && !responses['200']?.content?.['text/plain'])
          continue;
        for (const name of names) {
          const url = path.replace(/\{\w+\}/g, name);
          const { statusCode, headers, body } = await app.inject({ method: method as 'GET', url });
          await conforms({ method, url, status: statusCode, type: `${headers['content-type']}`, body });
          if (statusCode < 300) asked.add(operationId);
        }
      }
      const all = operations().map(({ operationId }) => operationId);
      const left = all.filter((id) => !asked.has(id) && id !== 'streamEvents');
      assert.deepEqual(left, healthy ? [] : ['getReadiness']);
    });
});

describe('the table of resources', () => {
  it('has every file of the folder, under its own name', async () => {
    const folder = fileURLToPath(new URL('../../src/server/routes/', import.meta.url));
    const files = globSync('*.ts', { cwd: folder }).filter((file) => file !== 'index.ts');
    const found = await Promise.all(
      files.map(async (file) => {
        const module = (await import(join(folder, file))) as Record<string, unknown>;
        return module[
          file.replace(/\.ts$/, '').replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
        ];
      }),
    );
    assert.equal(RESOURCES.length, files.length);
    for (const resource of RESOURCES) assert.ok(found.includes(resource), resource.tag.name);
  });
});
