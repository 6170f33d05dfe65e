import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import { type HealthGate, keepHealthGate } from '../../src/daemon/health-gate.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { container, policy } from '../plan/build.ts';

const SECOND = 1000;
const probe = (name: string): ProbeSpec => ({
  type: 'container',
  container: name,
  name,
  interval: '1s',
});

describe('the health gate', () => {
  let clock: FakeClock;
  let journal: Journal;
  let gate: HealthGate;
  let passes: number;
  const down = new Set<string>();

  beforeEach(() => {
    clock = new FakeClock();
    journal = openJournal(IN_MEMORY);
    passes = 0;
    down.clear();
    gate = keepHealthGate({
      journal,
      clock,
      log: createLog('silent'),
      metrics: createMetrics('0', journal.instance),
      probes: {
        clock,
        containers: () =>
          ['a', 'b'].map((name) => container(name, { state: down.has(name) ? 'exited' : 'running' })),
        exec: () => Promise.reject(new Error('no')),
      },
      onChange: () => {
        passes += 1;
      },
    });
  });

  const follow = (...names: string[]) =>
    gate.follow(
      new Map(
        names.length === 0
          ? []
          : [['p', policy({ healthGate: { probes: names.map(probe) } }, { name: 'p' })]],
      ),
    );
  const told = () => journal.events.list().map(({ reason }) => reason);
  const settle = () => clock.run(SECOND);

  it('that fails once opens again with its probe, and says both', async () => {
    follow('a');
    await settle();
    assert.equal(gate.state().holds, true);
    down.add('a');
    await settle();
    assert.deepEqual([gate.state().holds, told()], [false, ['GateShut']]);
    await clock.run(10 * 60 * SECOND);
    down.clear();
    await settle();
    assert.deepEqual([gate.state().holds, told()], [true, ['GateShut', 'GateOpen']]);
  });

  it('whose probe comes and goes opens less and less often', async () => {
    follow('a');
    await settle();
    for (let half = 0; half < 1800; half += 1) {
      if (half % 2 === 0) down.add('a');
      else down.clear();
      await settle();
    }
    // each opening waits for up to a minute in which the probe holds: with one that fails every other second there is none
    assert.ok(told().length <= 4, `${told().length} events in half an hour`);
    assert.ok(passes <= 6, `all experiments were looked at ${passes} times`);
    assert.match(gate.state().message, /^the probe holds again, but .*: it opens in \d+s$/);
    down.clear();
    await clock.run(61 * SECOND);
    assert.equal(gate.state().holds, true);
  });

  it('that is shut is not told to be shut again because another probe comes and goes', async () => {
    down.add('a');
    follow('a', 'b');
    await settle();
    const before = passes;
    for (let half = 0; half < 100; half += 1) {
      if (half % 2 === 0) down.add('b');
      else down.delete('b');
      await settle();
    }
    assert.deepEqual([told(), passes], [['GateShut'], before]);
  });

  it('opens at once where nobody asks for a probe any more', async () => {
    follow('a');
    await settle();
    for (const state of ['down', 'up', 'down']) {
      if (state === 'down') down.add('a');
      else down.clear();
      await settle();
    }
    follow();
    assert.equal(gate.state().holds, true);
    assert.equal(told().at(-1), 'GateOpen');
  });

  it('says that it opened also where its probes were exchanged while it was shut', async () => {
    down.add('a');
    follow('a');
    await settle();
    follow('b');
    assert.deepEqual([gate.state().holds, gate.state().known], [false, false]);
    await settle();
    assert.deepEqual([gate.state().holds, told()], [true, ['GateShut', 'GateOpen']]);
  });

  it('lets nothing start on a new probe before that has spoken, and everything be looked at when it has', async () => {
    follow('a');
    await settle();
    const before = passes;
    follow('a', 'b');
    assert.deepEqual([gate.state().holds, gate.state().known], [false, false]);
    await settle();
    assert.deepEqual([gate.state().holds, told()], [true, []]);
    assert.equal(passes, before + 1);
  });

  it('shows no gauge of a probe that nobody asks for, and keeps those of the others', async () => {
    const metrics = createMetrics('0', 'x');
    const own = keepHealthGate({
      journal,
      clock,
      log: createLog('silent'),
      metrics,
      probes: {
        clock,
        containers: () => [container('a')],
        exec: () => Promise.reject(new Error('no')),
      },
      onChange: () => {},
    });
    const shown = async () => (await metrics.probeSuccess.get()).values.map(({ labels }) => labels.probe);
    metrics.probeSuccess.set({ probe: 'scenario/day/x' }, 1);
    own.follow(new Map([['p', policy({ healthGate: { probes: [probe('a')] } }, { name: 'p' })]]));
    await settle();
    assert.deepEqual((await shown()).sort(), ['policy/p/a', 'scenario/day/x']);
    own.follow(new Map());
    assert.deepEqual(await shown(), ['scenario/day/x']);
    own.close();
  });
});
