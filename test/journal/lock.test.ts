import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isLocked, takeLock } from '../../src/journal/lock.ts';
import { scratch } from './build.ts';

const HOLDER = fileURLToPath(new URL('./hold-lock.ts', import.meta.url));
const dir = scratch();
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
});

let files = 0;
function fresh(): string {
  files += 1;
  return join(dir, `${files}.lock`);
}

/** Starts a child that has the lock (or reads it for `ms`), and says so. */
async function holder(file: string, ms?: number): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [HOLDER, file, ...(ms === undefined ? [] : [`${ms}`])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const [said] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { child, said: String(said).trim() };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
  children.delete(child);
}

describe('the lock', () => {
  it('is held by one process, and free as soon as that is dead, however it died', async () => {
    const file = fresh();
    const { child, said } = await holder(file);
    assert.equal(said, 'held');
    assert.equal(isLocked(file), true);
    assert.equal(takeLock(file), undefined);
    assert.equal((await holder(file)).said, 'refused');
    await kill(child);
    assert.equal(isLocked(file), false);
    const lock = takeLock(file);
    assert.ok(lock);
    assert.equal((await holder(file)).said, 'refused');
    lock.release();
    assert.equal(isLocked(file), false);
  });

  it('is for its owner alone to read', () => {
    const file = fresh();
    takeLock(file)?.release();
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('that was never taken is free, and asking makes no file', () => {
    const file = fresh();
    assert.equal(isLocked(file), false);
    assert.throws(() => statSync(file), { code: 'ENOENT' });
  });

  it('is taken while somebody only asks for it', async () => {
    const file = fresh();
    takeLock(file)?.release();
    const { child } = await holder(file, 60);
    const lock = takeLock(file);
    assert.ok(lock, 'a question is no holder');
    lock.release();
    await kill(child);
  });

  it('that cannot be a lock says so', () => {
    const file = fresh();
    writeFileSync(file, 'this is no database, and far too long to be taken for an empty one'.repeat(20));
    chmodSync(file, 0o600);
    assert.throws(() => takeLock(file), /not a database/);
    assert.throws(() => isLocked(file), /not a database/);
  });
});
