import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { exec, searchPath } from '../../src/runtime/exec.ts';

/** A program of our own that does as `script` says. */
function node(script: string): [string, string[]] {
  return [process.execPath, ['-e', script]];
}

describe('exec', () => {
  it('gives exit code, output and messages, and never a shell', async () => {
    const script = 'process.stdin.pipe(process.stdout); console.error(process.argv[1]); process.exitCode = 3';
    const [program, args] = node(script);
    const result = await exec(program, [...args, '$HOME; `id`'], { stdin: 'in' });
    assert.deepEqual(result, { code: 3, stdout: 'in', stderr: '$HOME; `id`\n' });
  });

  it('bears a program that does not read what it is given', async () => {
    assert.equal((await exec('true', [], { stdin: 'x'.repeat(1 << 20) })).code, 0);
  });

  it('says which program is missing', async () => {
    await assert.rejects(exec('squall-no-such-program', []), {
      code: 'SQ306',
      message: 'squall-no-such-program is not installed',
    });
  });

  it('ends a program at its time limit', async () => {
    await assert.rejects(exec('sleep', ['60'], { timeout: 30 }), {
      code: 'SQ303',
      message: 'sleep did not end within 30 ms',
      terminal: false,
    });
  });

  it('does not wait for who holds its output beyond that', async () => {
    const script = 'sleep 6 & echo; sleep 6';
    const waits = new Promise((resolve) => setTimeout(resolve, 5000, 'waits').unref());
    const failure = exec('sh', ['-c', script], { timeout: 30 }).catch((error: unknown) => error);
    const first = await Promise.race([failure, waits]);
    assert.ok(first instanceof SquallError && first.code === 'SQ303', `${first}`);
  });

  it('tells when a program was killed', async () => {
    const [program, args] = node('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 10_000)');
    await assert.rejects(exec(program, args), { code: 'SQ303', terminal: false });
  });
});

describe('searchPath', () => {
  it("adds administrators' folders and drops relative ones", () => {
    assert.deepEqual(searchPath('/opt/bin:.:bin:/usr/sbin').slice(0, 3), [
      '/opt/bin',
      '/usr/sbin',
      '/usr/local/sbin',
    ]);
  });
});
