import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { beforeEach, describe, it } from 'node:test';
import { until } from '../lab/until.ts';
import {
  ask,
  bearer,
  conformsRaw,
  LIMIT,
  listenOn,
  open,
  openTcpSite,
  raw,
  TOKEN,
  tell,
} from './tcp-site.ts';

const site = openTcpSite();

describe('a client that takes its time', LIMIT, () => {
  const quick = { headers: 400, request: 500, look: 20 };

  it('is cut off that never ends its headers', async (t) => {
    await listenOn(site, '127.0.0.1:0', quick);
    const { connection, answer } = await raw(site, 'GET /healthz HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => connection.write('x: y\r\n'), 20);
    t.after(() => clearInterval(drip));
    await conformsRaw(await answer, 408);
  });

  it('is cut off that says nothing at all', async () => {
    await listenOn(site, '127.0.0.1:0', quick);
    await conformsRaw(await (await raw(site, '')).answer, 408);
  });

  it('is cut off that never ends its body', async () => {
    await listenOn(site, '127.0.0.1:0', quick);
    const head = `POST /api/v1/halt HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n`;
    const { answer } = await raw(
      site,
      `${head}content-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
    );
    await conformsRaw(await answer, 408);
    assert.deepEqual(site.control.calls, []);
  });

  it('may follow events as long as it likes', async () => {
    await listenOn(site, '127.0.0.1:0', quick);
    const response = await open(site, '/api/v1/events/stream', bearer(TOKEN));
    let seen = '';
    response.on('data', (chunk) => (seen += chunk));
    // Another client is cut off meanwhile, by the same limits.
    await (await raw(site, '')).answer;
    tell(site, 'after the limit');
    await until('the event', () => seen.includes('after the limit'));
    response.destroy();
  });

  it('is no reason to take in more than so many', async () => {
    await listenOn(site, '127.0.0.1:0', { connections: 2 });
    const held = [await raw(site, ''), await raw(site, '')];
    assert.equal(await (await raw(site, 'GET /healthz HTTP/1.1\r\n\r\n')).answer, '');
    assert.equal((await ask(site, '/healthz', { over: 'socket' })).status, 200);
    for (const { connection } of held) connection.destroy();
  });
});

describe('what is no request', LIMIT, () => {
  beforeEach(() => listenOn(site, '127.0.0.1:0'));

  it('is refused, and the connection ends', async () => {
    await conformsRaw(await (await raw(site, 'EHLO there\r\n\r\n')).answer, 400);
    await conformsRaw(
      await (await raw(site, `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).answer,
      431,
    );
  });

  it('is one with too much of a body', async () => {
    const head = `POST /api/v1/halt HTTP/1.1\r\nhost: x\r\nconnection: close\r\n`;
    const body = `content-type: application/json\r\ncontent-length: 70000\r\n\r\n`;
    await conformsRaw(
      await (await raw(site, `${head}authorization: Bearer ${TOKEN}\r\n${body}`)).answer,
      400,
    );
    await conformsRaw(await (await raw(site, `${head}${body}`)).answer, 401);
    assert.deepEqual(site.control.calls, []);
  });
});

describe('closing', LIMIT, () => {
  it('ends connections over TCP, and streams', async () => {
    await listenOn(site, '127.0.0.1:0');
    const stream = await open(site, '/api/v1/events/stream', bearer(TOKEN));
    const ended = once(stream.resume(), 'end');
    const { answer: idle } = await raw(site, 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
    const { answer: half } = await raw(site, 'GET /healthz HTTP/1.1\r\n');
    const { port } = new URL(site.url);
    await site.server.close();
    await Promise.all([ended, idle, half]);
    const late = connect(Number(port), '127.0.0.1');
    const [error] = await once(late, 'error');
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    assert.ok(!existsSync(site.socket));
  });
});
