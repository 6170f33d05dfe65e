import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { hash } from '../../src/core/canonical.ts';
import { SquallError } from '../../src/core/errors.ts';
import { lockEngine } from '../../src/daemon/engine-lock.ts';

const root = process.getuid?.() === 0 ? '/run/squall' : join(tmpdir(), `squall-${process.getuid?.()}`);
const engines: string[] = [];
after(() => {
  for (const id of engines)
    for (const file of readdirSync(root))
      if (file.startsWith(`engine-${hash(id, 12)}`)) rmSync(join(root, file));
});

/** An engine that no daemon knows. */
function engine(): string {
  const id = randomUUID();
  engines.push(id);
  return id;
}

const taken = (text: RegExp) => (error: unknown) =>
  error instanceof SquallError &&
  error.code === 'SQ304' &&
  text.test(error.message) &&
  /--instance/.test(error.hint ?? '');

describe('the lock of an engine', () => {
  it('is for one daemon, until it lets go', () => {
    const id = engine();
    const held = lockEngine(id, undefined);
    assert.throws(() => lockEngine(id, undefined), taken(/^another Squall daemon runs/));
    held.release();
    lockEngine(id, undefined).release();
  });

  it('is another for each engine, and for each name', () => {
    const id = engine();
    const held = [lockEngine(id, undefined), lockEngine(id, 'blue'), lockEngine(engine(), undefined)];
    assert.throws(() => lockEngine(id, 'blue'), taken(/named blue/));
    for (const lock of held) lock.release();
  });
});
