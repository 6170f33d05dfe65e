import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { describe, it } from 'node:test';
import { parseSignal, SIGNAL_NAMES } from '../../src/runtime/signals.ts';

describe('signals', () => {
  it('go by name, with or without SIG, or by number', () => {
    assert.deepEqual(['SIGTERM', 'TERM', 15, 'KILL', 34, 64].map(parseSignal), [15, 15, 15, 9, 34, 64]);
  });

  it("have this kernel's numbers", () => {
    for (const name of SIGNAL_NAMES)
      assert.equal(parseSignal(name), constants.signals[name as NodeJS.Signals], name);
  });

  it('that stop a process are no signals here, as is nonsense', () => {
    for (const wrong of ['STOP', 'SIGTSTP', 19, 20, 0, 65, 1.5, 'term', 'toString', '', '15', null, {}]) {
      assert.equal(parseSignal(wrong), undefined, String(wrong));
    }
  });
});
