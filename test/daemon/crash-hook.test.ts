import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { crashAt } from '../../src/daemon/crash-test.ts';
import { STEPS } from '../../src/reconcile/steps.ts';

const HOOK = fileURLToPath(new URL('../../src/daemon/crash-test.ts', import.meta.url));

/** Passes every step in a process with this environment; its signal, and the last step that it got beyond. */
function walk(env: Record<string, string>): { signal: string | null; last: string | undefined } {
  const code = `
    const { crashAt } = await import(${JSON.stringify(HOOK)});
    const at = crashAt(process.env);
    for (const step of ${JSON.stringify(STEPS)}) { at(step); console.log(step); }`;
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    env: { PATH: process.env.PATH, ...env },
    encoding: 'utf8',
  });
  return { signal, last: stdout.trim().split('\n').at(-1) };
}

describe("the crash tests' hook", () => {
  it('does nothing without its variable, or with a step that there is none of', () => {
    for (const env of [{}, { SQUALL_TEST_CRASH_AT: '' }, { SQUALL_TEST_CRASH_AT: 'nowhere' }]) {
      const at = crashAt(env);
      for (const step of STEPS) at(step);
    }
  });

  it('ends the process by SIGKILL in that step, and not before', () => {
    const { signal, last } = walk({ SQUALL_TEST_CRASH_AT: 'after-inject' });
    assert.deepEqual([signal, last], ['SIGKILL', 'after-intent']);
  });
});
