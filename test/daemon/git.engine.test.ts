import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openSite, type Site } from '../lab/daemon.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

const PAUSE = { type: 'container-pause' };

function policy(spec: object): string {
  return JSON.stringify({ apiVersion: 'squall/v1', kind: 'Policy', metadata: { name: 'default' }, spec });
}

async function isPaused(target: LabContainer): Promise<boolean> {
  return (await target.inspect()).State.Paused;
}

describe('manifests of a repository', { concurrency: 3 }, () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('git');
  });
  after(() => lab.close());

  const paused = (target: LabContainer) => until('the container to be paused', () => isPaused(target));
  const running = (target: LabContainer) =>
    until('the container to run again', async () => !(await isPaused(target)));
  const frozen = (name: string, target: LabContainer, duration = '60s') =>
    JSON.stringify(experiment(name, target, [PAUSE], { duration }));
  /** A daemon that fetches every second; all of it is taken away at the end. */
  async function follow(
    name: string,
    use: (site: Site, git: GitLab, start: () => ReturnType<Site['start']>) => Promise<void>,
    options: (git: GitLab) => object = () => ({}),
  ): Promise<void> {
    const site = openSite(name);
    using git = openGitLab();
    const source = {
      url: git.url,
      branch: 'main',
      paths: ['chaos'],
      interval: 1000,
      allowedSigners: undefined,
      ...options(git),
    };
    try {
      await use(site, git, () => site.start({ more: { git: source, manifests: [] } }));
    } finally {
      await site.close();
    }
  }

  test('a push is the fault there, an edit changes it, git rm and a push end it; the run says which commit', async () => {
    const target = await lab.run();
    await follow('gitpush', async (site, git, start) => {
      git.push('nothing yet', { 'README.md': 'chaos' });
      await start();
      const first = git.push('Freeze the box\n\nfor a while', { 'chaos/box.json': frozen('box', target) });
      await paused(target);
      const came = await until('the commit to be known', () => site.run('box')?.provenance);
      assert.deepEqual(came, {
        commit: first,
        author: 'Ada Lovelace',
        subject: 'Freeze the box',
        dirty: false,
      });
      const { injectedAt } = site.effects('box')[0] ?? {};
      const second = git.push('For longer', { 'chaos/box.json': frozen('box', target, '90s') });
      await until('the edit to be taken up', () => site.run('box')?.provenance?.commit === second);
      assert.equal(site.run('box')?.duration, 90_000);
      assert.equal(site.effects('box')[0]?.injectedAt, injectedAt, 'in place: nothing was put in anew');
      git.push('Enough', { 'chaos/box.json': undefined });
      await running(target);
      await until('it to be forgotten', () => site.experiment('box') === undefined);
    });
  });

  test('what one commit brings counts together: no experiment before the policy beside it', async () => {
    const targets = [await lab.run(), await lab.run()];
    await follow('gitwhole', async (site, git, start) => {
      git.push('nothing yet', { 'README.md': 'chaos' });
      await start();
      git.push('A limit, and what is over it', {
        'chaos/a.json': JSON.stringify(experiment('two', targets, [PAUSE])),
        'chaos/z.json': policy({ maxTargets: 1 }),
      });
      const denied = await site.phase('two', 'Denied');
      assert.match(denied.message, /maxTargets/);
      assert.deepEqual(
        site.read((journal) => journal.runs.list()),
        [],
      );
    });
  });

  test('while the remote is away, and through the death of the daemon, the last good commit stands', async () => {
    const target = await lab.run();
    await follow('gitgone', async (site, git, start) => {
      git.push('Freeze', { 'chaos/box.json': frozen('box', target) });
      const daemon = await start();
      await paused(target);
      const deadline = site.run('box')?.deadline.wall;
      await daemon.kill();
      renameSync(git.bare, join(git.dir, 'away'));
      const next = await start();
      await until('the trouble to be told', () =>
        site.read((journal) => journal.events.list().some(({ reason }) => reason === 'GitFetchFailed')),
      );
      assert.equal(await isPaused(target), true);
      assert.equal(site.run('box')?.deadline.wall, deadline);
      const { body } = await next.api('GET', '/readyz');
      assert.match(body, /"name":"git","ok":false/);
      renameSync(join(git.dir, 'away'), git.bare);
      git.push('Enough', { 'chaos/box.json': undefined });
      await running(target);
    });
  });

  test('a commit that nobody of the allowed signers has signed is refused', async () => {
    const target = await lab.run();
    let key = '';
    await follow(
      'gitsigned',
      async (site, git, start) => {
        git.push('nothing yet', { 'README.md': 'chaos' }, key);
        await start();
        git.push('Unsigned', { 'chaos/box.json': frozen('box', target) });
        await until('it to be refused', () =>
          site.read((journal) => journal.events.list().some(({ reason }) => reason === 'GitCommitRefused')),
        );
        assert.equal(site.experiment('box'), undefined);
        git.push('Signed', { 'chaos/box.json': frozen('box', target, '50s') }, key);
        await paused(target);
      },
      (git) => {
        key = git.key('ada');
        return { allowedSigners: git.allow({ 'ada@example.org': key }) };
      },
    );
  });
});

test('a watched directory in a work tree tells the commit, and whether the file has changed since', async () => {
  const lab = await openLab('tree');
  const site = openSite('tree');
  using git = openGitLab();
  try {
    const target = await lab.run();
    const commit = git.commit('Freeze the box', {
      'box.json': JSON.stringify(experiment('box', target, [PAUSE], { duration: '60s' })),
    });
    await site.start({ more: { manifests: [git.tree] } });
    const clean = await until('the commit to be known', () => site.run('box')?.provenance);
    assert.deepEqual([clean.commit, clean.dirty], [commit, false]);
    site.write('../box.json', experiment('box', target, [PAUSE], { duration: '70s' }));
    renameSync(join(site.dir, 'box.json'), join(git.tree, 'box.json'));
    const dirty = await until('the edit to be taken up', () => {
      const run = site.run('box');
      return run?.duration === 70_000 && run.provenance?.dirty && run.provenance;
    });
    assert.equal(dirty.commit, commit);
  } finally {
    await site.close();
    await lab.close();
  }
});
