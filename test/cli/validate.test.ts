import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Scratch, scratch, squall } from './fixture.ts';

const GOOD = `apiVersion: squall/v1
kind: Experiment
metadata:
  name: freeze
spec:
  duration: 10s
  targets:
    select: { services: [worker] }
    mode: all
  faults:
    - type: container-pause
`;

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

function write(name: string, text: string): string {
  const file = join(place.dir, name);
  writeFileSync(file, text);
  return file;
}

describe('validate', () => {
  it('is content with what is right', async () => {
    write('a.yaml', GOOD);
    assert.deepEqual(await squall(['validate', place.dir]), {
      code: 0,
      out: '',
      err: '1 experiment: valid\n',
    });
  });

  it('names file, line and column of what is wrong, with exit code 2', async () => {
    const file = write('a.yaml', GOOD.replace('container-pause', 'container-puase'));
    const { code, out, err } = await squall(['validate', file]);
    assert.equal(code, 2);
    assert.match(
      out,
      new RegExp(
        `^${file}:11:13: error SQ102 spec\\.faults\\[0\\]\\.type: .*Did you mean "container-pause"\\?\n$`,
      ),
    );
    assert.equal(err, '0 experiments valid, 1 file wrong: 1 error\n');
  });

  it('counts a policy that cannot be understood as wrong', async () => {
    write('a.yaml', GOOD);
    write(
      'p.yaml',
      'apiVersion: squall/v1\nkind: Policy\nmetadata: { name: p }\nspec: { maxTargets: many }\n',
    );
    const { err } = await squall(['validate', place.dir]);
    assert.equal(err, '1 experiment valid, 1 file wrong: 1 error\n');
  });

  it('lets warnings pass', async () => {
    write('a.yaml', GOOD);
    write('b.yaml', GOOD);
    const { code, out } = await squall(['validate', place.dir]);
    assert.equal(code, 0);
    assert.match(out, /warning SQ104/);
  });

  it('tells it as JSON and as annotations', async () => {
    const file = write('a.yaml', GOOD.replace('duration: 10s', 'duration: soon'));
    const json = JSON.parse((await squall(['validate', file, '-o', 'json'])).out);
    assert.deepEqual([json.valid, json.errors, json.problems[0].path], [false, 1, 'spec.duration']);
    assert.match(
      (await squall(['validate', file, '-o', 'github'])).out,
      /^::error file=.*,line=6,col=13,title=SQ102::/,
    );
  });

  it('does not pass over a path that is not there', async () => {
    assert.equal((await squall(['validate', join(place.dir, 'none')])).code, 2);
  });
});
