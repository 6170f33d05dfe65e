import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { attemptProbe } from '../../src/probes/attempt.ts';
import { PROBES, probeKind } from '../../src/probes/index.ts';
import type { ProbeKind } from '../../src/probes/probe.ts';
import { manifestProbe, probeProblems, probeSchema } from '../../src/probes/schema.ts';
import type { ContainerExec } from '../../src/runtime/docker-exec.ts';
import { closedPort, container, contextOf, type TestServer, tcpServer } from './support.ts';

/** As manifests are validated. */
function validator(schema: Record<string, unknown>) {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: true,
    verbose: true,
  });
  for (const [name, { test }] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: test });
  return ajv.compile(schema);
}

/** For each kind something that is down, and something of which no result ever comes. */
const DOWN: Record<string, (port: number) => ProbeSpec> = {
  container: () => ({ type: 'container', container: 'nobody' }),
  exec: () => ({ type: 'exec', container: 'box', command: ['fails'] }),
  http: (port) => ({ type: 'http', url: `http://127.0.0.1:${port}/` }),
  tcp: (port) => ({ type: 'tcp', host: '127.0.0.1', port }),
};
const STUCK: Record<string, (port: number) => ProbeSpec> = {
  container: () => ({ type: 'container', container: 'nobody' }), // looks, and has looked
  exec: () => ({ type: 'exec', container: 'box', command: ['hangs'] }),
  http: (port) => ({ type: 'http', url: `http://127.0.0.1:${port}/` }),
  tcp: (port) => ({ type: 'tcp', host: '127.0.0.1', port, expect: 'never' }),
};

/** Stands for the engine: `fails` is refused, `hangs` ends with the signal. */
const exec: ContainerExec = (_, { command }, signal) =>
  new Promise((_resolve, reject) => {
    if (command[0] === 'fails') reject(new Error('refused'));
    if (signal.aborted) reject(new Error('ended'));
    signal.addEventListener('abort', () => reject(new Error('ended')));
  });

const context = contextOf({ exec, containers: () => [container('box')] });

describe('the catalogue of probes', () => {
  it('holds every kind that the folder has, sorted, each in the file of its name', async () => {
    const folder = new URL('../../src/probes/', import.meta.url);
    const found: string[] = [];
    for (const file of globSync('**/*.ts', { cwd: folder }).sort()) {
      const values = Object.values((await import(new URL(file, folder).href)) as Record<string, unknown>);
      for (const value of values) if (isKind(value)) found.push(`${file} has ${value.type}`);
    }
    assert.deepEqual(
      found,
      PROBES.map(({ type }) => `${type}.ts has ${type}`),
    );
  });

  it('is looked up by type, and an unknown one is a bug', () => {
    for (const kind of PROBES) assert.equal(probeKind(kind.type), kind);
    assert.throws(() => probeKind('no-such-kind'), TypeError);
  });
});

function isKind(value: unknown): value is ProbeKind {
  const { type, attempt } = (value ?? {}) as Partial<ProbeKind>;
  return typeof type === 'string' && typeof attempt === 'function';
}

for (const kind of PROBES) {
  describe(`${kind.type}, as every kind of probe`, () => {
    let silent: TestServer;
    before(async () => {
      silent = await tcpServer(() => {});
    });
    after(() => silent.close());

    it('has a schema that compiles and takes its own example', () => {
      const validate = validator(probeSchema(kind));
      assert.equal(kind.example.type, kind.type);
      assert.ok(validate(kind.example), JSON.stringify(validate.errors));
      assert.deepEqual(probeProblems(kind, kind.example), []);
    });

    it('takes what every probe has, and what the place adds, and nothing else', () => {
      const validate = validator(probeSchema(kind, { when: { enum: ['before'], description: 'When.' } }));
      const common = {
        name: 'front door',
        interval: '1s',
        timeout: '2s',
        failureThreshold: 3,
        when: 'before',
      };
      assert.ok(validate({ ...kind.example, ...common }), JSON.stringify(validate.errors));
      const refused = [
        { noSuchParameter: 1 },
        { interval: '0s' },
        { timeout: 5 },
        { failureThreshold: 0 },
        { name: '' },
        { name: 'a\u001bb' },
        { when: 'later' },
      ];
      for (const more of refused)
        assert.equal(validate({ ...kind.example, ...common, ...more }), false, JSON.stringify(more));
    });

    it('is not tried more often than ten times a second', () => {
      assert.match(probeProblems(kind, { ...kind.example, interval: '99ms' })[0] ?? '', /^interval: /);
      assert.deepEqual(probeProblems(kind, { ...kind.example, interval: '100ms' }), []);
    });

    it('is described for the reference: itself in a line and at length, and every parameter', () => {
      assert.match(kind.summary, /^[^\n]{10,120}\.$/);
      assert.ok(kind.description.length > kind.summary.length);
      for (const [name, schema] of Object.entries(probeSchema(kind).properties as object))
        assert.equal(typeof schema.description, 'string', `${kind.type}.${name} has no description`);
      assert.equal('type' in kind.schema.properties, false, 'the type is not a parameter');
    });

    it('goes to the manifests whole', () => {
      const { type, schema, problems } = manifestProbe(kind);
      assert.deepEqual([type, schema], [kind.type, probeSchema(kind)]);
      assert.equal(problems?.({ ...kind.example, interval: '1ms' }).length, 1);
    });

    it('says of what is down that it is, and does not reject', async () => {
      const spec = DOWN[kind.type]?.(await closedPort()) as ProbeSpec;
      const seen = await kind.attempt(spec, context, new AbortController().signal);
      assert.equal(seen.up, false);
      assert.match(seen.message, /^[^\n]+$/);
    });

    it('ends at once when it is told to, and does not reject', async () => {
      const spec = STUCK[kind.type]?.(silent.port) as ProbeSpec;
      const ender = new AbortController();
      const tried = kind.attempt(spec, context, ender.signal);
      await new Promise((resolve) => setTimeout(resolve, 50)); // as far as it gets
      const start = performance.now();
      ender.abort();
      const seen = await tried;
      assert.equal(seen.up, false);
      assert.ok(performance.now() - start < 200, `took ${performance.now() - start} ms`);
    });

    it('begins nothing when it is over already', async () => {
      const spec = STUCK[kind.type]?.(silent.port) as ProbeSpec;
      const seen = await kind.attempt(spec, context, AbortSignal.abort());
      assert.equal(seen.up, false);
    });

    it('is down at its timeout', async () => {
      const spec = { ...STUCK[kind.type]?.(silent.port), timeout: '30ms' } as ProbeSpec;
      const result = await attemptProbe(spec, context);
      assert.equal(result.up, false);
      assert.ok(result.took < 1000);
    });
  });
}
