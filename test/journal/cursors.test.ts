import assert from 'node:assert/strict';
import { it } from 'node:test';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';

it('a reader of the events has its place in the journal until it is no reader any more', () => {
  const { cursors, runs, instance } = openJournal(IN_MEMORY);
  assert.equal(cursors.get('slack'), undefined);
  cursors.put('slack', { last: 5, dropped: 0 });
  cursors.put('webhook', { last: 7, dropped: 2 });
  cursors.put('slack', { last: 6, dropped: 1 });
  assert.deepEqual(cursors.get('slack'), { last: 6, dropped: 1 });
  runs.takeNumber('exp');
  cursors.keepOnly(['webhook', 'new']);
  assert.equal(cursors.get('slack'), undefined);
  assert.deepEqual(cursors.get('webhook'), { last: 7, dropped: 2 });
  cursors.keepOnly([]);
  assert.equal(cursors.get('webhook'), undefined);
  assert.equal(runs.peekNumber('exp'), 2, 'what else is kept there stays');
  assert.match(instance, /^[0-9a-f]{8}$/);
});
