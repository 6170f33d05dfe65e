import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Journal } from '../../src/journal/journal.ts';
import { createStreams } from '../../src/server/streams.ts';
import { event, fillState, type Scratch, scratch } from '../cli/fixture.ts';
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
