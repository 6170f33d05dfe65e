import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { deadlineIn, systemClock } from '../../src/core/clock.ts';
import { runSentinel } from '../../src/daemon/sentinel.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { intent } from '../journal/build.ts';
import { until } from '../lab/until.ts';
import { container, PAUSE, run } from '../plan/build.ts';

const dir = mkdtempSync(join(tmpdir(), 'squall-sentinel-'));
after(() => rmSync(dir, { recursive: true }));

const [hung, web] = [container('web-hung'), container('web-0')];

/** Stands for an engine that says nothing of one container until it is let go; then there is no container any more. */
async function engine() {
  const held: ServerResponse[] = [];
  const seen: string[] = [];
  let hangs = true;
  const gone = (response: ServerResponse) => response.writeHead(404).end('{"message":"no such container"}');
  const server = createServer(({ url = '' }, response) => {
    response.setHeader('Content-Type', 'application/json');
    if (url.startsWith('/version')) return response.end('{"Version":"test","ApiVersion":"1.41"}');
    seen.push(url.includes(hung.id) ? hung.name : web.name);
    return hangs && url.includes(hung.id) ? held.push(response) : gone(response);
  });
  const socket = join(dir, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const letGo = () => {
    hangs = false;
    for (const response of held) gone(response);
  };
  return { host: `unix://${socket}`, seen, letGo, close: () => server.close() };
}

it('a target that hangs does not keep the sentinel from another one whose deadline comes', async () => {
  const { host, seen, letGo, close } = await engine();
  const journal = openJournal(join(dir, 'journal.db'));
  for (const [target, left] of [
    [hung, 0],
    [web, 600],
  ] as const) {
    const deadline = deadlineIn(systemClock, left);
    const one = run([PAUSE], [target], { id: `run-${target.name}`, deadline });
    journal.runs.put(one);
    const { id, name } = target;
    journal.effects.intend(intent({ runId: one.id, target: { id, name }, fault: PAUSE, deadline }));
  }
  const watching = runSentinel({ state: dir, dockerHost: host, logLevel: 'silent', detached: true });
  try {
    await until('the sentinel looks at the one that hangs', () => seen.includes(hung.name));
    await until('it looks at the other', () => seen.includes(web.name), 5000);
  } finally {
    letGo();
    await watching;
    close();
  }
  assert.deepEqual(journal.effects.live(), []);
  journal.close();
});
