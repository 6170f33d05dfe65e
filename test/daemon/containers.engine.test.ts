import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

describe('faults on containers, from commit to completed', { concurrency: 4 }, () => {
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('containers');
    site = openSite('containers');
    await site.start();
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  const startedAt = async (target: LabContainer) => (await target.inspect()).State.StartedAt;
  const phaseOf = (name: string) => site.effects(name)[0]?.phase;

  test('a kill strikes once: the restart policy’s start brings it back, and not the kill', async () => {
    const target = await lab.run({ restart: 'always' });
    const before = await startedAt(target);
    site.write('once.yaml', experiment('once', target, [{ type: 'container-kill' }], { duration: '5s' }));
    await until('the policy to start it', async () => {
      const { Running, StartedAt } = (await target.inspect()).State;
      return Running && StartedAt !== before;
    });
    const restarted = await startedAt(target);
    await site.phase('once', 'Completed');
    assert.equal(await startedAt(target), restarted);
    assert.equal(site.effects('once')[0]?.strikes, 1);
  });

  test('a kill with `every` strikes again and again, until its deadline', async () => {
    const target = await lab.run({ restart: 'always' });
    const often = { type: 'container-kill', every: '1s' };
    site.write(
      'often.yaml',
      experiment('often', target, [often], { duration: '6s', spec: { recoveryTimeout: '90s' } }),
    );
    await until('three strikes', () => (site.effects('often')[0]?.strikes ?? 0) >= 3);
    await site.phase('often', 'Completed', 90_000);
    const { Running } = (await target.inspect()).State;
    assert.equal(Running, true);
    const { strikes } = site.effects('often')[0] ?? { strikes: 0 };
    assert.ok(strikes >= 3 && strikes <= 6, `${strikes} strikes in 6 s`);
  });

  test('a stopped target that somebody starts is not stopped again', async () => {
    const target = await lab.run();
    site.write(
      'stopped.yaml',
      experiment('stopped', target, [{ type: 'container-stop', grace: '1s' }], { duration: '8s' }),
    );
    await until('it to be down', async () => !(await target.inspect()).State.Running);
    await target.start();
    const started = await startedAt(target);
    await until('the fault to end for it', () => phaseOf('stopped') === 'recovered');
    assert.equal(site.experiment('stopped')?.phase, 'Running');
    await site.phase('stopped', 'Completed');
    assert.equal(await startedAt(target), started);
  });

  test('a target that does not get healthy again in time fails the run, and says so', async () => {
    // Healthy only until its first end: the marker is gone after a restart of the process, not of the container's files.
    const target = await lab.run({
      cmd: [
        'sh',
        '-c',
        'if [ -e /tmp/was ]; then busybox rm /tmp/ok; else : >/tmp/ok; : >/tmp/was; fi; sleep 100000',
      ],
      healthcmd: ['/bin/sh', '-c', 'cat /tmp/ok'],
    });
    await until('it to be healthy', async () => (await target.inspect()).State.Health?.Status === 'healthy');
    const spec = { recoveryTimeout: '3s' };
    site.write(
      'sick.yaml',
      experiment('sick', target, [{ type: 'container-restart', grace: '1s' }], { duration: '3s', spec }),
    );
    const record = await site.phase('sick', 'Failed', 30_000);
    assert.match(record.message, new RegExp(`${target.name}: not recovered in time: .*health`));
    assert.equal(site.run('sick')?.phase, 'Failed');
  });

  test('a target that the engine removes when it stops is refused', async () => {
    const target = await lab.run({ autoRemove: true });
    site.write('removed.yaml', experiment('removed', target, [{ type: 'container-stop' }]));
    const record = await site.phase('removed', 'Denied');
    assert.match(record.message, /--rm|AutoRemove/);
    assert.equal((await target.inspect()).State.Running, true);
  });

  test('a target that is removed during the run is recovered by definition', async () => {
    const target = await lab.run();
    site.write('gone.yaml', experiment('gone', target, [{ type: 'container-pause' }], { duration: '60s' }));
    await until('it to be paused', () => phaseOf('gone') === 'injected');
    await target.remove();
    await until('the effect to be over', () => phaseOf('gone') === 'recovered');
    site.remove('gone.yaml');
    await until('it to be forgotten', () => site.experiment('gone') === undefined);
  });

  test('a paused target that is restarted is paused again', async () => {
    const target = await lab.run();
    site.write('again.yaml', experiment('again', target, [{ type: 'container-pause' }], { duration: '60s' }));
    await until('it to be paused', () => phaseOf('again') === 'injected');
    await lab.docker.getContainer(target.id).unpause();
    await target.restart();
    await until('it to be paused again', async () => (await target.inspect()).State.Paused);
    site.remove('again.yaml');
    await until('it to be forgotten', () => site.experiment('again') === undefined);
    assert.equal((await target.inspect()).State.Paused, false);
  });
});
