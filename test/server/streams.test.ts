import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Journal } from '../../src/journal/journal.ts';
import { createStreams } from '../../src/server/streams.ts';
import { event, fillObjects, fillState, type Scratch, scratch } from '../cli/fixture.ts';
import { scriptedControl } from './scripted-control.ts';

let place: Scratch;
let journal: Journal;

before(() => {
  place = scratch();
  journal = fillState(join(place.dir, 'state'));
});

after(() => {
  journal.close();
  place.remove();
});

it('a stream that has ended is not written to again, whether its reader takes the end or not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const control = scriptedControl();
  let pass = 'old';
  const streams = createStreams(journal, control, () => pass);
  const unread = new ServerResponse(new IncomingMessage(new Socket()));
  streams.open(unread, { after: undefined, experiment: undefined, object: undefined });
  pass = 'new';
  control.emit(journal.events.add(event('another')));
  assert.deepEqual([unread.writableEnded, unread.destroyed], [true, false]);
  t.mock.timers.tick(60_000);
  await setImmediate();
  assert.deepEqual([unread.destroyed, control.listeners], [true, 0]);
});

it('a stream of an object has its events and those of what it started, with their commits', () => {
  const filled = fillState(join(place.dir, 'objects'));
  fillObjects(filled);
  const control = scriptedControl();
  const streams = createStreams(filled, control);
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const written: string[] = [];
  response.write = (chunk: string) => written.push(chunk) > 0;
  streams.open(response, { after: 0, experiment: undefined, object: 'Schedule/nightly' });
  control.emit(filled.events.add(event('of another')));
  control.emit(filled.events.add(event('again', { experiment: null, object: 'Schedule/nightly' })));
  const sent = written
    .flatMap((text) => /^data: (.*)$/m.exec(text)?.[1] ?? [])
    .map((data) => JSON.parse(data));
  assert.deepEqual(
    sent.map(({ message, object, commit }) => [message, object, commit?.slice(0, 8) ?? null]),
    [
      ['experiment nightly-1', 'Schedule/nightly', null],
      ['paused', null, '1f3a9c20'],
      ['again', 'Schedule/nightly', null],
    ],
  );
  response.destroy();
  filled.close();
});
