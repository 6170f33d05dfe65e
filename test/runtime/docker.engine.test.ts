import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDocker, type EngineEvent } from '../../src/runtime/docker.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { createHttpStub } from './http-stub.ts';
import { createSocketProxy } from './socket-proxy.ts';

const docker = createDocker();
const NOBODY = 'e'.repeat(64);

describe('the client of a real engine', () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('docker');
  });
  after(async () => {
    await lab.close();
    docker.close();
  });

  it('tells what the engine is', async () => {
    await docker.ping();
    const info = await docker.info();
    assert.match(info.apiVersion, /^1\.\d+$/);
    assert.ok(info.id.length > 0);
    assert.ok(info.cgroupVersion === 1 || info.cgroupVersion === 2);
    assert.equal(info.kernel, (await lab.docker.info()).KernelVersion);
  });

  it('inspects running and stopped containers, and no others', async () => {
    const network = await lab.network({ ipv6: true });
    const box = await lab.run({ network, alias: ['peer'], restart: 'always', labels: { tier: 'app' } });
    const found = await docker.inspect(box.id);
    assert.ok(found);
    assert.equal(found.pid, await box.pid());
    assert.deepEqual([found.name, found.restartPolicy, found.labels.tier], [box.name, 'always', 'app']);
    const [attached] = found.attachments;
    assert.deepEqual([attached?.ip4, attached?.ip6], [await box.ip4(), await box.ip6()]);
    assert.ok(attached?.aliases.includes('peer') && attached.aliases.includes(box.name));
    await box.stop();
    const stopped = await docker.inspect(box.id);
    assert.deepEqual([stopped?.state, stopped?.pid, stopped?.attachments[0]?.ip4], ['exited', 0, undefined]);
    assert.ok((await docker.list()).some(({ id, state }) => id === box.id && state === 'exited'));
    assert.equal(await docker.inspect(NOBODY), undefined);
  });

  it('takes what is so already for success, and tells a refusal from an absence', async () => {
    const box = await lab.run();
    await docker.start(box.id);
    await docker.pause(box.id);
    await assert.rejects(docker.pause(box.id), { code: 'SQ401', terminal: false, message: /already paused/ });
    await docker.unpause(box.id);
    await assert.rejects(docker.unpause(box.id), { code: 'SQ401' });
    await docker.stop(box.id, 0);
    await docker.stop(box.id, 0);
    await assert.rejects(docker.kill(box.id, 'KILL'), { code: 'SQ401', message: /not running/ });
    await assert.rejects(docker.start(NOBODY), { code: 'SQ307' });
  });

  it('tells events as they happen, until it is told to stop', async () => {
    const box = await lab.run();
    const events: EngineEvent[] = [];
    const ender = new AbortController();
    const stream = await docker.events((event) => event.id === box.id && events.push(event), ender.signal);
    await docker.pause(box.id);
    await until('the event', () => events.some(({ action }) => action === 'pause'));
    ender.abort();
    await stream.closed;
  });

  it('says what to do where no engine answers', async () => {
    const nowhere = createDocker({ host: 'unix:///nowhere/docker.sock' });
    await assert.rejects(nowhere.ping(), { code: 'SQ301', terminal: false, hint: /start Docker/ });
    const closed = createDocker({ host: 'tcp://127.0.0.1:1' });
    await assert.rejects(closed.inspect(NOBODY), {
      code: 'SQ301',
      terminal: false,
      message: /127\.0\.0\.1:1/,
    });
  });

  it('gives up on an engine that hangs', async () => {
    const proxy = createSocketProxy();
    const clock = new FakeClock();
    const through = createDocker({ socket: proxy.path, clock });
    try {
      await proxy.open();
      await through.ping();
      proxy.hang();
      await proxy.drop();
      const answer = assert.rejects(through.inspect(NOBODY), {
        code: 'SQ301',
        terminal: false,
        message: /10000 ms/,
      });
      await until('the call', () => clock.pending > 0);
      clock.advance(10_000);
      await answer;
    } finally {
      through.close();
      await proxy.close();
    }
  });

  it('comes back by itself after the connection was lost', async () => {
    const proxy = createSocketProxy();
    const through = createDocker({ socket: proxy.path });
    try {
      await assert.rejects(through.ping(), { code: 'SQ301' });
      await proxy.open();
      await through.ping();
      await proxy.cut();
      await assert.rejects(through.ping(), { code: 'SQ301' });
      await proxy.open();
      await through.ping();
    } finally {
      through.close();
      await proxy.close();
    }
  });
});

describe('the API version', () => {
  const spoken = async (said: { ApiVersion: string; MinAPIVersion?: string }) => {
    const stub = await createHttpStub((path) => (path === '/version' ? { Version: 'x', ...said } : {}));
    const client = createDocker({ host: stub.host });
    try {
      await client.info();
      return stub.paths.at(-1);
    } finally {
      client.close();
      await stub.close();
    }
  };

  it("is the engine's, or the newest known here", async () => {
    assert.equal(await spoken({ ApiVersion: '1.41' }), '/v1.41/info');
    assert.equal(await spoken({ ApiVersion: '1.99', MinAPIVersion: '1.44' }), '/v1.51/info');
  });

  it('is refused where there is none in common', async () => {
    await assert.rejects(spoken({ ApiVersion: '1.40' }), { code: 'SQ301', hint: /20\.10/ });
    await assert.rejects(spoken({ ApiVersion: '2.0', MinAPIVersion: '1.60' }), {
      code: 'SQ301',
      hint: /newer Squall/,
    });
  });
});
