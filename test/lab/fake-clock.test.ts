import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from './fake-clock.ts';

it('runs timers in the order they fall due, each at its own moment', () => {
  const clock = new FakeClock(0, 0);
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['b', clock.boot()]));
  clock.after(10, () => {
    seen.push(['a', clock.boot()]);
    clock.after(5, () => seen.push(['nested', clock.boot()]));
  });
  const cancel = clock.after(12, () => seen.push(['cancelled', clock.boot()]));
  cancel();
  clock.advance(20);
  assert.deepEqual(seen, [
    ['a', 10],
    ['nested', 15],
    ['b', 20],
  ]);
  assert.equal(clock.pending, 0);
});

it('steps the wall clock alone, and loses timers at a reboot', () => {
  const clock = new FakeClock(1000, 50);
  clock.after(1, () => assert.fail('a step is no passing of time'));
  clock.step(-500);
  assert.deepEqual([clock.now(), clock.boot()], [500, 50]);
  const id = clock.bootId();
  clock.reboot(60_000);
  assert.deepEqual([clock.now(), clock.boot(), clock.pending], [60_500, 0, 0]);
  assert.notEqual(clock.bootId(), id);
});

it('lets promises settle between timers when asked to run', async () => {
  const clock = new FakeClock(0, 0);
  const ticks: number[] = [];
  const loop = async () => {
    for (let i = 0; i < 3; i++) {
      await new Promise<void>((resolve) => clock.after(10, resolve));
      ticks.push(clock.now());
    }
  };
  const done = loop();
  await clock.run(30);
  await done;
  assert.deepEqual(ticks, [10, 20, 30]);
});
