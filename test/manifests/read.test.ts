import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formatProblem } from '../../src/manifests/problem.ts';
import { readManifests } from '../../src/manifests/read.ts';
import { readDocuments } from '../../src/manifests/scan.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS, manifest, tempDirectory } from './fixtures.ts';

const validator = createValidator(KINDS);

describe('reading manifests once', () => {
  it('takes files, whatever their ending, and directories', async () => {
    using dir = tempDirectory();
    mkdirSync(join(dir.path, 'sub'));
    writeFileSync(join(dir.path, 'a.txt'), manifest('a'));
    writeFileSync(join(dir.path, 'sub/b.yaml'), manifest('b'));
    const state = await readManifests(
      [join(dir.path, 'a.txt'), join(dir.path, 'sub'), join(dir.path, 'sub/b.yaml')],
      validator,
    );
    assert.deepEqual([...state.experiments.keys()], ['a', 'b']);
    assert.deepEqual(state.problems, []);
  });

  it('tells of a path that does not exist, and of one that is no file', async () => {
    using dir = tempDirectory();
    const missing = join(dir.path, 'missing');
    const state = await readManifests([missing, '/dev/null'], validator);
    assert.deepEqual(state.problems.map(formatProblem), [
      '/dev/null:1:1: error SQ106 expected a file that stands still, found no regular file, or one that is being written',
      `${missing}:1:1: error SQ106 there is no such file or directory`,
    ]);
  });

  it('knows of a policy that is wrong: it must not count as none', async () => {
    using dir = tempDirectory();
    const text =
      'apiVersion: squall/v1\nkind: Policy\nmetadata: { name: limits }\nspec: { maxTargets: many }\n';
    writeFileSync(join(dir.path, 'limits.yaml'), text);
    const { policies } = await readManifests([dir.path], validator);
    assert.equal(policies.get('limits')?.unknown, true);
  });

  it('follows a link that was named itself', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    symlinkSync('a.yaml', join(dir.path, 'link.yaml'));
    const state = await readManifests([join(dir.path, 'link.yaml')], validator);
    assert.deepEqual([...state.experiments.keys()], ['a']);
  });

  it('orders problems by file and place', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'b.yaml'), 'x');
    writeFileSync(join(dir.path, 'a.yaml'), `${manifest('a', '0s')}---\nx`);
    const { problems } = await readManifests([dir.path], validator);
    assert.deepEqual(
      problems.map(({ file, line }) => [file.slice(-6), line]),
      [
        ['a.yaml', 6],
        ['a.yaml', 10],
        ['b.yaml', 1],
      ],
    );
  });
});

describe('a mistake of ours', () => {
  it('in checking one file is a problem of that file, and of no other', () => {
    const broken = {
      validate: () => {
        throw new TypeError('oh');
      },
    };
    const bytes = Buffer.from('apiVersion: squall/v1');
    const { problems, broken: which } = readDocuments('a.yaml', { bytes }, broken);
    assert.equal(which, 'all', 'what the file declared before stays');
    assert.match(
      problems.map(formatProblem).join(),
      /^a\.yaml:1:1: error SQ102 the file could not be checked: oh\. /,
    );
  });
});
