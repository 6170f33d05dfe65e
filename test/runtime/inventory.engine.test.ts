import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container } from '../../src/core/types.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { createInventory, type InventoryChange } from '../../src/runtime/inventory.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { createSocketProxy } from './socket-proxy.ts';

const proxy = createSocketProxy();
const docker = createDocker({ socket: proxy.path });
const inventory = createInventory(docker, systemClock, createLog('silent'));
const changes: (InventoryChange & { at: number })[] = [];

/** Waits for a change of this container after which `holds`. */
function changed(box: LabContainer, what: string, holds: (after: Container) => boolean) {
  return until(what, () => changes.find(({ id, after }) => id === box.id && after && holds(after)));
}

describe('the inventory of a real engine', () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('inventory');
    inventory.onChange((change) => changes.push({ ...change, at: Date.now() }));
    const started = inventory.start();
    assert.ok(!inventory.connected(), 'nobody answers yet');
    await proxy.open();
    await started;
  });
  after(async () => {
    await inventory.close();
    docker.close();
    await proxy.close();
    await lab.close();
  });

  it('follows a container from its creation to its removal', async () => {
    const box = await lab.run();
    await changed(box, 'a start', ({ state, pid }) => state === 'running' && pid > 0);
    await docker.pause(box.id);
    await changed(box, 'a pause', ({ state }) => state === 'paused');
    await docker.unpause(box.id);
    await lab.docker.getContainer(box.id).rename({ name: `${box.name}-renamed` });
    await changed(box, 'the new name', ({ name }) => name === `${box.name}-renamed`);
    await box.stop();
    await changed(box, 'an end', ({ state, pid }) => state === 'exited' && pid === 0);
    await lab.docker.getContainer(box.id).update({ RestartPolicy: { Name: 'always' } });
    await changed(box, 'another policy', ({ restartPolicy }) => restartPolicy === 'always');
    await box.remove();
    await until('its removal', () => inventory.get(box.id) === undefined);
    for (const [index, { id, before }] of changes.entries()) {
      const last = changes.slice(0, index).findLast((change) => change.id === id);
      if (last) assert.deepEqual(before, last.after, 'each change begins where the one before ended');
    }
  });

  it('follows health', async () => {
    const box = await lab.run({ healthcmd: ['sh', '-c', 'test ! -e /etc/broken'], healthIntervalMs: 200 });
    await changed(box, 'health', ({ health }) => health === 'healthy');
    await box.exec(['sh', '-c', 'echo > /etc/broken']);
    await changed(box, 'ill health', ({ health }) => health === 'unhealthy');
  });

  it('follows networks that are joined and left', async () => {
    const [box, network] = await Promise.all([lab.run(), lab.network()]);
    const on = ({ attachments }: Container) => attachments.some((one) => one.network === network && one.ip4);
    await box.connect(network, ['peer']);
    await changed(box, 'the address', (now) => on(now) === true);
    assert.ok(inventory.get(box.id)?.attachments.some(({ aliases }) => aliases.includes('peer')));
    await lab.docker.getNetwork(network).disconnect({ Container: box.id });
    await until('the leave', () => !on(inventory.get(box.id) as Container));
  });

  it('after the engine was away it tells what happened meanwhile', async () => {
    const [stays, goes] = await Promise.all([lab.run(), lab.run()]);
    await changed(stays, 'the start', ({ state }) => state === 'running');
    await changed(goes, 'the start', ({ state }) => state === 'running');
    await proxy.cut();
    await until('the loss', () => !inventory.connected());
    changes.length = 0;
    await stays.restart();
    await goes.remove();
    const comes = await lab.run();
    assert.ok(inventory.get(goes.id), 'what was known stays until the engine says otherwise');
    await proxy.open();
    await until('the connection', () => inventory.connected());
    assert.equal(inventory.get(goes.id), undefined);
    assert.equal(inventory.get(comes.id)?.state, 'running');
    assert.notEqual(
      changes.find(({ id }) => id === stays.id)?.before?.startedAt,
      inventory.get(stays.id)?.startedAt,
    );
    await docker.pause(comes.id);
    await changed(comes, 'events again', ({ state }) => state === 'paused');
  });

  it('tells of a start soon after the engine did', async () => {
    const box = await lab.run();
    await changed(box, 'the start', ({ state }) => state === 'running');
    const ender = new AbortController();
    const starts: number[] = [];
    await docker.events(({ id, action, time }) => {
      if (id === box.id && action === 'start') starts.push(time);
    }, ender.signal);
    const late: number[] = [];
    for (let round = 0; round < 10; round++) {
      changes.length = 0;
      const from = Date.now();
      await docker.restart(box.id, 0);
      const { at } = await changed(box, 'the start', ({ state }) => state === 'running');
      late.push(at - (await until('its event', () => starts.find((time) => time >= from))));
    }
    ender.abort();
    late.sort((a, b) => a - b);
    console.log(`start event to change: ${late.map((ms) => ms.toFixed(0)).join(' ')} ms`);
    assert.ok((late[5] as number) < 500, 'in time to inject again within 500 ms');
  });
});
