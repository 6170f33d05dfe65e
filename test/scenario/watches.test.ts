import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWatches } from '../../src/scenario/watches.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { contextAt } from '../probes/support.ts';

const PROBE = { type: 'container', container: 'web', interval: '1s' };

describe('the probes of steps', () => {
  it('go on where they are wanted still, and none begins once they are closed', async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const watches = createWatches({ context: contextAt(clock), onVerdict: (name) => told.push(name) });
    watches.set('s', new Map([['steps[0]', PROBE]]));
    await clock.run(3000);
    watches.set('s', new Map([['steps[0]', PROBE]]));
    assert.equal(watches.states('s').get('steps[0]')?.samples, 4);
    assert.deepEqual(told, ['s'], 'one verdict');
    watches.close();
    assert.equal(clock.pending, 0);
    watches.set('s', new Map([['steps[0]', PROBE]]));
    assert.equal(clock.pending, 0);
    assert.deepEqual([...watches.states('s')], []);
  });
});
