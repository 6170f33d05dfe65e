import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer as createNetServer, Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { createServer, type SquallServer } from '../../src/server/server.ts';
import { listenOnSocket } from '../../src/server/socket.ts';
import { event, fillState, type Scratch, scratch } from '../cli/fixture.ts';
import { until } from '../lab/until.ts';
import { type ScriptedControl, scriptedControl } from './scripted-control.ts';

let place: Scratch;
let journal: Journal;
let control: ScriptedControl;
let server: SquallServer;
let socket: string;

beforeEach(() => {
  place = scratch();
  journal = fillState(join(place.dir, 'state'));
  control = scriptedControl();
  server = createServer({ journal, control, metrics: async () => '', log: createLog('silent') });
  socket = join(place.dir, 'state', 'squall.sock');
});

afterEach(async () => {
  await server.close();
  journal.close();
  place.remove();
});

async function get(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const asked = request({ socketPath: socket, path, headers, agent: false });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

describe('the socket', () => {
  it("is its owner's alone", async () => {
    const before = process.umask();
    await server.listen(socket);
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(process.umask(), before);
  });

  it('is so from the moment it is there', async () => {
    const modes: number[] = [];
    class Watched extends Server {
      override listen(...args: unknown[]): this {
        super.listen(...(args as Parameters<Server['listen']>));
        modes.push(statSync(socket).mode & 0o777);
        return this;
      }
    }
    const watched = new Watched();
    await listenOnSocket(watched, socket);
    watched.close();
    assert.deepEqual(modes, [0o600]);
  });

  it('takes the place of one that a dead process left', async () => {
    const code = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await once(spawn(process.execPath, ['-e', code, socket]), 'exit');
    assert.ok(existsSync(socket));
    await server.listen(socket);
    assert.equal((await get('/healthz')).statusCode, 200);
  });

  it('is not taken from a process that answers', async () => {
    const other = createNetServer().listen(socket);
    await once(other, 'listening');
    await assert.rejects(server.listen(socket), { code: 'SQ304' });
    assert.ok(existsSync(socket));
    other.close();
  });

  it('does not replace a file', async () => {
    writeFileSync(socket, 'precious');
    await assert.rejects(server.listen(socket), { code: 'SQ501' });
  });

  it('says so where its path is too long for the kernel', async () => {
    await assert.rejects(server.listen(join(place.dir, 'x'.repeat(120))), {
      code: 'SQ501',
      message: /longer than 107 bytes/,
    });
  });

  it('goes when the server closes', async () => {
    await server.listen(socket);
    await server.close();
    assert.ok(!existsSync(socket));
  });
});

/** Reads a stream of server-sent events. */
function follow(response: IncomingMessage): { ids: number[]; messages: string[]; ended: boolean } {
  const seen = { ids: [] as number[], messages: [] as string[], ended: false };
  let rest = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const id = /^id: (\d+)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (id) seen.ids.push(Number(id));
      if (data) seen.messages.push((JSON.parse(data) as { message: string }).message);
    }
  });
  response.on('close', () => {
    seen.ended = true;
  });
  return seen;
}

describe('the stream of events', () => {
  const add = (message: string, experiment = 'freeze') =>
    control.emit(journal.events.add(event(message, { experiment })));
  const stream = '/api/v1/events/stream';

  it('begins with what comes, and tells each event once', async () => {
    await server.listen(socket);
    const response = await get(stream);
    assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
    const seen = follow(response);
    add('one');
    add('two');
    await until('two events', () => seen.ids.length >= 2);
    assert.deepEqual(seen.messages, ['one', 'two']);
    response.destroy();
    await until('the listener to go', () => control.listeners === 0);
  });

  it('resumes after the event that was last seen', async () => {
    add('one');
    add('two');
    add('other', 'rest');
    await server.listen(socket);
    const response = await get(`${stream}?experiment=freeze&after=3`, { 'last-event-id': '1' });
    const seen = follow(response);
    add('three');
    await until('three events', () => seen.messages.includes('three'));
    assert.deepEqual(seen.messages, ['one', 'two', 'three']);
    response.destroy();
  });

  it('tells what another process wrote, in order', async () => {
    await server.listen(socket);
    const response = await get(`${stream}?after=1`);
    const seen = follow(response);
    journal.events.add(event('by the sentinel'));
    add('by the daemon');
    await until('both events', () => seen.ids.length >= 2);
    assert.deepEqual(seen.messages, ['by the sentinel', 'by the daemon']);
    response.destroy();
  });

  it('is there for who asks /events for a stream', async () => {
    await server.listen(socket);
    const response = await get('/api/v1/events?after=0', { accept: 'text/event-stream' });
    const seen = follow(response);
    await until('an event', () => seen.messages.includes('paused shop-worker-1'));
    response.destroy();
  });

  it('ends when the server closes', async () => {
    await server.listen(socket);
    const seen = follow(await get(stream));
    await server.close();
    await until('the end of the stream', () => seen.ended);
  });
});
