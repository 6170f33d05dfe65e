import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { manifestPaths, type Surroundings, stateDir } from '../../src/cli/context.ts';
import { durationArgument } from '../../src/cli/options.ts';
import { type Scratch, scratch } from './fixture.ts';

let place: Scratch;
let around: Surroundings;

beforeEach(() => {
  place = scratch();
  around = { env: {}, uid: 1000, home: '/home/ann', cwd: place.dir };
});

afterEach(() => place.remove());

describe('the state directory', () => {
  it('is the one given, from here', () => assert.equal(stateDir('x', around), join(place.dir, 'x')));
  it('is /var/lib/squall for root', () =>
    assert.equal(stateDir(undefined, { ...around, uid: 0 }), '/var/lib/squall'));
  it("is in a user's own state home", () =>
    assert.equal(stateDir(undefined, around), '/home/ann/.local/state/squall'));
  it('follows XDG_STATE_HOME', () =>
    assert.equal(stateDir(undefined, { ...around, env: { XDG_STATE_HOME: '/s' } }), '/s/squall'));
  it('takes no relative XDG_STATE_HOME (the specification says so)', () =>
    assert.equal(
      stateDir(undefined, { ...around, env: { XDG_STATE_HOME: 's' } }),
      '/home/ann/.local/state/squall',
    ));
});

describe('manifests', () => {
  it('are those given', () => assert.deepEqual(manifestPaths(['a', 'b'], around), ['a', 'b']));

  it('are those of the environment, else', () =>
    assert.deepEqual(manifestPaths([], { ...around, env: { SQUALL_MANIFESTS: '/a::/b' } }), ['/a', '/b']));

  it('are the default directories that exist, else', () => {
    mkdirSync(join(place.dir, 'schedules'));
    assert.deepEqual(manifestPaths([], around), ['schedules']);
    mkdirSync(join(place.dir, 'experiments'));
    assert.deepEqual(manifestPaths([], around), ['experiments', 'schedules']);
  });

  it('are missing loudly', () => assert.throws(() => manifestPaths([], around), { code: 'SQ106' }));
});

describe('a duration', () => {
  it("is one of Go's", () => assert.equal(durationArgument()('1m30s'), 90_000));
  it('is nothing else', () => assert.throws(() => durationArgument()('90'), /Expected a duration/));
  it('is not too short', () => assert.throws(() => durationArgument(1000)('999ms'), /at least 1000ms/));
});
