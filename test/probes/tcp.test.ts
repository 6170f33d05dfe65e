import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { closedPort, probe, type TestServer, tcpServer, wrong } from './support.ts';

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Probes a server that does this with each connection. */
async function probed(
  onConnection: (socket: Socket) => void,
  more: Record<string, unknown> = {},
): Promise<[boolean, string]> {
  const server = await tcpServer(onConnection);
  servers.push(server);
  return seen({ type: 'tcp', host: '127.0.0.1', port: server.port, timeout: '5s', ...more });
}

async function seen(spec: ProbeSpec): Promise<[boolean, string]> {
  const { up, message } = await probe(spec);
  return [up, message];
}

/** Answers a line, once it is whole. */
const answering = (answer: (line: string) => string) => (socket: Socket) => {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
    if (text.endsWith('\r\n')) socket.write(answer(text.trim()));
  });
};

describe('a tcp probe', () => {
  it('is up where somebody takes the connection, who sees what was sent', async () => {
    assert.deepEqual(await probed(() => {}), [true, 'connected']);
    const got: string[] = [];
    const sent = await probed((socket) => socket.on('data', (chunk) => got.push(String(chunk))), {
      send: 'bye',
    });
    assert.deepEqual(sent, [true, 'connected']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(got, ['bye']);
  });

  it('is down where nobody does, and says why', async () => {
    const port = await closedPort();
    const refused = await seen({ type: 'tcp', host: '127.0.0.1', port });
    assert.deepEqual(refused, [false, `connection refused (127.0.0.1:${port})`]);
    const unknown = await seen({ type: 'tcp', host: 'no-such-host.invalid', port });
    assert.match(unknown[1], /^the name does not resolve.*\(no-such-host\.invalid\)$/);
  });

  it('holds the answer against what is expected, to a question or to none', async () => {
    const pong = answering((line) => (line === 'PING' ? '+PONG\r\n' : '-ERR\r\n'));
    const expect = { send: 'PING\r\n', expect: '+PONG' };
    assert.deepEqual(await probed(pong, expect), [true, 'connected, and the answer is as expected']);
    const other = await probed(pong, { ...expect, send: 'HELLO\r\n', timeout: '300ms' });
    assert.deepEqual(other, [false, 'no result within 300ms: the answer does not contain "+PONG": "-ERR"']);
    const banner = (socket: Socket) => void socket.write('SSH-2.0-x\r\n');
    assert.equal((await probed(banner, { expect: '/^SSH-2\\.0-/' }))[0], true);
    assert.equal((await probed(banner, { expect: '/^SSH-1/', timeout: '100ms' }))[0], false);
  });

  it('puts an answer together that comes in pieces', async () => {
    const slowly = (socket: Socket) => {
      socket.write('+PO');
      setTimeout(() => socket.write('NG'), 20);
    };
    assert.equal((await probed(slowly, { expect: '+PONG' }))[0], true);
  });

  it('is down as soon as the answer has ended without it', async () => {
    const start = performance.now();
    const closes = await probed((socket) => socket.end('go away\n'), { expect: 'welcome' });
    assert.deepEqual(closes, [false, 'the answer does not contain "welcome": "go away"']);
    const silent = await probed((socket) => socket.end(), { expect: 'welcome' });
    assert.deepEqual(silent, [false, 'connected, but no answer comes']);
    assert.ok(performance.now() - start < 1000);
  });

  it('looks at the first 4 KiB only', async () => {
    const talks = (socket: Socket) => {
      socket.on('error', () => {});
      socket.write('x'.repeat(4096));
      socket.write('needle');
    };
    const [up, message] = await probed(talks, { expect: 'needle' });
    assert.equal(up, false);
    assert.match(message, /^the answer does not contain "needle": "x{80}\.\.\."$/);
  });

  it('waits no longer than its timeout for a word', async () => {
    const waits = await probed(() => {}, { expect: 'x', timeout: '100ms' });
    assert.deepEqual(waits, [false, 'no result within 100ms: connected, but no answer comes']);
  });

  it('never shows what it sent, even where it comes back', async () => {
    const echo = answering((line) => `-ERR unknown: ${line}\r\n`);
    const [, message] = await probed(echo, {
      send: 'AUTH admin hunter2\r\n',
      expect: '+OK',
      timeout: '300ms',
    });
    assert.doesNotMatch(message, /hunter2|AUTH|admin/);
    assert.match(message, /"-ERR unknown: \*\*\* \*\*\* \*\*\*"$/);
  });

  it('keeps control characters of the answer out of its message', async () => {
    const hostile = (socket: Socket) => socket.end('\u001b]0;owned\u0007\u202eevil\r\nline two');
    const [, message] = await probed(hostile, { expect: 'hello' });
    assert.equal(message, 'the answer does not contain "hello": "]0;owned evil line two"');
  });

  it('lets go of its connection, whatever came of it', async () => {
    const server = await tcpServer(() => {});
    servers.push(server);
    const spec = { type: 'tcp', host: '127.0.0.1', port: server.port, timeout: '30ms' };
    await probe(spec);
    await probe({ ...spec, expect: 'x' });
    const end = performance.now() + 1000;
    while (server.open() > 0 && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([server.connections(), server.open()], [2, 0]);
  });
});

describe('the manifest of a tcp probe', () => {
  const base = { type: 'tcp', host: '127.0.0.1', port: 80 };
  const refused: [string, Record<string, unknown>][] = [
    ['port 0', { port: 0 }],
    ['a port that does not exist', { port: 65_536 }],
    ['a URL for a host', { host: 'http://x' }],
    ['nothing to send', { send: '' }],
    ['an expression that can take forever', { expect: '/(a|a)*$/' }],
  ];
  for (const [what, more] of refused) {
    it(`is refused for ${what}`, () => assert.ok(wrong({ ...base, ...more }).length > 0));
  }
});
