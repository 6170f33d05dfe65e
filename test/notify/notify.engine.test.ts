import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { Notification } from '../../src/notify/webhook.ts';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

let lab: Lab;
let site: Site;
let server: Server;
let answers = true;
const items: Notification['items'] = [];

before(async () => {
  lab = await openLab('notify');
  site = openSite('notify');
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk));
    request.on('end', () => {
      if (!answers) return; // it hangs
      items.push(...(JSON.parse(body) as Notification).items);
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await site.close();
  await lab.close();
});

test('a webhook is told what happens; one that hangs holds up no recovery, and is told what it missed after a restart', async () => {
  const target = await lab.run();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const more = { notify: [{ name: 'webhook', kind: 'webhook' as const, url }] };
  const daemon = await site.start({ more });
  const told = (kind: string) => items.filter((item) => item.kind === kind && item.experiment === 'box');
  const freeze = experiment('box', target, [{ type: 'container-pause' }], { duration: '5m' });
  site.write('box.json', freeze);
  await until('the start to be told', () => told('started').length === 1);
  answers = false;
  site.remove('box.json');
  const removed = Date.now();
  await until('the container to run again', async () => !(await target.inspect()).State.Paused);
  const took = Date.now() - removed;
  assert.ok(took < 5000, `recovered ${took} ms after the removal, with a webhook that hangs`);
  await until('it to be forgotten', () => site.experiment('box') === undefined);
  await daemon.kill();
  answers = true;
  await site.start({ more });
  await until('what it missed to be told', () => told('recovered').length >= 1, 20_000);
  assert.equal(told('started').length, 1, 'and nothing that it knows already');
});
