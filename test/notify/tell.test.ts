import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, SquallEvent } from '../../src/core/types.ts';
import { setHold } from '../../src/daemon/hold.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { NOTICE_KINDS, type Notice, noticeOf } from '../../src/notify/notice.ts';
import { createTeller } from '../../src/notify/tell.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { reconcile } from '../../src/reconcile/reconcile.ts';
import { recoverEffect } from '../../src/reconcile/recovery.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { containers, declared } from '../plan/build.ts';
import { refusal } from './build.ts';

/** The reconciler with two containers that can be paused, and who listens to it. */
function setup(manifest = declared({ recoveryTimeout: '2s' })) {
  const clock = new FakeClock();
  const log = createLog('silent');
  const journal = openJournal(IN_MEMORY);
  const world = new Map(containers(2).map((one) => [one.id, one]));
  const fails = new Map<string, Error>();
  const set = async (id: string, state: Container['state']) => {
    const one = world.get(id) as Container;
    const error = fails.get(`${one.name} ${state}`);
    if (error) throw error;
    world.set(id, { ...one, state });
  };
  const docker = {
    inspect: async (id: string) => world.get(id),
    pause: (id: string) => set(id, 'paused'),
    unpause: (id: string) => set(id, 'running'),
  };
  const manifests = new Map([['exp', manifest]]);
  const halt = { on: false };
  const deps = {
    journal,
    clock,
    log,
    claimant: 'daemon:1',
    faults: { clock, log, docker, instance: journal.instance },
    at: () => {},
    metrics: createMetrics('0', journal.instance),
    manifests: { state: () => desiredState(manifests.values(), []) },
    gate: () => ({ holds: true, message: '' }),
    inventory: { containers: () => [...world.values()] },
    hosts: { answers: () => new Map(), forget: () => {} },
    halt: {
      read: () => halt.on,
      set: (on: boolean) => {
        halt.on = on;
      },
    },
    host: WHOLE_HOST,
    foreign: () => [],
    self: new Set(),
  } as unknown as ReconcileDeps;
  let tell = createTeller(journal);
  let seen = 0;
  /** What has been said since the last time. */
  const told = (): Notice[] => {
    const events = journal.events.list({ after: seen });
    seen = events.at(-1)?.id ?? seen;
    return events.map(tell).filter((notice) => notice !== undefined);
  };
  const said = () => told().map(({ kind, message }) => `${kind}: ${message}`);
  const passes = async () => {
    while ((await reconcile(deps, 'exp', false)).again);
  };
  const restart = () => {
    tell = createTeller(journal);
  };
  return { clock, journal, manifests, deps, fails, passes, told, said, restart };
}

const DENIED = declared({ blastRadius: { maxTargets: 1 } });

describe('people are told of a run', () => {
  it('that it started, and that it is over with nothing left', async () => {
    const { passes, told, clock, journal } = setup();
    await passes();
    const commit = '0123456789abcdef0123456789abcdef01234567';
    journal.runs.cameFrom('exp-1', { commit, author: 'A', subject: 'S', dirty: true });
    const [started, ...others] = told();
    assert.deepEqual(others, []);
    assert.deepEqual(started, {
      id: 1,
      time: clock.now(),
      kind: 'started',
      reason: 'Started',
      experiment: 'exp',
      run: 'exp-1',
      message: 'manifest run on web-0, web-1',
      targets: ['web-0', 'web-1'],
      commit,
      dirty: true,
    });
    clock.advance(60_000);
    await passes();
    const [recovered, ...more] = told();
    assert.deepEqual(more, []);
    assert.deepEqual(
      [recovered?.kind, recovered?.reason, recovered?.run, recovered?.message],
      ['recovered', 'Completed', 'exp-1', 'ran for its duration; all is recovered'],
    );
  });

  it('that it is over because the manifest is gone', async () => {
    const { passes, said, manifests } = setup();
    await passes();
    said();
    manifests.clear();
    await passes();
    assert.deepEqual(said(), ['recovered: the manifest is gone; all is recovered']);
  });

  it('that it was refused, once', async () => {
    const { passes, said } = setup(DENIED);
    await passes();
    await passes();
    const [denied, ...more] = said();
    assert.match(denied ?? '', /^denied: 2 containers would be hit/);
    assert.deepEqual(more, []);
  });

  it('that it was aborted, why, and that nothing is left; then that the edited one is refused', async () => {
    const { passes, said, manifests } = setup();
    await passes();
    said();
    manifests.set('exp', DENIED);
    await passes();
    const [aborted, denied, ...more] = said();
    assert.match(aborted ?? '', /^aborted: the edited spec is refused: 2 containers .*; all is recovered$/);
    assert.match(denied ?? '', /^denied: 2 containers would be hit/);
    assert.deepEqual(more, []);
  });

  it('that it failed, and why', async () => {
    const { passes, said, fails } = setup();
    fails.set('web-1 paused', new SquallError('SQ303', 'the engine will not have it'));
    await passes();
    const [started, failed, ...more] = said();
    assert.equal(started, 'started: manifest run on web-0, web-1');
    assert.match(failed ?? '', /^failed: SQ303: the engine will not have it$/);
    assert.deepEqual(more, []);
  });

  it('that something could not be recovered: at once, once, and when it is recovered after all', async () => {
    const { passes, said, fails, clock, journal, deps, restart } = setup();
    await passes();
    fails.set('web-0 running', new SquallError('SQ301', 'no answer', { terminal: false }));
    clock.advance(60_000);
    await passes();
    assert.deepEqual(said(), ['started: manifest run on web-0, web-1']);
    clock.advance(2000);
    await passes();
    const [stuck, failed, ...more] = said();
    assert.match(stuck ?? '', /^failed: web-0: container-pause: not recovered in time: .*no answer/);
    assert.match(failed ?? '', /^failed: web-0: not recovered in time/);
    assert.deepEqual(more, []);
    const again = async () => {
      for (const effect of journal.effects.live()) await recoverEffect(deps, effect, 2000);
    };
    await again();
    await again();
    assert.deepEqual(said(), [], 'each resync tries again, and fails again');
    restart();
    fails.clear();
    await again();
    assert.deepEqual(said(), ['recovered: all is recovered after all']);
  });

  it('that all is recovered after all only when all of it is', async () => {
    const { passes, said, fails, clock, journal, deps } = setup();
    const down = new SquallError('SQ301', 'no answer', { terminal: false });
    for (const name of ['web-0', 'web-1']) fails.set(`${name} running`, down);
    for (const ms of [0, 60_000, 2000]) {
      clock.advance(ms);
      await passes();
    }
    const kinds = said().map((line) => line.split(':')[0]);
    assert.deepEqual(kinds, ['started', 'failed', 'failed', 'failed']);
    const again = async () => {
      for (const effect of journal.effects.live()) await recoverEffect(deps, effect, 2000);
    };
    fails.delete('web-1 running');
    await again();
    assert.deepEqual(said(), []);
    fails.delete('web-0 running');
    await again();
    assert.deepEqual(said(), ['recovered: all is recovered after all']);
  });

  it('what came of it in its order, when all of it is read at once', async () => {
    const { passes, told, fails, clock, journal, deps } = setup();
    const down = new SquallError('SQ301', 'no answer', { terminal: false });
    for (const name of ['web-0', 'web-1']) fails.set(`${name} running`, down);
    for (const ms of [0, 60_000]) {
      clock.advance(ms);
      await passes();
    }
    fails.delete('web-0 running'); // it comes out beside the one that does not
    clock.advance(2000);
    await passes();
    fails.clear();
    for (const effect of journal.effects.live()) await recoverEffect(deps, effect, 2000);
    assert.deepEqual(
      told().map(({ kind, reason }) => `${kind} ${reason}`),
      ['started Started', 'failed RecoverFailed', 'failed Failed', 'recovered Recovered'],
    );
  });
});

describe('people are told of a halt', () => {
  it('of one experiment, once, and that it is lifted', async () => {
    const { passes, said, told, deps, clock } = setup();
    await passes();
    said();
    setHold(deps, 'Experiment/exp', 'halted');
    await passes();
    setHold(deps, 'Experiment/exp', 'halted');
    await passes();
    assert.deepEqual(said(), ['halted: by a person']);
    setHold(deps, 'Experiment/exp', null);
    await passes();
    assert.deepEqual(said(), ['resumed: by a person']);
    setHold(deps, 'Experiment/exp', 'halted');
    clock.advance(60_000);
    await passes();
    assert.deepEqual(
      told().map(({ kind, message }) => `${kind}: ${message}`),
      ['halted: by a person', 'recovered: the deadline passed while it was held; all is recovered'],
    );
  });

  it('of one again after all of them were let go', async () => {
    const { passes, said, deps } = setup();
    await passes();
    said();
    setHold(deps, 'Experiment/exp', 'halted');
    setHold(deps, 'all', null);
    setHold(deps, 'Experiment/exp', 'halted');
    assert.deepEqual(said(), [
      'halted: by a person',
      'resumed: all experiments, by a person',
      'halted: by a person',
    ]);
  });

  it('of all of them, once', async () => {
    const { passes, told, deps } = setup();
    await passes();
    told();
    setHold(deps, 'all', 'halted');
    await passes();
    setHold(deps, 'all', null);
    await passes();
    setHold(deps, 'all', 'halted');
    assert.deepEqual(
      told().map(({ kind, experiment, message }) => [kind, experiment, message]),
      [
        ['halted', null, 'all experiments, by a person'],
        ['resumed', null, 'all experiments, by a person'],
        ['halted', null, 'all experiments, by a person'],
      ],
    );
  });
});

describe('an event', () => {
  const event = (change: Partial<SquallEvent>): SquallEvent => ({ id: 1, ...refusal('text', change) });

  it('is a notice by its reason, or by its shape', () => {
    const object = 'Schedule/nightly';
    const run = { run: 'exp-1' };
    const table: [string | undefined, Partial<SquallEvent>][] = [
      ['started', { reason: 'Started', ...run }],
      ['recovered', { reason: 'Completed', ...run }],
      ['recovered', { reason: 'Halted', ...run }],
      ['aborted', { reason: 'Aborted', ...run }],
      ['failed', { reason: 'Failed', ...run }],
      ['failed', { reason: 'RecoverFailed', ...run, target: 'web-0' }],
      ['halted', { reason: 'Halted' }],
      ['halted', { reason: 'Halted', experiment: null }],
      ['halted', { reason: 'Halted', experiment: null, object }],
      ['resumed', { reason: 'Resumed', experiment: null }],
      ['missed', { reason: 'Missed', experiment: null, object }],
      ['started', { reason: 'Started', experiment: null, object: 'Scenario/all', run: 'all-1' }],
      ['failed', { reason: 'Failed', experiment: null, object: 'Scenario/all', run: 'all-1' }],
      [undefined, { reason: 'StepFailed', experiment: null, object: 'Scenario/all', run: 'all-1' }],
      ['denied', { reason: 'SteadyState' }],
      [undefined, { reason: 'Suspended', type: 'Normal' }],
      [undefined, { reason: 'HaltedAll', type: 'Normal' }],
      [undefined, { reason: 'NoMatch', type: 'Normal' }],
      [undefined, { reason: 'NameTaken' }],
      [undefined, { reason: 'Unreachable', experiment: null }],
      [undefined, { reason: 'Invalid', experiment: null, object }],
      [undefined, { reason: 'Invalid', object }],
      [undefined, { reason: 'Swept', target: 'web-0' }],
      [undefined, { reason: 'Injected', ...run, target: 'web-0' }],
      [undefined, { reason: 'BlastRadius', ...run }],
      [undefined, { reason: 'toString', ...run }],
    ];
    for (const [kind, change] of table)
      assert.equal(noticeOf(event(change))?.kind, kind, JSON.stringify(change));
    assert.deepEqual(
      NOTICE_KINDS.filter((kind) => !table.some(([expected]) => expected === kind)),
      [],
    );
  });

  it('about one target names it', () => {
    const notice = noticeOf(event({ reason: 'RecoverFailed', run: 'exp-1', target: 'web-0' }));
    assert.deepEqual([notice?.message, notice?.targets], ['web-0: text', ['web-0']]);
  });

  it('of a scenario has nothing of an experiment whose run is called the same', async () => {
    const { passes, told, journal } = setup();
    await passes();
    told();
    const object = 'Scenario/exp';
    journal.events.add(
      refusal('probe', { type: 'Normal', reason: 'Started', experiment: null, object, run: 'exp-1' }),
    );
    journal.events.add(refusal('deep', { reason: 'Failed', experiment: null, object, run: 'exp-1' }));
    assert.deepEqual(
      told().map(({ kind, message, targets, object: about }) => [kind, message, targets, about]),
      [
        ['started', 'probe', undefined, object],
        ['failed', 'deep', undefined, object],
      ],
    );
  });

  it('is told without details where these can not be read', () => {
    const broken = () => {
      throw new Error('disk I/O error');
    };
    const runs = { get: broken };
    const effects = { live: broken, ofRun: broken };
    const tell = createTeller({ runs, effects } as unknown as Parameters<typeof createTeller>[0]);
    assert.equal(tell(event({ reason: 'Started', run: 'exp-1' }))?.kind, 'started');
    assert.equal(tell(event({ reason: 'RecoverFailed', run: 'exp-1', target: 'web-0' }))?.kind, 'failed');
    assert.equal(tell(event({ reason: 'Recovered', run: 'exp-1', target: 'web-0' })), undefined);
  });
});
