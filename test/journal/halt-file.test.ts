import assert from 'node:assert/strict';
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { scratch } from './build.ts';

const dir = scratch();
let files = 0;
function fresh(): string {
  files += 1;
  return join(dir, `halt-${files}`);
}

describe('the halt file', () => {
  it('says no at first, and what it was told from then on', () => {
    const halt = openHaltFile(fresh());
    assert.equal(halt.read(), false);
    halt.set(true);
    assert.equal(halt.read(), true);
    halt.set(true);
    assert.equal(halt.read(), true);
    halt.set(false);
    assert.equal(halt.read(), false);
  });

  it('is remembered, and seen by others at once', () => {
    const file = fresh();
    const mine = openHaltFile(file);
    const theirs = openHaltFile(file);
    theirs.set(true);
    assert.equal(mine.read(), true);
    assert.equal(openHaltFile(file).read(), true, 'opening does not lift it');
  });

  it('has its full size from the start, and keeps it: setting it overwrites bytes in place', () => {
    const file = fresh();
    const halt = openHaltFile(file);
    const { size, ino, mode } = statSync(file);
    assert.ok(size > 0);
    assert.equal(mode & 0o777, 0o600);
    halt.set(true);
    assert.deepEqual([statSync(file).size, statSync(file).ino], [size, ino]);
  });

  it('that was removed says no, and can be set again', () => {
    const file = fresh();
    const halt = openHaltFile(file);
    rmSync(file);
    assert.equal(halt.read(), false);
    halt.set(true);
    assert.equal(halt.read(), true);
  });

  it('may be set by hand: the word is enough', () => {
    const file = fresh();
    writeFileSync(file, 'halted\n');
    assert.equal(openHaltFile(file).read(), true);
  });
});
