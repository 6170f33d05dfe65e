import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { beforeEach, describe, it } from 'node:test';
import { parseAddress } from '../../src/server/address.ts';
import { until } from '../lab/until.ts';
import { document } from './document.ts';
import {
  ask,
  bearer,
  conformsRaw,
  createOn,
  LIMIT,
  listenOn,
  OTHER,
  open,
  openTcpSite,
  raw,
  TOKEN,
  tell,
} from './tcp-site.ts';

const site = openTcpSite();

describe('over TCP', LIMIT, () => {
  beforeEach(() => listenOn(site, '127.0.0.1:0'));

  it('answers who has the token', async () => {
    const { status, body } = await ask(site, '/api/v1/experiments/freeze', bearer(TOKEN));
    assert.deepEqual([status, JSON.parse(body).metadata.name], [200, 'freeze']);
    assert.equal((await ask(site, '/metrics', bearer(TOKEN))).body, 'x 1\n');
    assert.equal(
      (await ask(site, '/api/v1/experiments/freeze/halt', { method: 'POST', ...bearer(TOKEN) })).status,
      200,
    );
    assert.deepEqual(site.control.calls, ['halt Experiment/freeze']);
    assert.equal((await ask(site, '/readyz', { authorization: `bearer ${TOKEN}` })).status, 200);
  });

  const refused: [string, string | undefined][] = [
    ['nothing', undefined],
    ['an empty header', ''],
    ['the scheme alone', 'Bearer'],
    ['no token', 'Bearer '],
    ['another token', `Bearer ${OTHER}`],
    ['part of the token', `Bearer ${TOKEN.slice(0, -1)}`],
    ['more than the token', `Bearer ${TOKEN}x`],
    ['the token in another scheme', `Basic ${TOKEN}`],
    ['the token without a scheme', TOKEN],
    ['the token twice', `Bearer ${TOKEN}, Bearer ${TOKEN}`],
  ];
  for (const [what, authorization] of refused)
    it(`refuses who sends ${what}`, async () => {
      const { status, headers, body } = await ask(site, '/api/v1/halt', { method: 'POST', authorization });
      assert.equal(status, 401);
      assert.match(headers['www-authenticate'] ?? '', /^Bearer\b/);
      assert.equal(JSON.parse(body).error.code, 'SQ504');
      assert.match(JSON.parse(body).error.hint, /Authorization: Bearer/);
      assert.deepEqual(site.control.calls, []);
    });

  it('keeps no connection of who has no token', async () => {
    const { answer } = await raw(site, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
    await conformsRaw(await answer, 401);
  });

  it('takes the token from nowhere else', async () => {
    const inQuery = await ask(site, `/api/v1/runs?access_token=${TOKEN}&token=${TOKEN}`);
    const inOthers = await ask(site, '/api/v1/runs', {
      headers: { cookie: `token=${TOKEN}`, 'x-api-key': TOKEN },
    });
    assert.deepEqual([inQuery.status, inOthers.status], [401, 401]);
  });

  it('asks everybody for the token, for everything but /healthz', async () => {
    const { paths } = await document();
    for (const [path, operations] of Object.entries(paths))
      for (const method of Object.keys(operations)) {
        const { status } = await ask(site, path.replace('{name}', 'freeze'), {
          method: method.toUpperCase(),
        });
        assert.equal(status, path === '/healthz' ? 200 : 401, `${method} ${path}`);
      }
    assert.equal((await ask(site, '/healthz', { method: 'HEAD' })).status, 200);
    assert.equal((await ask(site, '/metrics', { method: 'HEAD' })).status, 401);
    assert.deepEqual(site.control.calls, []);
  });

  it('tells nobody without the token what there is and what not', async () => {
    for (const path of [
      '/nowhere',
      '/healthz/',
      '/HEALTHZ',
      '//healthz',
      '/healthz/../metrics',
      '/%ff',
      '/api/v1/experiments/%',
    ])
      assert.equal((await ask(site, path)).status, 401, path);
    for (const method of ['OPTIONS', 'PUT', 'DELETE', 'PATCH'])
      assert.equal((await ask(site, '/healthz', { method })).status, 401, method);
    assert.equal((await ask(site, `/api/v1/experiments/${'x'.repeat(300)}`)).status, 401);
  });

  it('tells who has the token what is wrong', async () => {
    const wrong = async (path: string) => {
      const { status, body } = await ask(site, path, bearer(TOKEN));
      return [status, JSON.parse(body).error.code];
    };
    assert.deepEqual(await wrong('/nowhere'), [404, 'SQ502']);
    assert.deepEqual(await wrong('/%ff'), [400, 'SQ501']);
    assert.deepEqual(await wrong(`/api/v1/experiments/${'x'.repeat(300)}`), [400, 'SQ501']);
    assert.deepEqual(await wrong(`/api/v1/experiments/${'x'.repeat(200)}`), [404, 'SQ502']);
  });

  it('allows no other site to ask', async () => {
    const { headers } = await ask(site, '/healthz', { headers: { origin: 'http://elsewhere.example' } });
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  });

  it('never logs the token', async () => {
    site.control.halt = () => Promise.reject(new Error('no'));
    await ask(site, `/api/v1/halt?token=${TOKEN}`, { method: 'POST', ...bearer(TOKEN) });
    await ask(site, '/api/v1/halt', { method: 'POST', ...bearer(`${TOKEN}x`) });
    assert.ok(site.lines.some((line) => line.includes('request failed')));
    assert.ok(!site.lines.join('').includes(TOKEN));
  });
});

describe('the unix site.socket beside it', LIMIT, () => {
  it('asks for no token, and cares for none', async () => {
    await listenOn(site, '127.0.0.1:0');
    for (const authorization of [undefined, `Bearer ${OTHER}`])
      assert.equal((await ask(site, '/api/v1/runs', { over: 'socket', authorization })).status, 200);
  });

  it('can not be claimed by a request over TCP', async () => {
    await listenOn(site, '127.0.0.1:0');
    const headers = { host: 'localhost', 'x-forwarded-for': '127.0.0.1', forwarded: 'for=unix' };
    assert.equal((await ask(site, '/api/v1/runs', { headers })).status, 401);
  });

  it('is all there is where no address is asked for', async () => {
    assert.equal(await createOn(site).listen(site.socket), undefined);
    assert.ok(!site.lines.join('').includes('http://'));
  });
});

describe('a token that is changed', LIMIT, () => {
  it('counts from the next request on, and the old one no more', async () => {
    await listenOn(site, '127.0.0.1:0');
    assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 200);
    writeFileSync(site.tokenFile, OTHER);
    assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 401);
    assert.equal((await ask(site, '/api/v1/runs', bearer(OTHER))).status, 200);
  });

  it('lets nobody in while its file holds none', async () => {
    await listenOn(site, '127.0.0.1:0');
    for (const text of ['', 'short']) {
      writeFileSync(site.tokenFile, text);
      for (const token of [TOKEN, text, 'undefined'])
        assert.equal((await ask(site, '/api/v1/runs', bearer(token))).status, 401);
    }
    rmSync(site.tokenFile);
    assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 401);
    assert.equal((await ask(site, '/healthz')).status, 200);
    writeFileSync(site.tokenFile, TOKEN);
    assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 200);
  });

  it('ends the streams that were opened with the old one, before another event is told', async () => {
    await listenOn(site, '127.0.0.1:0');
    const [onTcp, onSocket] = await Promise.all([
      open(site, '/api/v1/events/stream', bearer(TOKEN)),
      open(site, '/api/v1/events/stream', { over: 'socket' }),
    ]);
    const seen = { tcp: '', socket: '' };
    onTcp.on('data', (chunk) => (seen.tcp += chunk));
    onSocket.on('data', (chunk) => (seen.socket += chunk));
    tell(site, 'with the old token');
    await until('the event', () => seen.tcp.includes('with the old token'));
    writeFileSync(site.tokenFile, OTHER);
    tell(site, 'with the new token');
    await once(onTcp, 'end');
    await until('the event on the socket', () => seen.socket.includes('with the new token'));
    assert.ok(!seen.tcp.includes('with the new token'));
    onSocket.destroy();
  });
});

describe('listening', LIMIT, () => {
  const token = { text: TOKEN };
  const hasIp6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );

  for (const address of ['localhost:0', ':0', '0.0.0.0:0'])
    it(`works on ${address}`, async () => {
      await listenOn(site, address);
      site.url = `http://127.0.0.1:${new URL(site.url).port}`;
      assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 200);
    });

  it('works on every address where none is named, on those of IPv6 too', { skip: !hasIp6 }, async () => {
    await listenOn(site, ':0');
    site.url = `http://[::1]:${new URL(site.url).port}`;
    assert.equal((await ask(site, '/healthz')).status, 200);
  });

  it('works on IPv6', { skip: !hasIp6 }, async () => {
    await listenOn(site, '[::1]:0');
    assert.match(site.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await ask(site, '/api/v1/runs', bearer(TOKEN))).status, 200);
    assert.equal((await ask(site, '/api/v1/runs')).status, 401);
  });

  it('tells where, and warns where others can reach it', async () => {
    await listenOn(site, '127.0.0.1:0');
    const told = () =>
      site.lines.filter((line) => line.includes(site.url)).map((line) => JSON.parse(line).level);
    assert.deepEqual(told(), [30]);
    await site.server.close();
    site.lines = [];
    await listenOn(site, '0.0.0.0:0');
    assert.deepEqual(told(), [30, 40]);
  });

  async function refuses(address: string, code: string, message: RegExp): Promise<void> {
    const listening = createOn(site).listen(site.socket, { address: parseAddress(address), token });
    await assert.rejects(listening, { name: 'SquallError', code, message });
    assert.ok(!existsSync(site.socket), 'nothing listens');
  }

  it('says so where somebody else does already', async (t) => {
    const other = createNetServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await refuses(`127.0.0.1:${port}`, 'SQ304', new RegExp(`another process listens on 127.0.0.1:${port}`));
  });

  it('says so where the address is not of this host', () =>
    refuses('192.0.2.1:0', 'SQ501', /192\.0\.2\.1:0 is no address of this host/));

  it('says so where the name has no address', () =>
    refuses(`${'x'.repeat(64)}.invalid:0`, 'SQ501', /x\.invalid has no address/)); // no label is so long: no server is asked

  it('needs a token that can be used', async () => {
    const listening = createOn(site).listen(site.socket, {
      address: parseAddress(':0'),
      token: { text: 'short' },
    });
    await assert.rejects(listening, { code: 'SQ501', message: /fewer than 16/ });
    assert.ok(!existsSync(site.socket));
  });
});
