import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { FaultKind } from '../../src/faults/fault.ts';
import { FAULTS, faultKind } from '../../src/faults/index.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { faultSchema } from '../../src/manifests/schema.ts';

/** As manifests are validated. */
function validator(kind: FaultKind) {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  for (const [name, { test }] of Object.entries(FORMATS))
    ajv.addFormat(name, { type: 'string', validate: test });
  return ajv.compile(faultSchema(kind));
}

describe('the catalogue of faults', () => {
  it('is the folder, sorted by type', () => {
    const files = readdirSync(new URL('../../src/faults/', import.meta.url))
      .filter((name) => name.endsWith('.ts') && name !== 'fault.ts' && name !== 'index.ts')
      .map((name) => name.replace(/\.ts$/, ''));
    assert.deepEqual(
      FAULTS.map(({ type }) => type),
      files.sort(),
    );
  });

  it('is looked up by type, and an unknown one is a bug', () => {
    for (const kind of FAULTS) assert.equal(faultKind(kind.type), kind);
    assert.throws(() => faultKind('no-such-kind'), TypeError);
  });
});

for (const kind of FAULTS) {
  describe(`${kind.type}, as every kind`, () => {
    it('has a schema that compiles and takes its own example', () => {
      const validate = validator(kind);
      assert.equal(kind.example.type, kind.type);
      assert.ok(validate(kind.example), JSON.stringify(validate.errors));
      assert.deepEqual(kind.problems?.(kind.example) ?? [], []);
    });

    it('refuses a parameter that it does not know', () => {
      assert.equal(validator(kind)({ ...kind.example, noSuchParameter: 1 }), false);
    });

    it('is described for the reference: itself in a line and at length, and every parameter', () => {
      assert.match(kind.summary, /^[^\n]{10,120}\.$/);
      assert.ok(kind.description.length > kind.summary.length);
      for (const [name, schema] of Object.entries(kind.schema.properties)) {
        assert.equal(typeof schema.description, 'string', `${kind.type}.${name} has no description`);
      }
      assert.equal('type' in kind.schema.properties, false, 'the type is not a parameter');
    });

    it('names uses and lookups without looking at the world', () => {
      assert.ok(Array.isArray(kind.uses(kind.example)));
      assert.ok(Array.isArray(kind.lookups?.(kind.example) ?? []));
    });
  });
}
