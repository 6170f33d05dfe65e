import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { parseAddress } from '../../src/server/address.ts';
import { LIMITS, type Limits } from '../../src/server/app.ts';
import { createServer, type SquallServer } from '../../src/server/server.ts';
import { event, fillState, scratch } from '../cli/fixture.ts';
import { conforms } from './document.ts';
import { type ScriptedControl, scriptedControl } from './scripted-control.ts';

export const TOKEN = 'correct-horse-battery';
export const OTHER = 'another-horse-battery';

/** For suites: what waits for an end that never comes fails instead. */
export const LIMIT = { timeout: 20_000 };

/** A server for each test of a file, with what it works on. */
export interface TcpSite {
  socket: string;
  /** Holds TOKEN at first. */
  tokenFile: string;
  journal: Journal;
  control: ScriptedControl;
  server: SquallServer;
  /** What was logged, a line each. */
  lines: string[];
  /** Of the listener; requests go there. */
  url: string;
}

/** Registers the hooks that make and remove it. */
export function openTcpSite(): TcpSite {
  const place = scratch();
  fillState(join(place.dir, 'state')).close();
  const site = {
    socket: join(place.dir, 'state', 'squall.sock'),
    tokenFile: join(place.dir, 'token'),
  } as TcpSite;
  before(() => {
    site.journal = openJournal(join(place.dir, 'state', 'journal.db'));
  });
  beforeEach(() => {
    site.control = scriptedControl();
    site.lines = [];
    writeFileSync(site.tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  });
  afterEach(() => site.server?.close());
  after(() => {
    site.journal.close();
    place.remove();
  });
  return site;
}

export function createOn(site: TcpSite, limits: Partial<Limits> = {}): SquallServer {
  const { journal, control, lines } = site;
  const log = createLog('trace', { write: (line) => lines.push(line) });
  const metrics = async () => 'x 1\n';
  site.server = createServer({ journal, control, metrics, log, limits: { ...LIMITS, ...limits } });
  return site.server;
}

export async function listenOn(site: TcpSite, address: string, limits: Partial<Limits> = {}): Promise<void> {
  const tcp = { address: parseAddress(address), token: { file: site.tokenFile } };
  site.url = (await createOn(site, limits).listen(site.socket, tcp)) ?? '';
}

/** Tells of an event, as the daemon does. */
export function tell({ control, journal }: TcpSite, message: string): void {
  control.emit(journal.events.add(event(message)));
}

export interface Asked {
  method?: string;
  authorization?: string | undefined;
  headers?: Record<string, string>;
  over?: 'tcp' | 'socket';
}

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Gives the answer once its headers are there. */
export async function open(site: TcpSite, path: string, asked: Asked = {}): Promise<IncomingMessage> {
  const { method = 'GET', authorization, headers, over = 'tcp' } = asked;
  const { hostname, port } = new URL(site.url || 'http://unused');
  const where = over === 'tcp' ? { host: hostname.replace(/[[\]]/g, ''), port } : { socketPath: site.socket };
  const sent = request({
    ...where,
    path,
    method,
    agent: false,
    headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
  });
  sent.end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

/** Gives the whole answer, which must be as the OpenAPI document says. */
export async function ask(site: TcpSite, path: string, asked: Asked = {}) {
  const response = await open(site, path, asked);
  let body = '';
  for await (const chunk of response) body += chunk;
  const status = response.statusCode ?? 0;
  const method = asked.method ?? 'GET';
  const type = response.headers['content-type'];
  if (method !== 'HEAD') await conforms({ method, url: path, status, type, body });
  return { status, headers: response.headers, body };
}

/** A connection that writes what it likes, and all that comes back until it ends. */
export async function raw(
  site: TcpSite,
  text: string,
): Promise<{ connection: Socket; answer: Promise<string> }> {
  const connection = connect(Number(new URL(site.url).port), '127.0.0.1');
  await once(connection, 'connect');
  let got = '';
  connection.on('data', (chunk) => (got += chunk)).on('error', () => {});
  const answer = once(connection, 'close').then(() => got);
  connection.write(text);
  return { connection, answer };
}

/** Holds what came back on a connection against the document. */
export async function conformsRaw(answer: string, status: number): Promise<void> {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
  const type = /content-type: (.*)/i.exec(head)?.[1];
  await conforms({ method: 'GET', url: '/none', status, type, body });
}
