import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { look } from '../../../src/faults/shape/apply.ts';
import type { Netns } from '../../../src/runtime/netns.ts';

describe('a look', () => {
  it('that fails has ended whole: nothing of it goes on in a namespace that is left by then', async () => {
    let running = 0;
    const ns: Netns = {
      inode: 1,
      procNet: async () => 'sq-0123456789ab: 0',
      run: async (program) => {
        running++;
        const turns = program === 'ip' ? 20 : 1;
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        running--;
        return program === 'ip'
          ? { code: 0, stdout: '[]\n', stderr: '' }
          : { code: 1, stdout: '', stderr: 'it moved' };
      },
    };
    await assert.rejects(look(ns), { code: 'SQ303' });
    assert.equal(running, 0);
  });
});
