import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';

const MODULE = new URL('../../src/core/log.ts', import.meta.url).href;
const SCRIPT = `const { createLog } = await import(process.argv[1]);
const log = createLog('info');
for (let line = 0; line < 10; line += 1) log.error('full');
setTimeout(() => { log.error('full'); console.log('goes on'); }, 20);`;

describe('a log', () => {
  it('that can not be written, as on a full disk, ends nobody', () => {
    const full = openSync('/dev/full', 'w'); // full(4): every write fails with ENOSPC
    const args = ['--input-type=module', '-e', SCRIPT, MODULE];
    const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', full] });
    closeSync(full);
    assert.deepEqual([status, String(stdout)], [0, 'goes on\n']);
  });
});
