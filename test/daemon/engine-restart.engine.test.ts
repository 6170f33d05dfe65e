import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSite, type Site } from '../lab/daemon.ts';
import { ensureImage, LAB_IMAGE } from '../lab/image.ts';
import { openPrivateEngine, type PrivateEngine } from '../lab/private-engine.ts';
import { until } from '../lab/until.ts';

describe('an engine that is restarted under the daemon', () => {
  let engine: PrivateEngine;
  let site: Site;
  before(async () => {
    engine = await openPrivateEngine();
    await ensureImage(engine.docker);
    site = openSite('restart');
  });
  after(async () => {
    await site.close();
    await engine.close();
  });

  test('is waited for; a target that comes back with it gets its fault again, to the same deadline', async () => {
    const box = await engine.docker.createContainer({
      Image: LAB_IMAGE,
      name: 'box',
      Cmd: ['sleep', '1000000'],
      Labels: { 'squall.enabled': 'true' },
      HostConfig: { NetworkMode: 'none', RestartPolicy: { Name: 'always' }, Init: true },
    });
    await box.start();
    const daemon = await site.start({ dockerHost: engine.host });
    site.write('e.yaml', {
      apiVersion: 'squall/v1',
      kind: 'Experiment',
      metadata: { name: 'e' },
      spec: {
        duration: '5m',
        targets: { select: { names: ['box'] }, mode: 'all' },
        faults: [{ type: 'container-pause' }],
      },
    });
    const paused = async () => (await box.inspect()).State.Paused;
    await until('it to be paused', paused);
    const deadline = site.run('e')?.deadline;
    await engine.stop();
    await until(
      'the daemon to say that the engine is gone',
      async () => (await daemon.api('GET', '/readyz')).status === 503,
    );
    await engine.start();
    await until('it to be paused again', paused, 20_000);
    assert.deepEqual(site.run('e')?.deadline, deadline);
    assert.equal(site.read((journal) => journal.runs.list()).length, 1);
    site.remove('e.yaml');
    await until('it to be forgotten', () => site.experiment('e') === undefined);
    const { Running, Paused } = (await box.inspect()).State;
    assert.deepEqual([Running, Paused], [true, false]);
  });
});
