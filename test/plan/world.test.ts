import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostKey } from '../../src/faults/fault.ts';
import { BLOCK, container, containers, declared, effect, idOf, KILL, PAUSE, RESTART, STOP } from './build.ts';
import { Model, running, word } from './model.ts';

describe('the world of a running experiment', () => {
  it('that restarts a target gets its fault again', () => {
    const model = running();
    model.stop('web-0');
    assert.deepEqual(model.settle(), []);
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['inject web-0 restarted']);
  });

  it('asks for host names that a new daemon has no answer for, and keeps its peers until there is one', () => {
    const model = new Model(container('web-0'));
    const key = hostKey(idOf('web-0'), 'db.example');
    model.hosts.set(key, ['192.0.2.7']);
    model.declare(declared({ faults: [{ type: 'network-block', to: [{ host: 'db.example' }] }] }));
    model.settle();
    const peers = () =>
      model.journal.effects.live().flatMap(({ resolved }) => (resolved as { v4: string[] }).v4);
    assert.deepEqual(peers(), ['192.0.2.7']);
    model.hosts.clear(); // the daemon was restarted
    assert.deepEqual(
      model.pass().lookups.map(({ host }) => host),
      ['db.example'],
    );
    model.hosts.set(key, []); // no server answers just now
    assert.deepEqual(model.settle(), []);
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['inject web-0 restarted']);
    assert.deepEqual(peers(), ['192.0.2.7']);
    model.hosts.set(key, ['192.0.2.8']);
    assert.deepEqual(model.settle().map(word), ['inject web-0 peers']);
    assert.deepEqual(peers(), ['192.0.2.8']);
  });

  it('that has a new match gets it too, with mode all', () => {
    const model = running();
    model.put(container('web-9'));
    assert.deepEqual(model.settle().map(word), ['edit', 'inject web-9 matched']);
    assert.equal(model.runs()[0]?.targets.length, 3);
  });

  it('that has a new match over the limit leaves that one alone, and says so', () => {
    const model = running({ blastRadius: { maxTargets: 2 } });
    model.put(container('web-9'));
    assert.deepEqual(model.settle(), []);
    assert.equal(model.phase(), 'Running');
    assert.match(
      model.journal.experiments.get('exp')?.message ?? '',
      /web-9 left alone: 3 containers would be hit/,
    );
  });

  it('that has a new match takes it up while one of its peers is down', () => {
    const shop = { project: 'shop' };
    const found = [container('web-0', shop), container('redis-0', { ...shop, service: 'redis' })];
    const model = running({ faults: [{ ...BLOCK, to: [{ service: 'redis' }] }] }, found);
    model.stop('redis-0');
    model.put(container('web-9', shop));
    model.settle();
    assert.deepEqual(model.standing(), ['web-0 network-block', 'web-9 network-block']);
  });

  it('that has a protected container enter the network namespace of a target takes the fault out', () => {
    const model = running({ faults: [BLOCK] }, [container('web-0')]);
    model.put(container('side', { protect: true, networkMode: `container:${idOf('web-0')}` }));
    model.settle();
    assert.deepEqual(model.standing(), []);
  });

  it('that chose two containers of one network namespace puts a network fault there once, whatever the seed', () => {
    const side = container('web-1', { networkMode: `container:${idOf('web-0')}` });
    const carriers = [1, 2, 3, 4, 5, 6].map((seed) => {
      const targets = { select: { names: ['/^web/'] }, mode: 'all' as const, seed };
      const standing = running({ faults: [BLOCK], targets }, [container('web-0'), side]).standing();
      assert.equal(standing.length, 1, `seed ${seed}`);
      return standing[0];
    });
    assert.equal(new Set(carriers).size, 2, 'some seeds draw the one first, some the other');
  });

  it('that lost a target has it recovered, and goes on', () => {
    const model = running();
    model.remove('web-0');
    const actions = model.settle();
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['recover'],
    );
    assert.deepEqual(model.standing(), ['web-1 container-pause']);
    assert.equal(model.phase(), 'Running');
  });

  it('that lost every target ends at the deadline all the same', () => {
    const model = running();
    model.remove('web-0');
    model.remove('web-1');
    model.settle();
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.phase(), 'Completed');
  });

  it('that re-creates a target gets its fault in the new one', () => {
    const model = running();
    model.remove('web-0');
    model.put(container('web-0', { id: 'f'.repeat(64) }));
    const words = model.settle().map(word);
    assert.ok(words.includes('inject web-0 matched'));
    assert.deepEqual(model.standing(), ['web-0 container-pause', 'web-1 container-pause']);
  });

  it('that drifted is repaired once', () => {
    const model = running();
    const [first] = model.journal.effects.live();
    model.observations = new Map([[first?.id ?? 0, 'absent']]);
    assert.deepEqual(model.settle().map(word), ['inject web-0 drift']);
  });
});

describe('acts', () => {
  it('are not struck again by the starts that they cause', () => {
    for (const fault of [KILL, RESTART]) {
      const model = new Model(...containers(2, 'web', { restartPolicy: 'always' }));
      model.declare(declared({ faults: [fault] }));
      const words = model.settle().map(word);
      assert.equal(words.filter((text) => text.startsWith('inject')).length, 2, words.join(', '));
      assert.equal(model.phase(), 'Running');
    }
  });

  it('hold a stopped target down until the deadline, and start it then', () => {
    const model = running({ faults: [STOP] });
    assert.equal(model.container('web-0').state, 'exited');
    model.clock.advance(60_000);
    model.settle();
    assert.equal(model.container('web-0').state, 'running');
  });

  it('end for a stopped target that somebody starts, and only for that one', () => {
    const model = running({ faults: [STOP] });
    model.start('web-0');
    assert.deepEqual(model.settle().map(word), ['recover web-0 target-started']);
    assert.deepEqual(model.standing(), ['web-1 container-stop']);
  });

  it('that are due to strike again wait for the time, not for a target that is down', () => {
    const faults = [{ ...KILL, via: 'engine', every: '10s' }];
    const model = running({ faults }, [container('web-0')]);
    assert.equal(model.pass().wakeAfter, 60_000);
    model.clock.advance(30_000);
    assert.deepEqual(model.settle(), []);
    assert.equal(model.pass().wakeAfter, 30_000, 'its start will tell: no pass before the deadline');
  });

  it('of a target that is gone ask for no more passes', () => {
    const model = running(
      { faults: [{ ...KILL, every: '10s' }] },
      containers(2, 'web', { restartPolicy: 'always' }),
    );
    model.remove('web-0');
    model.remove('web-1');
    model.clock.advance(30_000);
    model.settle();
    assert.equal(model.pass().wakeAfter, 30_000);
  });

  it('that an edit dropped ask for no more passes', () => {
    const faults = [{ ...KILL, every: '10s' }, BLOCK];
    const model = running({ faults }, containers(1, 'web', { restartPolicy: 'always' }));
    model.declare(declared({ faults: [BLOCK] }));
    model.settle();
    model.clock.advance(30_000);
    model.settle();
    assert.equal(model.pass().wakeAfter, 30_000);
  });

  it('with an interval go on striking after the wall clock was set back', () => {
    const model = running({ duration: '1h', faults: [{ ...KILL, every: '10s' }] }, [
      container('web-0', { restartPolicy: 'always' }),
    ]);
    model.clock.step(-3_600_000);
    assert.deepEqual(model.settle().map(word), ['inject web-0 strike']);
    model.clock.advance(9000);
    assert.deepEqual(model.settle(), []);
    model.clock.advance(1000);
    assert.deepEqual(model.settle().map(word), ['inject web-0 strike']);
  });

  it('with an interval strike as often as it says', () => {
    const found = containers(1, 'web', { restartPolicy: 'always' });
    const model = running({ faults: [{ ...KILL, every: '10s' }] }, found);
    let strikes = 0;
    for (let second = 1; second < 60; second += 1) {
      model.clock.advance(1000);
      strikes += model.settle().filter(({ kind }) => kind === 'inject').length;
    }
    assert.equal(strikes, 5);
  });
});

describe('a recovery that fails', () => {
  it('makes the run Failed, saying which target and why', () => {
    const model = running();
    model.stuck.add('web-0');
    model.clock.advance(60_000);
    assert.equal(model.settle().map(word).at(-1), 'finish Failed');
    assert.deepEqual([model.phase(), model.reason()], ['Failed', 'NotRecovered']);
    assert.equal(model.journal.experiments.get('exp')?.message, 'web-0: stuck');
    assert.deepEqual(model.journal.effects.live().length, 1);
  });

  it('of a fault that an edit dropped comes to rest', () => {
    const model = running({ faults: [PAUSE, BLOCK] });
    model.stuck.add('web-0');
    model.declare(declared({ faults: [PAUSE] }));
    model.settle();
    assert.equal(model.phase(), 'Running');
  });

  it('under a halt comes to rest', () => {
    const model = running();
    model.stuck.add('web-0');
    model.halted = true;
    model.settle();
  });
});

describe('another experiment', () => {
  it('that freezes the same target makes the later one wait for its end', () => {
    const model = running();
    model.declare(declared({}, { name: 'late' }));
    assert.deepEqual(model.settle('late'), []);
    assert.deepEqual([model.phase('late'), model.reason('late')], ['Denied', 'Conflict']);
    assert.match(model.journal.experiments.get('late')?.message ?? '', /of experiment exp:/);
    model.clock.advance(60_000);
    model.settle();
    model.settle('late');
    assert.equal(model.phase('late'), 'Running');
  });

  it('does not meet itself in its own effects', () => {
    const model = running();
    model.declare(declared({ duration: '90s' }));
    model.settle();
    assert.equal(model.phase(), 'Running');
    assert.ok(effect(PAUSE, container('web-0')).experiment === 'exp');
  });
});
