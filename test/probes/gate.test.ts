import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGate, type GateState } from '../../src/probes/gate.ts';
import { scripted } from './scripted.ts';

function gated() {
  const world = scripted();
  const changes: GateState[] = [];
  const samples: string[] = [];
  const gate = createGate(
    world.context,
    (state) => changes.push(state),
    (policy, probe, result) => samples.push(`${policy}/${probe.name} ${result.up}`),
  );
  const one = (policy: string, name: string, more = {}) => ({ policy, probe: world.spec(name, more) });
  return { ...world, gate, changes, samples, one };
}

describe('the health gate', () => {
  it('holds where no policy has a probe', () => {
    const { gate, changes } = gated();
    assert.deepEqual(gate.state(), { holds: true, known: true, message: 'no policy has a health gate' });
    gate.set([]);
    assert.equal(changes.length, 0);
  });

  it('does not hold before each probe has a result', async () => {
    const { gate, one, clock, become, changes } = gated();
    become('slow', 'hangs');
    gate.set([one('default', 'quick'), one('default', 'slow')]);
    assert.deepEqual(gate.state(), {
      holds: false,
      known: false,
      message: 'policy default: probe quick has no result yet; policy default: probe slow has no result yet',
    });
    assert.deepEqual(changes, [gate.state()]);
    await clock.run(0);
    assert.equal(gate.state().message, 'policy default: probe slow has no result yet');
    assert.deepEqual([gate.state().holds, gate.state().known], [false, false]);
    await clock.run(5000);
    assert.deepEqual(gate.state(), {
      holds: false,
      known: true,
      message: 'policy default: probe slow fails: no result within 5s: the program has not ended',
    });
    become('slow', 'up');
    await clock.run(5000);
    assert.deepEqual(gate.state(), { holds: true, known: true, message: 'all 2 probes hold' });
    assert.deepEqual(changes.at(-1), gate.state());
    gate.close();
  });

  it('says so where a probe has failed, but not often enough', async () => {
    const { gate, one, clock, become } = gated();
    become('p', 'down');
    gate.set([one('default', 'p', { failureThreshold: 3 })]);
    await clock.run(0);
    assert.deepEqual(gate.state(), {
      holds: false,
      known: false,
      message: 'policy default: probe p has no verdict yet, 1 of 3 tries failed: exit code 1, expected 0',
    });
    gate.close();
  });

  it('is known to be shut by one that fails, whatever the others will say', async () => {
    const { gate, one, clock, become } = gated();
    become('slow', 'hangs');
    become('bad', 'down');
    gate.set([one('default', 'slow'), one('default', 'bad')]);
    assert.equal(gate.state().known, false);
    await clock.run(0);
    assert.deepEqual([gate.state().holds, gate.state().known], [false, true]);
    gate.close();
  });

  it('names each probe that fails, with its policy', async () => {
    const { gate, one, clock, become, changes } = gated();
    gate.set([one('default', 'api'), one('night', 'db'), one('night', 'api')]);
    await clock.run(0);
    changes.length = 0;
    for (const name of ['api', 'db']) become(name, 'down');
    await clock.run(5000);
    assert.equal(
      gate.state().message,
      'policy default: probe api fails: exit code 1, expected 0; policy night: probe db fails: exit code 1, expected 0; ' +
        'policy night: probe api fails: exit code 1, expected 0',
    );
    assert.deepEqual(changes.at(-1), gate.state());
    gate.close();
  });

  it('tells of a change once, not of each try', async () => {
    const { gate, one, clock, become, changes, samples } = gated();
    gate.set([one('default', 'p')]);
    await clock.run(20_000);
    become('p', 'down');
    await clock.run(20_000);
    assert.deepEqual(
      changes.map(({ holds }) => holds),
      [false, true, false],
    );
    assert.equal(samples.length, 9);
    assert.deepEqual([samples[0], samples.at(-1)], ['default/p true', 'default/p false']);
    gate.close();
  });

  it('keeps what is alike going when what is watched changes', async () => {
    const { gate, one, clock, tries, changes } = gated();
    gate.set([one('default', 'old'), one('default', 'gone')]);
    await clock.run(2000);
    changes.length = 0;
    const again = one('default', 'old');
    gate.set([{ ...again, probe: { ...again.probe } }]); // read from the manifest again
    assert.deepEqual([gate.state().holds, changes.length], [true, 0]);
    await clock.run(3000);
    assert.deepEqual([tries('old'), tries('gone')], [[0, 5000], [0]]);
    gate.set([again, one('default', 'new')]);
    assert.deepEqual([gate.state().holds, gate.state().known, changes.length], [false, false, 1]);
    await clock.run(0);
    assert.deepEqual([gate.state().holds, tries('old'), tries('new')], [true, [0, 5000], [5000]]);
    gate.close();
  });

  it('starts over with a probe that was edited or that is another policy’s, and watches twins once', async () => {
    const { gate, one, clock, tries } = gated();
    gate.set([one('default', 'p'), one('default', 'p')]);
    await clock.run(0);
    assert.equal(tries('p').length, 1);
    gate.set([one('default', 'p', { timeout: '1s' })]);
    assert.equal(gate.state().known, false);
    await clock.run(0);
    gate.set([one('other', 'p', { timeout: '1s' })]);
    assert.equal(gate.state().known, false);
    gate.close();
  });

  it('opens when the probe that failed is taken away, and says so at once', async () => {
    const { gate, one, clock, become, changes } = gated();
    become('bad', 'down');
    gate.set([one('default', 'good'), one('default', 'bad')]);
    await clock.run(0);
    gate.set([one('default', 'good')]);
    assert.deepEqual(changes.at(-1), { holds: true, known: true, message: 'the probe holds' });
    gate.close();
  });

  it('tries nothing any more once it is closed', async () => {
    const { gate, one, clock, become, changes, tries, open } = gated();
    become('p', 'hangs');
    gate.set([one('default', 'p'), one('default', 'q')]);
    await clock.run(0);
    gate.close();
    const told = changes.length;
    await clock.run(60_000);
    assert.deepEqual([changes.length, tries('q').length, open(), clock.pending], [told, 1, 0, 0]);
  });
});
