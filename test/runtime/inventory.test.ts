import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container } from '../../src/core/types.ts';
import type { EngineEvent } from '../../src/runtime/docker.ts';
import { backoff, createInventory, type InventoryChange } from '../../src/runtime/inventory.ts';
import { aContainer } from '../faults/container-support.ts';
import { FakeClock } from '../lab/fake-clock.ts';

const log = createLog('silent');

/** An engine that does as the test says: only the inventory's own logic is at stake here. */
function scripted(...containers: Container[]) {
  const world = new Map(containers.map((one) => [one.id, one]));
  const script = {
    world,
    up: true,
    inspections: [] as string[],
    subscriptions: 0,
    /** Held inspections wait for this. */
    gate: Promise.resolve(),
    listener: (_event: EngineEvent) => {},
    breakStream: () => {},
    say: (id: string, action: string) =>
      script.listener({ type: 'container', action, id, attributes: {}, time: 0 }),
  };
  const check = () => {
    if (!script.up) throw new SquallError('SQ301', 'down', { terminal: false });
  };
  const engine = {
    ids: async () => {
      check();
      return [...world.keys()];
    },
    inspect: async (id: string) => {
      check();
      script.inspections.push(id);
      const found = world.get(id);
      await script.gate;
      return found;
    },
    events: async (listener: (event: EngineEvent) => void, signal: AbortSignal) => {
      check();
      script.subscriptions++;
      script.listener = listener;
      const closed = new Promise<void>((resolve) => {
        script.breakStream = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      return { closed };
    },
  };
  return { script, engine };
}

const box = (name: string, change: Partial<Container> = {}) =>
  aContainer({ id: name.padEnd(64, '0'), name, ...change });
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function started(...containers: Container[]) {
  const { script, engine } = scripted(...containers);
  const clock = new FakeClock();
  const inventory = createInventory(engine, clock, log);
  const changes: InventoryChange[] = [];
  inventory.onChange((change) => changes.push(change));
  await inventory.start();
  const told = () => changes.splice(0).map(({ id, action }) => `${id.replace(/0+$/, '')} ${action}`);
  return { script, clock, inventory, changes, told };
}

describe('the inventory', () => {
  it('holds what the list gave, by name, and the same snapshot until something changes', async () => {
    const { inventory, told } = await started(box('b'), box('a'));
    assert.deepEqual(
      inventory.containers().map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(inventory.containers(), inventory.containers());
    assert.ok(Object.isFrozen(inventory.containers()));
    assert.deepEqual(told().sort(), ['a list', 'b list']);
    assert.ok(inventory.connected());
    await inventory.close();
  });

  it('subscribes before it lists, so that an event in between counts', async () => {
    const { script, engine } = scripted(box('a'));
    const order: string[] = [];
    const inventory = createInventory(
      {
        ...engine,
        events: (...args) => {
          order.push('events');
          return engine.events(...args);
        },
        ids: async () => {
          order.push('ids');
          script.world.set(box('late').id, box('late'));
          script.say(box('late').id, 'create');
          return [box('a').id];
        },
      },
      new FakeClock(),
      log,
    );
    await inventory.start();
    await turn();
    assert.deepEqual(order, ['events', 'ids']);
    assert.deepEqual(
      inventory.containers().map(({ name }) => name),
      ['a', 'late'],
    );
    await inventory.close();
  });

  it('looks once more, not once per event, at a container that is being looked at', async () => {
    const { script, inventory, told } = await started(box('a'));
    told();
    script.inspections = [];
    const gate = Promise.withResolvers<void>();
    script.gate = gate.promise;
    for (const action of ['die', 'stop', 'start', 'start']) script.say(box('a').id, action);
    script.world.set(box('a').id, box('a', { startedAt: 'later' }));
    gate.resolve();
    await turn();
    await turn();
    assert.equal(script.inspections.length, 2);
    assert.equal(inventory.get(box('a').id)?.startedAt, 'later');
    assert.deepEqual(told(), ['a start']);
    await inventory.close();
  });

  it('tells nothing where nothing changed, and a removal as one', async () => {
    const { script, inventory, changes, told } = await started(box('a'));
    told();
    script.say(box('a').id, 'health_status: healthy');
    await turn();
    assert.deepEqual(told(), []);
    script.world.clear();
    script.say(box('a').id, 'destroy');
    await turn();
    assert.deepEqual(changes[0], { id: box('a').id, before: box('a'), after: undefined, action: 'destroy' });
    assert.equal(inventory.get(box('a').id), undefined);
    await inventory.close();
  });

  it('a resync finds what no event told', async () => {
    const { script, inventory, told } = await started(box('a'), box('b'));
    told();
    script.world.delete(box('a').id);
    script.world.set(box('b').id, box('b', { state: 'paused' }));
    script.world.set(box('c').id, box('c'));
    await inventory.resync();
    assert.deepEqual(told().sort(), ['a list', 'b list', 'c list']);
    await inventory.close();
  });

  it('comes back after the stream broke, with what differs', async () => {
    const { script, clock, inventory, told } = await started(box('a'));
    const seen: boolean[] = [];
    inventory.onConnection((up) => seen.push(up));
    told();
    script.up = false;
    script.breakStream();
    await turn();
    assert.ok(!inventory.connected());
    await assert.rejects(inventory.resync(), { code: 'SQ301' });
    await clock.run(60_000);
    assert.equal(script.subscriptions, 1);
    script.world.set(box('a').id, box('a', { state: 'exited' }));
    script.up = true;
    await clock.run(5000);
    await turn();
    assert.deepEqual(seen, [false, true]);
    assert.deepEqual(told(), ['a list']);
    assert.equal(script.subscriptions, 2);
    await inventory.close();
  });

  it('keeps trying until there is an engine', async () => {
    const { script, engine } = scripted(box('a'));
    const clock = new FakeClock();
    script.up = false;
    const inventory = createInventory(engine, clock, log);
    let ready = false;
    const start = inventory.start().then(() => {
      ready = true;
    });
    await clock.run(30_000);
    assert.ok(!ready);
    script.up = true;
    await clock.run(5000);
    await start;
    assert.equal(inventory.containers().length, 1);
    await inventory.close();
  });

  it('closed before that, it says so and leaves no timer', async () => {
    const { script, engine } = scripted();
    const clock = new FakeClock();
    script.up = false;
    const inventory = createInventory(engine, clock, log);
    const start = inventory.start();
    await turn();
    await Promise.all([assert.rejects(start, { code: 'SQ301' }), inventory.close()]);
    assert.equal(clock.pending, 0);
  });

  it('looks again at a container that could not be inspected', async () => {
    const { script, clock, inventory } = await started(box('a'));
    script.world.set(box('a').id, box('a', { state: 'paused' }));
    script.up = false;
    script.say(box('a').id, 'pause');
    await turn();
    script.up = true;
    await clock.run(250);
    await turn();
    assert.equal(inventory.get(box('a').id)?.state, 'paused');
    await inventory.close();
  });

  it('lists all the others where one can not be inspected, and looks at that one again', async () => {
    const { script, engine } = scripted(box('a'), box('b'));
    let hangs = true;
    const inspect = async (id: string) => {
      if (hangs && id === box('a').id) throw new SquallError('SQ301', 'no answer', { terminal: false });
      return engine.inspect(id);
    };
    const clock = new FakeClock();
    const inventory = createInventory({ ...engine, inspect }, clock, log);
    await inventory.start();
    assert.deepEqual([inventory.get(box('a').id), inventory.get(box('b').id)?.name], [undefined, 'b']);
    assert.equal(script.subscriptions, 1);
    hangs = false;
    await clock.run(250);
    assert.equal(inventory.get(box('a').id)?.name, 'a');
    await inventory.close();
  });

  it('goes on where a listener throws, and stops telling one that left', async () => {
    const { script, inventory, told } = await started(box('a'));
    inventory.onChange(() => {
      throw new Error('a bug');
    });
    const leave = inventory.onChange(() => assert.fail('it left'));
    leave();
    told();
    script.world.delete(box('a').id);
    script.say(box('a').id, 'destroy');
    await turn();
    assert.deepEqual(told(), ['a destroy']);
    await inventory.close();
  });

  it('waits longer from attempt to attempt, between 100 ms and 5 s', () => {
    assert.deepEqual(
      [0, 1, 2, 5, 6, 40].map((failures) => backoff(failures, () => 0)),
      [100, 200, 400, 3200, 5000, 5000],
    );
    assert.equal(
      backoff(0, () => 1),
      100,
    );
    assert.equal(
      backoff(6, () => 1),
      2500,
    );
  });
});
