import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDocker } from '../../src/runtime/docker.ts';
import type { ExecRequest } from '../../src/runtime/docker-exec.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { createSocketProxy } from './socket-proxy.ts';

const docker = createDocker();
const forever = () => new AbortController().signal;

describe('a program in a container', () => {
  let lab: Lab;
  let box: LabContainer;
  before(async () => {
    lab = await openLab('exec');
    box = await lab.run();
  });
  after(async () => {
    await lab.close();
    docker.close();
  });
  const run = (...command: string[]) => docker.exec(box.id, { command }, forever());
  const sh = (script: string, more: Partial<ExecRequest> = {}) =>
    docker.exec(box.id, { command: ['sh', '-c', script], ...more }, forever());
  /** Hangs, and is known by its name. */
  const hang = (name: string) => ['sh', '-c', `echo $$ > /tmp/${name}; exec sleep 4711`];
  const runs = async (name: string, where = box) =>
    (await where.exec(['sh', '-c', `kill -0 $(cat /tmp/${name})`])).code === 0;
  const kill = (name: string) => box.exec(['sh', '-c', `kill -9 $(cat /tmp/${name})`]);

  it('gives its exit code and what it wrote to both streams', async () => {
    assert.deepEqual(await run('echo', 'a  b', '$HOME'), { code: 0, output: 'a  b $HOME\n' });
    assert.deepEqual(await sh('echo out; sleep 0.1; echo err >&2; exit 7'), {
      code: 7,
      output: 'out\nerr\n',
    });
    assert.deepEqual(await run('true'), { code: 0, output: '' });
    assert.equal((await sh('kill -9 $$')).code, 137);
  });

  it('runs as who and where it is told to', async () => {
    const found = await sh('id -u; id -g; pwd', { user: '1000:1001', workdir: '/tmp' });
    assert.deepEqual(found, { code: 0, output: '1000\n1001\n/tmp\n' });
  });

  it('that does not exist has an exit code of its own, and the engine says why', async () => {
    const { code, output } = await run('no-such-program');
    assert.ok(code === 126 || code === 127, `code ${code}`);
    assert.match(output, /no-such-program.*not found/);
  });

  it('is read to the end, and 64 KiB of it are kept', async () => {
    const { code, output } = await sh('yes 0123456789abcde | head -c 3000000; echo end >&2; exit 3');
    assert.deepEqual([code, output.length], [3, 64 * 1024]);
    assert.ok(output.startsWith('0123456789abcde\n0123456789abcde\n'));
  });

  it('is waited for no longer once the signal says so, and refused again until it has ended', async () => {
    const request = { command: hang('one') };
    const ender = new AbortController();
    const waiting = assert.rejects(docker.exec(box.id, request, ender.signal), { code: 'SQ301' });
    await until('the program', () => runs('one'));
    const start = performance.now();
    ender.abort();
    await waiting;
    assert.ok(performance.now() - start < 200, `took ${performance.now() - start} ms`);
    assert.ok(await runs('one'), 'the engine leaves it running');
    await assert.rejects(docker.exec(box.id, request, forever()), {
      code: 'SQ401',
      terminal: false,
      message: /an earlier try still runs/,
      hint: /timeout/,
    });
    assert.equal((await run('true')).code, 0, 'other programs are as welcome as ever');
    await kill('one');
    const again = new AbortController();
    const next = assert.rejects(docker.exec(box.id, request, again.signal), { code: 'SQ301' });
    await until('the program', () => runs('one'));
    again.abort();
    await next;
    await kill('one');
  });

  it('is not started any more where the signal is aborted already', async () => {
    const command = ['touch', '/tmp/never'];
    await assert.rejects(docker.exec(box.id, { command }, AbortSignal.abort()));
    assert.notEqual((await box.exec(['ls', '/tmp/never'])).code, 0);
  });

  it('ends with its container', async () => {
    const other = await lab.run();
    const waiting = docker.exec(other.id, { command: hang('two') }, forever());
    await until('the program', () => runs('two', other));
    await docker.kill(other.id, 'KILL');
    assert.equal((await waiting).code, 137);
  });

  it('is refused in a container that is paused, stopped or gone', async () => {
    const other = await lab.run();
    const tried = () => docker.exec(other.id, { command: ['true'] }, forever());
    await docker.pause(other.id);
    await assert.rejects(tried(), { code: 'SQ401', message: /paused/ });
    await docker.unpause(other.id);
    assert.equal((await tried()).code, 0);
    await other.stop();
    await assert.rejects(tried(), { code: 'SQ401', message: /not running/ });
    await other.remove();
    await assert.rejects(tried(), { code: 'SQ307' });
  });

  it('says where the engine goes away meanwhile', async () => {
    const proxy = createSocketProxy();
    const through = createDocker({ socket: proxy.path });
    try {
      await proxy.open();
      const waiting = assert.rejects(through.exec(box.id, { command: hang('three') }, forever()), {
        code: 'SQ301',
        terminal: false,
      });
      await until('the program', () => runs('three'));
      await proxy.cut();
      await waiting;
    } finally {
      through.close();
      await proxy.close();
      await kill('three');
    }
  });
});
