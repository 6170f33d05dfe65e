import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { after, describe, it } from 'node:test';
import { followReplies, startSpawner } from '../../src/runtime/spawner.ts';
import { until } from '../lab/until.ts';

const spawner = startSpawner();
after(() => spawner.close());

/** What is made of a child's answers. */
function replies() {
  const output = new PassThrough();
  const told: number[] = [];
  const one = (id: number) => ({
    resolve: () => told.push(id),
    reject: () => told.push(-id),
    cancel: () => {},
  });
  followReplies(output, new Map([1, 2].map((id) => [id, one(id)])));
  return { output, told };
}

const parentOf = (script: string) => spawner.exec(process.execPath, ['-e', script]);

describe('a spawner', () => {
  it('runs programs with their arguments and input, and gives back what they say', async () => {
    const script = 'process.stdin.pipe(process.stdout); console.error(process.argv[1]); process.exitCode = 3';
    const result = await spawner.exec(process.execPath, ['-e', script, '$HOME\n`id`'], { stdin: 'in' });
    assert.deepEqual(result, { code: 3, stdout: 'in', stderr: '$HOME\n`id`\n' });
  });

  it('is not this process', async () => {
    const { stdout } = await parentOf('console.log(process.ppid)');
    assert.notEqual(Number(stdout), process.pid);
  });

  it('tells which program is missing, as if it were run here', async () => {
    await assert.rejects(spawner.exec('squall-no-such-program', []), { code: 'SQ306', terminal: true });
  });

  it('ends a program after its time', async () => {
    await assert.rejects(spawner.exec('sleep', ['60'], { timeout: 50 }), { code: 'SQ303', terminal: false });
  });

  it('runs many at once', async () => {
    const found = await Promise.all(Array.from({ length: 20 }, (_, n) => spawner.exec('echo', [String(n)])));
    assert.deepEqual(
      found.map(({ stdout }) => Number(stdout)),
      Array.from({ length: 20 }, (_, n) => n),
    );
  });

  it('is done without once it is dead; what it was asked then fails, and may be tried again', async () => {
    const mortal = startSpawner();
    const { stdout } = await mortal.exec(process.execPath, ['-e', 'console.log(process.ppid)']);
    const pid = Number(stdout);
    const asked = mortal.exec('sleep', ['60']);
    const [refusal] = await Promise.all([
      assert.rejects(asked, { code: 'SQ303', terminal: false }),
      process.kill(pid, 'SIGKILL'),
    ]);
    assert.equal(refusal, undefined);
    const here = await mortal.exec(process.execPath, ['-e', 'console.log(process.ppid)']);
    assert.equal(Number(here.stdout), process.pid);
  });

  it('bears an answer that breaks off, as of a child that was killed in it', async () => {
    const { output, told } = replies();
    output.write('{"id":1,"result":{"code":0,"stdout":"x","stderr":""}}\n{"id":2,"result":{"co');
    output.end();
    await once(output, 'close');
    assert.deepEqual(told, [1]);
  });

  it('bears signals that are meant for the daemon, and ends when the daemon does', async () => {
    const other = startSpawner();
    const pid = Number((await other.exec(process.execPath, ['-e', 'console.log(process.ppid)'])).stdout);
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGINT');
    assert.equal((await other.exec('echo', ['still here'])).stdout, 'still here\n');
    other.close();
    await until('it to end', () => !alive(pid));
  });
});

function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
