import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import type { ProbeResult } from '../../src/probes/probe.ts';
import { type ProbeState, watchProbe } from '../../src/probes/watch.ts';
import { type Outcome, scripted } from './scripted.ts';

/** `first`: what tries come to from the first on, which begins at once. */
function watching(more: Partial<ProbeSpec> = {}, first: Outcome = 'up') {
  const world = scripted();
  world.become('p', first);
  const changes: ProbeState[] = [];
  const samples: ProbeResult[] = [];
  const watch = watchProbe(
    world.spec('p', { interval: '10s', ...more }),
    world.context,
    (state) => changes.push(state),
    (result) => samples.push(result),
  );
  return { ...world, watch, changes, samples };
}

describe('a probe that is watched', () => {
  it('is tried at once, and then an interval after the end of each try', async () => {
    const { clock, tries, become, watch } = watching({ timeout: '3s' });
    await clock.run(0);
    assert.deepEqual(tries('p'), [0]);
    await clock.run(10_000);
    become('p', 'hangs');
    await clock.run(30_000);
    // the third began at 20 s and ended at 23 s
    assert.deepEqual(tries('p'), [0, 10_000, 20_000, 33_000]);
    watch.stop();
  });

  it('is tried every 5 s where it says nothing, and never more than ten times a second', async () => {
    const { clock, spec, context, tries } = scripted();
    const usual = watchProbe(spec('usual'), context, () => {});
    const hasty = watchProbe(spec('hasty', { interval: '1ns' }), context, () => {});
    await clock.run(10_000);
    assert.deepEqual(tries('usual'), [0, 5000, 10_000]);
    assert.equal(tries('hasty').length, 101);
    usual.stop();
    hasty.stop();
  });

  it('has no verdict before its first try has ended', async () => {
    const { clock, watch, changes } = watching();
    const since = clock.now();
    assert.deepEqual(watch.state(), { up: undefined, failures: 0, message: '', since, samples: 0 });
    await clock.run(0);
    assert.deepEqual(watch.state(), { up: true, failures: 0, message: 'exit code 0', since, samples: 1 });
    assert.deepEqual(changes, [watch.state()]);
    watch.stop();
  });

  it('fails with as many failures in a row as its threshold, and holds again with one success', async () => {
    const { clock, become, watch, changes, samples } = watching({ failureThreshold: 3 });
    await clock.run(0);
    become('p', 'down');
    await clock.run(20_000);
    assert.deepEqual([watch.state().up, watch.state().failures], [true, 2]);
    become('p', 'up');
    await clock.run(10_000);
    become('p', 'down');
    await clock.run(30_000);
    const failed = watch.state();
    assert.deepEqual([failed.up, failed.failures, failed.samples], [false, 3, 7]);
    assert.equal(failed.since, clock.now());
    await clock.run(10_000);
    assert.equal(watch.state().since, failed.since);
    become('p', 'up');
    await clock.run(10_000);
    assert.deepEqual([watch.state().up, watch.state().failures], [true, 0]);
    assert.deepEqual(
      changes.map(({ up }) => up),
      [true, false, true],
    );
    assert.equal(samples.length, 9);
    watch.stop();
  });

  it('has no verdict until the threshold where it has never held', async () => {
    const { clock, watch, changes } = watching({ failureThreshold: 2 }, 'down');
    await clock.run(0);
    assert.deepEqual([watch.state().up, watch.state().samples], [undefined, 1]);
    assert.equal(watch.state().message, 'exit code 1, expected 0');
    await clock.run(10_000);
    assert.deepEqual(
      changes.map(({ up }) => up),
      [false],
    );
    watch.stop();
  });

  it('is told of and tried no more once it is stopped, and its last try is ended', async () => {
    const { clock, watch, changes, samples, tries, open } = watching({}, 'hangs');
    await clock.run(0);
    assert.equal(open(), 1);
    watch.stop();
    await clock.run(0);
    assert.deepEqual([open(), clock.pending], [0, 0]);
    await clock.run(100_000);
    assert.deepEqual([changes.length, samples.length, tries('p').length], [0, 0, 1]);
    assert.equal(watch.state().up, undefined);
  });

  it('leaves no timer behind where it is stopped between two tries', async () => {
    const { clock, watch } = watching();
    await clock.run(0);
    assert.equal(clock.pending, 1);
    watch.stop();
    assert.equal(clock.pending, 0);
  });

  it('can be stopped by the one who is told', async () => {
    const { clock, spec, context, tries } = scripted();
    const changes: ProbeState[] = [];
    const watch = watchProbe(
      spec('p'),
      context,
      (state) => changes.push(state),
      () => watch.stop(),
    );
    await clock.run(60_000);
    assert.deepEqual([changes.length, tries('p').length, clock.pending], [0, 1, 0]);
  });

  it('goes on where the wall clock is set', async () => {
    const { clock, tries, watch } = watching();
    await clock.run(0);
    clock.step(-3_600_000);
    await clock.run(10_000);
    assert.equal(tries('p').length, 2);
    watch.stop();
  });

  it('is at any time what its tries so far say, whatever they come to', async () => {
    const outcomes = fc.array(fc.constantFrom<Outcome>('up', 'down', 'hangs'), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(outcomes, fc.integer({ min: 1, max: 4 }), async (script, threshold) => {
        const { clock, become, watch, samples, changes } = watching(
          { failureThreshold: threshold, timeout: '1s' },
          script[0],
        );
        let expected: boolean | undefined;
        let failures = 0;
        let flips = 0;
        for (const [index, outcome] of script.entries()) {
          become('p', outcome);
          await clock.run(index === 0 ? 0 : 10_000);
          if (outcome === 'hangs') await clock.run(1000);
          failures = outcome === 'up' ? 0 : failures + 1;
          const before = expected;
          if (outcome === 'up') expected = true;
          else if (failures >= threshold) expected = false;
          if (expected !== before) flips++;
          const { up, samples: count } = watch.state();
          assert.deepEqual([up, watch.state().failures, count], [expected, failures, index + 1]);
        }
        assert.deepEqual([samples.length, changes.length], [script.length, flips]);
        watch.stop();
      }),
      { numRuns: 50 },
    );
  });
});
