import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { createControl } from '../../src/daemon/control.ts';
import type { GitSource, GitStatus } from '../../src/daemon/git-source.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import type { Controller } from '../../src/reconcile/controller.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import type { Objects } from '../../src/reconcile/objects.ts';
import { object, record } from '../cli/fixture.ts';
import { FakeClock } from '../lab/fake-clock.ts';

/** A control over a journal, without passes: any would be a mistake unless `started`. */
function setup({ started = true, git }: { started?: boolean; git?: GitStatus } = {}) {
  const journal = openJournal(IN_MEMORY);
  journal.experiments.put(record('freeze'));
  journal.objects.put(
    object('Schedule', 'nightly', { cron: '0 2 * * *', experimentRef: { name: 'freeze' } }),
  );
  const passes: string[] = [];
  const synced: string[] = [];
  const deps = {
    journal,
    clock: new FakeClock(),
    log: createLog('silent'),
    claimant: 'daemon:1',
    halt: { read: () => false, set: () => {} },
  } as unknown as ReconcileDeps;
  const control = createControl({
    deps,
    controller: {
      pass: async (name: string) => {
        passes.push(name);
        return { again: false };
      },
    } as unknown as Controller,
    objects: { add: (id: string) => passes.push(id), idle: async () => {} } as unknown as Objects,
    git: git && ({ sync: async () => synced.push('now'), status: () => git } as unknown as GitSource),
    health: () => assert.fail(),
    started: () => started,
    events: new Set(),
  });
  return { journal, control, passes, synced };
}

describe('a hold', () => {
  it('passes over all that it concerns', async () => {
    const { control, passes } = setup();
    assert.deepEqual(await control.halt('Schedule/nightly'), {
      experiments: [],
      schedules: ['nightly'],
      scenarios: [],
      left: [],
    });
    assert.deepEqual(new Set(passes), new Set(['Schedule/nightly']));
  });

  it('before the manifests are read is remembered, and no pass takes what is declared for gone', async () => {
    const { control, journal, passes } = setup({ started: false });
    const { experiments } = await control.halt('Experiment/freeze');
    await control.suspend('Schedule/nightly');
    assert.deepEqual(experiments, ['freeze']);
    assert.equal(journal.experiments.get('freeze')?.hold, 'halted');
    assert.equal(journal.objects.get('Schedule', 'nightly')?.hold, 'suspended');
    assert.deepEqual(passes, []);
  });

  it('of what is not there is refused', async () => {
    const { control } = setup();
    await assert.rejects(control.halt('Schedule/nightl'), { code: 'SQ502', hint: 'Did you mean "nightly"?' });
    await assert.rejects(control.halt('Experiment/nightly'), {
      code: 'SQ502',
      hint: 'Did you mean schedule/nightly?',
    });
    await assert.rejects(control.run('Scenario/day'), { code: 'SQ502' });
  });
});

describe('a sync', () => {
  const git = {
    url: '/srv/chaos.git',
    branch: 'main',
    commit: undefined,
    fetchedAt: 1_000_000_000_123,
    error: 'x',
  };

  it('fetches, and says how it stands', async () => {
    const { control, synced } = setup({ git });
    const fetchedAt = '2001-09-09T01:46:40.123Z';
    assert.deepEqual(await control.sync(), { ...git, commit: null, fetchedAt });
    assert.deepEqual(synced, ['now']);
  });

  it('is refused without a repository, and before the start is through', async () => {
    await assert.rejects(setup().control.sync(), { code: 'SQ502', hint: /--git URL/ });
    await assert.rejects(setup({ git, started: false }).control.sync(), { code: 'SQ503' });
  });
});
