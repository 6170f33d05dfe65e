import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { VERSION } from '../../src/core/version.ts';
import {
  type Certificate,
  certificateFor,
  closedPort,
  httpServer,
  httpsServer,
  probe,
  type TestServer,
  tcpServer,
  wrong,
} from './support.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A server, and a probe of it. */
async function serve(
  answer: RequestListener,
): Promise<{ server: TestServer; spec: ProbeSpec & { url: string } }> {
  const server = await httpServer(answer);
  servers.push(server);
  return { server, spec: { type: 'http', url: `http://127.0.0.1:${server.port}/health`, timeout: '2s' } };
}

const always =
  (status: number, body = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(status, headers).end(body);

async function bodyOf(request: IncomingMessage): Promise<string> {
  return (await request.toArray()).join('');
}

describe('the status of an answer', () => {
  const cases: [number, unknown, boolean][] = [
    [200, undefined, true],
    [204, undefined, true],
    [301, undefined, false],
    [404, undefined, false],
    [503, undefined, false],
    [200, 200, true],
    [201, 200, false],
    [404, '4xx', true],
    [399, '4xx', false],
    [204, [200, 204], true],
    [500, [200, '5xx'], true],
    [302, [200, '5xx'], false],
  ];
  for (const [status, wanted, up] of cases) {
    it(`${status} is ${up ? '' : 'not '}what ${JSON.stringify(wanted) ?? 'no expectation'} takes`, async () => {
      const { spec } = await serve(always(status));
      const expect = wanted === undefined ? {} : { expect: { status: wanted } };
      assert.equal((await probe({ ...spec, ...expect })).up, up);
    });
  }

  it('is said with what was expected and how the answer begins', async () => {
    const { spec } = await serve(always(503, 'upstream\u001b[31m is\n down '.padEnd(300, '.')));
    const { message } = await probe({ ...spec, expect: { status: [200, '3xx'] } });
    assert.match(message, /^status 503, expected 200 or 3xx: "upstream \[31m is down \.+"$/);
    assert.ok(message.length < 130, message);
  });
});

describe('the body of an answer', () => {
  const { up, down } = { up: true, down: false };
  const cases: [string, string, boolean][] = [
    ['{"status":"ok"}', '"status":"ok"', up],
    ['{"status":"OK"}', '"status":"ok"', down],
    ['a/b', '/b', up],
    ['ready: 3 of 3', '/^ready: (\\d) of 3$/', up],
    ['ready: x of 3', '/^ready: (\\d) of 3$/', down],
    ['.*', '.*', up],
    ['x', '.*', down],
    ['', 'x', down],
  ];
  for (const [body, wanted, expected] of cases) {
    it(`${JSON.stringify(body)} ${expected ? 'has' : 'lacks'} ${wanted}`, async () => {
      const { spec } = await serve(always(200, body));
      const result = await probe({ ...spec, expect: { body: wanted } });
      assert.equal(result.up, expected, result.message);
    });
  }

  it('is read to its first MiB, and no further', async () => {
    let sent = 0;
    const { server, spec } = await serve((_, response) => {
      response.on('error', () => {});
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) sent += 16_384;
      };
      response.on('drain', more);
      more();
    });
    const result = await probe({ ...spec, expect: { body: 'needle' } });
    assert.match(result.message, /^status 200, but the body does not contain "needle": "x+\.\.\."$/);
    await waitUntil(() => server.open() === 0);
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes`);
  });

  it('is found across its parts, at the end of its MiB, and nothing behind it', async () => {
    const { spec } = await serve((_, response) => {
      response.write('x'.repeat(1024 * 1024 - 6));
      setImmediate(() => response.end('needlehay'));
    });
    assert.equal((await probe({ ...spec, expect: { body: 'needle' } })).up, true);
    assert.equal((await probe({ ...spec, expect: { body: 'needleh' } })).up, false);
  });

  it('that takes forever to search is down, soon, and the process is not held up for long', async () => {
    const { spec } = await serve(always(200, 'x'.repeat(1024 * 1024)));
    const result = await probe({ ...spec, expect: { body: '/.*needle/' } });
    assert.match(
      result.message,
      /takes more than 100 ms to search for \/\.\*needle\/: make the expression simpler/,
    );
    assert.ok(result.took < 1500, `${result.took} ms`);
  });

  it('that breaks off or never ends is no answer', async () => {
    const broken = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half', () => response.destroy());
    });
    assert.deepEqual(await seen(broken.spec), [false, 'the connection was reset']);
    const endless = await serve((_, response) => void response.write('half'));
    const [up, message] = await seen({ ...endless.spec, timeout: '100ms' });
    assert.deepEqual([up, message], [false, 'no result within 100ms: status 200, but the body does not end']);
  });
});

async function seen(spec: ProbeSpec): Promise<[boolean, string]> {
  const { up, message } = await probe(spec);
  return [up, message];
}

async function waitUntil(done: () => boolean): Promise<void> {
  const end = performance.now() + 2000;
  while (!done()) {
    if (performance.now() > end) assert.fail('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a server that is not there, or says nothing', () => {
  it('is down, and the message says why', async () => {
    const port = await closedPort();
    assert.deepEqual(await seen({ type: 'http', url: `http://127.0.0.1:${port}/` }), [
      false,
      `connection refused (127.0.0.1:${port})`,
    ]);
    const [up, message] = await seen({ type: 'http', url: `http://localhost:${port}/` });
    assert.equal(up, false);
    assert.match(message, /^connection refused \((127\.0\.0\.1|\[::1\]):/);
    const [, unknown] = await seen({ type: 'http', url: 'http://no-such-host.invalid/' });
    assert.match(unknown, /does not resolve/);
  });

  it('is down where it hangs, closes or speaks something else', async () => {
    const speak = async (onConnection: Parameters<typeof tcpServer>[0]) => {
      const server = await tcpServer(onConnection);
      servers.push(server);
      const [up, message] = await seen({
        type: 'http',
        url: `http://127.0.0.1:${server.port}/`,
        timeout: '100ms',
      });
      assert.equal(up, false);
      return message;
    };
    assert.equal(await speak(() => {}), 'no result within 100ms: connected, but no answer comes');
    assert.match(await speak((socket) => socket.end()), /closed|hang up|reset/);
    assert.match(await speak((socket) => socket.write('SSH-2.0-OpenSSH\r\n')), /Parse Error|Expected HTTP/);
    const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    assert.match(await speak((socket) => socket.write(upgrade)), /closed|hang up|reset/);
  });
});

describe('the time that an answer takes', () => {
  it('is held against maxLatency, its end included', async () => {
    const { spec } = await serve((_, response) => {
      response.write('slow');
      setTimeout(() => response.end(), 80);
    });
    assert.equal((await probe(spec)).up, true);
    assert.equal((await probe({ ...spec, maxLatency: '2s' })).up, true);
    const [up, message] = await seen({ ...spec, maxLatency: '50ms' });
    assert.equal(up, false);
    assert.match(message, /^status 200, but it took \d+ms, more than 50ms$/);
  });

  it('is told, with the try', async () => {
    const { spec } = await serve((_, response) => void setTimeout(() => response.end(), 30));
    const { message, took } = await probe(spec);
    assert.match(message, /^status 200 in \d+ms$/);
    assert.ok(took >= 25 && took < 1000, `${took} ms`);
  });
});

describe('a request', () => {
  it('says who asks, with the headers and the body that were given, over a connection of its own', async () => {
    const got: { line: string; headers: IncomingMessage['headers']; body: string }[] = [];
    const { server, spec } = await serve(async (request, response) => {
      const body = await bodyOf(request);
      got.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
      response.end();
    });
    await probe(spec);
    await probe({
      ...spec,
      method: 'POST',
      headers: { 'X-Key': 'k', Host: 'shop.example', 'user-agent': 'me' },
      body: 'ä',
    });
    const [first, second] = got;
    assert.deepEqual([first?.line, first?.headers['user-agent']], ['GET /health', `squall/${VERSION}`]);
    assert.deepEqual([second?.line, second?.body], ['POST /health', 'ä']);
    const { host, 'x-key': key, 'user-agent': agent, 'content-length': length } = second?.headers ?? {};
    assert.deepEqual([host, key, agent, length], ['shop.example', 'k', 'me', '2']);
    assert.equal(server.connections(), 2);
    await waitUntil(() => server.open() === 0);
  });

  it('uses no proxy of the environment', async () => {
    const proxy = await httpServer(always(502, 'proxy'));
    servers.push(proxy);
    const { spec } = await serve(always(200));
    const module = new URL('../../src/probes/http.ts', import.meta.url).href;
    const program = `const { httpProbe } = await import(${JSON.stringify(module)});
      const seen = await httpProbe.attempt(${JSON.stringify(spec)}, undefined, new AbortController().signal);
      process.stdout.write(String(seen.up));`;
    const address = `http://127.0.0.1:${proxy.port}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: {
        ...process.env,
        NODE_USE_ENV_PROXY: '1',
        HTTP_PROXY: address,
        http_proxy: address,
        NO_PROXY: '',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = (await child.stdout.toArray()).join('');
    assert.deepEqual([said, proxy.connections()], ['true', 0]);
  });
});

describe('secrets', () => {
  const SECRET = 'Bearer hunter2-hunter2';
  const echo: RequestListener = async (request, response) => {
    const body = await bodyOf(request);
    response.writeHead(401).end(`${JSON.stringify(request.headers)} ${body}`);
  };

  it('of headers and bodies stay out of messages, even where the server repeats them', async () => {
    const { spec } = await serve(echo);
    for (const more of [
      { headers: { Authorization: SECRET } },
      { method: 'POST', body: `password=${SECRET}` },
    ]) {
      const [up, message] = await seen({ ...spec, ...more });
      assert.deepEqual([up, message], [false, 'status 401, expected 2xx']);
      const lacking = await probe({ ...spec, ...more, expect: { status: 401, body: 'welcome' } });
      assert.equal(lacking.message, 'status 401, but the body does not contain "welcome"');
    }
  });

  it('leave the answer visible where harmless headers are all that was sent', async () => {
    const { spec } = await serve(always(500, 'database is gone'));
    const { message } = await probe({ ...spec, headers: { Accept: 'application/json' } });
    assert.match(message, /database is gone/);
  });

  it('do not show in what is wrong with a manifest', () => {
    const base = { type: 'http', url: 'http://127.0.0.1/' };
    const specs: ProbeSpec[] = [
      { ...base, headers: { Authorization: `${SECRET}\r\n` } },
      { ...base, headers: { [`Bad ${SECRET}`]: 'x' } },
      { ...base, headers: { 'X-Pin': 12345 } },
      { ...base, body: SECRET.repeat(5000) },
      { ...base, url: 'http://user:hunter2-hunter2@127.0.0.1/' },
    ];
    for (const spec of specs) {
      const problems = wrong(spec);
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.doesNotMatch(problems.join(), /hunter2|12345/);
    }
  });
});

describe('redirects', () => {
  const to =
    (location: string, status = 302): RequestListener =>
    (request, response) =>
      request.url === '/health'
        ? void response.writeHead(status, { Location: location }).end('moved')
        : void response.end(`${request.method} ${request.headers['x-key'] ?? 'no key'}`);

  it('are a status of their own unless they are to be followed', async () => {
    const { spec } = await serve(to('/there'));
    assert.deepEqual(await seen(spec), [false, 'status 302, expected 2xx (followRedirects is not set)']);
    assert.equal((await probe({ ...spec, expect: { status: '3xx' } })).up, true);
    assert.equal((await probe({ ...spec, followRedirects: true })).up, true);
  });

  it('keep headers on the same host and drop them on another', async () => {
    const other = await serve((request, response) => void response.end(String(request.headers['x-key'])));
    const expecting = (body: string) => ({
      followRedirects: true,
      headers: { 'X-Key': 'k' },
      expect: { body },
    });
    const same = await serve(to('/there'));
    assert.equal((await probe({ ...same.spec, ...expecting('GET k') })).up, true);
    const away = await serve(to(other.spec.url));
    assert.equal((await probe({ ...away.spec, ...expecting('undefined') })).up, true);
  });

  it('of a POST become a GET, but for 307 and 308, which take no body elsewhere', async () => {
    const post = { method: 'POST', body: 'b', followRedirects: true };
    for (const [status, method] of [
      [301, 'GET'],
      [302, 'GET'],
      [303, 'GET'],
      [307, 'POST'],
      [308, 'POST'],
    ] as const) {
      const { spec } = await serve(to('/there', status));
      const result = await probe({ ...spec, ...post, expect: { body: `/^${method} /` } });
      assert.equal(result.up, true, `${status}: ${result.message}`);
    }
    const other = await serve(always(200));
    const away = await serve(to(other.spec.url, 307));
    assert.match((await probe({ ...away.spec, ...post })).message, /a body is not sent to another host/);
    assert.equal(other.server.connections(), 0);
  });

  it('end after a few, and lead to http and https only', async () => {
    const ring = await serve(to('/health'));
    assert.match((await probe({ ...ring.spec, followRedirects: true })).message, /more than 5 redirects/);
    assert.equal(ring.server.connections(), 6);
    const file = await serve(to('file:///etc/passwd'));
    assert.match((await probe({ ...file.spec, followRedirects: true })).message, /neither http nor https/);
  });
});

describe('TLS', () => {
  let certificate: Certificate;
  let server: TestServer;
  let base: ProbeSpec;
  before(async () => {
    certificate = await certificateFor('shop.example');
    server = await httpsServer(certificate, (_: IncomingMessage, response: ServerResponse) =>
      response.end('ok'),
    );
    base = { type: 'http', url: `https://127.0.0.1:${server.port}/` };
  });
  after(async () => {
    await server.close();
    certificate.remove();
  });
  const withTls = (tls: Record<string, unknown>) => seen({ ...base, tls });

  it('refuses a certificate that nobody vouches for, or that is for another name', async () => {
    assert.match((await seen(base))[1], /self-signed certificate/);
    assert.match((await withTls({ caFile: certificate.file }))[1], /altnames|does not match/);
  });

  it('takes what it is told to take', async () => {
    const trusted = { caFile: certificate.file, serverName: 'shop.example' };
    assert.equal((await withTls(trusted))[0], true);
    assert.equal((await withTls({ insecure: true }))[0], true);
  });

  it('is down where the certificates cannot be read, or the server speaks none', async () => {
    assert.match(
      (await withTls({ caFile: '/no/such/file.pem' }))[1],
      /tls\.caFile cannot be read: no \/no\/such/,
    );
    assert.match((await withTls({ caFile: '/dev/zero' }))[1], /is no file of certificates/);
    const { server: plain } = await serve(always(200));
    const [up, message] = await seen({ type: 'http', url: `https://127.0.0.1:${plain.port}/` });
    assert.deepEqual([up, message], [false, 'no TLS is spoken there']);
  });
});

describe('the manifest of an http probe', () => {
  const base = { type: 'http', url: 'http://127.0.0.1:8080/health' };
  const refused: [string, Record<string, unknown>][] = [
    ['another scheme', { url: 'ftp://127.0.0.1/' }],
    ['no URL', { url: 'http://:80:80/' }],
    ['a status that does not exist', { expect: { status: 700 } }],
    ['a class that does not exist', { expect: { status: '6xx' } }],
    ['an empty list of them', { expect: { status: [] } }],
    ['nothing expected', { expect: {} }],
    ['an empty text', { expect: { body: '' } }],
    ['an expression that can take forever', { expect: { body: '/(a+)+$/' } }],
    ['an expression that does not compile', { expect: { body: '/(/' } }],
    ['an expression with flags', { expect: { body: '/ok/i' } }],
    ['a body for HEAD', { method: 'HEAD', body: 'x' }],
    ['a body expected of HEAD', { method: 'HEAD', expect: { body: 'x' } }],
    ['TLS for plain http', { tls: { insecure: true } }],
    ['certificates by a relative path', { url: 'https://x/', tls: { caFile: 'ca.pem' } }],
    ['a header of the connection', { headers: { 'Content-Length': '1' } }],
    ['a latency without a unit', { maxLatency: '500' }],
  ];
  for (const [what, more] of refused) {
    it(`is refused for ${what}`, () => assert.ok(wrong({ ...base, ...more }).length > 0));
  }
});
