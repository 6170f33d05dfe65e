import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { KINDS } from '../../src/core/kinds.ts';
import { manifestValidator } from '../../src/daemon/validator.ts';
import { FAULTS } from '../../src/faults/index.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { formatProblem } from '../../src/manifests/problem.ts';
import { readManifests } from '../../src/manifests/read.ts';
import { PROBES } from '../../src/probes/index.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const validator = manifestValidator();

/** What an editor does with the published schemas, as they lie on disk. */
function editorCheck() {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  for (const [name, { test }] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: test });
  const schema = (file: string) => JSON.parse(readFileSync(at(`schemas/${file}`), 'utf8'));
  for (const kind of KINDS) {
    const file = `${kind.toLowerCase()}.schema.json`;
    ajv.addSchema(schema(file), file);
  }
  return ajv.compile(schema('manifest.schema.json'));
}

describe('the examples', async () => {
  const state = await readManifests([at('experiments'), at('schedules')], validator);
  const documents = [...state.objects.values()];
  const examples = [...state.experiments.values()];

  it('are all valid', () => assert.deepEqual(state.problems.map(formatProblem), []));

  it('do nothing until somebody asks', () => {
    const acting = documents.filter(
      ({ kind, spec }) => kind !== 'Policy' && !('suspend' in spec && spec.suspend),
    );
    assert.deepEqual(
      acting.map(({ name }) => name),
      [],
    );
  });

  it('show every kind of document', () => {
    assert.deepEqual(
      KINDS.filter((kind) => !documents.some((one) => one.kind === kind)),
      [],
    );
  });

  it('refer to nothing that is not there', () => {
    const references = [
      ...JSON.stringify(documents).matchAll(/"(experiment|scenario)Ref":{"name":"([^"]+)"/g),
    ];
    assert.ok(references.length >= 6);
    for (const [, kind, name = ''] of references)
      assert.ok((kind === 'scenario' ? state.scenarios : state.experiments).has(name), `${kind} ${name}`);
  });

  it('show every kind of fault', () => {
    const shown = new Set(examples.flatMap(({ spec }) => spec.faults.map(({ type }) => type)));
    assert.deepEqual(
      FAULTS.map(({ type }) => type).filter((type) => !shown.has(type)),
      [],
    );
  });

  for (const { kind, name, source } of documents)
    it(`${name} is named like its file, and brings its schema to editors`, () => {
      assert.equal(basename(source.file), `${name}.yaml`);
      const schema = relative(dirname(source.file), at(`schemas/${kind.toLowerCase()}.schema.json`));
      const [first] = readFileSync(source.file, 'utf8').split('\n');
      assert.equal(first, `# yaml-language-server: $schema=${schema}`);
    });
});

describe('the published schema', () => {
  const check = editorCheck();
  const document = (kind: string, spec: object) => ({
    apiVersion: 'squall/v1',
    kind,
    metadata: { name: 'a' },
    spec,
  });
  const experiment = (fault: unknown) =>
    document('Experiment', {
      duration: '1s',
      targets: { select: { project: 'p' }, mode: 'all' },
      faults: [fault],
    });

  for (const kind of FAULTS)
    it(`accepts the example of ${kind.type}, and refuses it with an unknown parameter`, () => {
      assert.ok(check(experiment(kind.example)), JSON.stringify(check.errors));
      assert.ok(!check(experiment({ ...kind.example, nonsense: 1 })));
    });

  for (const kind of PROBES)
    it(`accepts the example of the probe ${kind.type} where a Policy and a Scenario take one`, () => {
      const policy = (probe: unknown) => document('Policy', { healthGate: { probes: [probe] } });
      const scenario = (probe: object) =>
        document('Scenario', { steps: [{ probe: { ...probe, within: '1m' } }] });
      for (const make of [policy, scenario]) {
        assert.ok(check(make(kind.example)), JSON.stringify(check.errors));
        assert.ok(!check(make({ ...kind.example, nonsense: 1 })));
      }
    });

  it('refuses a kind of fault, of probe and of document that there is not', () => {
    assert.ok(!check(experiment({ type: 'flood' })));
    assert.ok(!check(document('Policy', { healthGate: { probes: [{ type: 'telepathy' }] } })));
    assert.ok(!check(document('Wish', {})));
  });
});

describe('generated files', () => {
  it('are what the code says', () => {
    const { status, stderr } = spawnSync(process.execPath, [at('scripts/generate-docs.ts'), '--check'], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });
});
