import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { FAULTS } from '../../src/faults/index.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { formatProblem } from '../../src/manifests/problem.ts';
import { readManifests } from '../../src/manifests/read.ts';
import { experimentSchema } from '../../src/manifests/schema.ts';
import { createValidator } from '../../src/manifests/validate.ts';

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const validator = createValidator(FAULTS);

/** What an editor does with the published schema. */
function editorCheck() {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  for (const [name, { test }] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: test });
  return ajv.compile(experimentSchema(FAULTS));
}

describe('the examples', async () => {
  const state = await readManifests([at('experiments'), at('schedules')], validator);
  const examples = [...state.experiments.values()];

  it('are all valid', () => assert.deepEqual(state.problems.map(formatProblem), []));

  it('do nothing until somebody asks', () => {
    assert.deepEqual(
      examples.filter(({ spec }) => spec.suspend !== true).map(({ name }) => name),
      [],
    );
  });

  it('show every kind of fault', () => {
    const shown = new Set(examples.flatMap(({ spec }) => spec.faults.map(({ type }) => type)));
    assert.deepEqual(
      FAULTS.map(({ type }) => type).filter((type) => !shown.has(type)),
      [],
    );
  });

  for (const { name, source } of examples)
    it(`${name} is named like its file, and brings its schema to editors`, () => {
      assert.equal(basename(source.file), `${name}.yaml`);
      assert.ok(
        readFileSync(source.file, 'utf8').startsWith(
          '# yaml-language-server: $schema=../schemas/experiment.schema.json\n',
        ),
      );
    });
});

describe('the published schema', () => {
  const check = editorCheck();
  const experiment = (fault: unknown) => ({
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: { name: 'a' },
    spec: { duration: '1s', targets: { select: { project: 'p' }, mode: 'all' }, faults: [fault] },
  });

  for (const kind of FAULTS)
    it(`accepts the example of ${kind.type}, and refuses it with an unknown parameter`, () => {
      assert.ok(check(experiment(kind.example)), JSON.stringify(check.errors));
      assert.ok(!check(experiment({ ...kind.example, nonsense: 1 })));
    });

  it('refuses a kind of fault that there is not', () => assert.ok(!check(experiment({ type: 'flood' }))));
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
