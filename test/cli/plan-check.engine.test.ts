import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { statePaths } from '../../src/daemon/paths.ts';
import { openJournal } from '../../src/journal/journal.ts';
import type { ObjectChange, PlanCheck } from '../../src/report/plan-check.ts';
import { type GitLab, openGitLab } from '../lab/git.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { injected, record, run, squall } from './fixture.ts';

let lab: Lab;
let workers: LabContainer[];
let web: LabContainer;
let repo: GitLab;
let paths: string[];
let state: string;

before(async () => {
  lab = await openLab('check');
  workers = await Promise.all(
    [1, 2, 3].map((at) => lab.run({ name: `worker-${at}`, project: lab.label, service: 'worker' })),
  );
  web = await lab.run({ name: 'web', project: lab.label, service: 'web' });
});

after(() => lab.close());

beforeEach(() => {
  repo?.[Symbol.dispose]();
  repo = openGitLab();
  paths = [join(repo.tree, 'experiments')];
  state = join(repo.dir, 'state');
  mkdirSync(state);
});

after(() => repo?.[Symbol.dispose]());

function documentOf(kind: string, name: string, spec: object): string {
  return JSON.stringify({ apiVersion: 'squall/v1', kind, metadata: { name }, spec });
}

/** A pause of a service of the lab. */
function pause(name: string, service: string, more: object = {}): string {
  const targets = { select: { project: lab.label, services: [service] }, mode: 'all' };
  return documentOf('Experiment', name, {
    duration: '30s',
    targets,
    faults: [{ type: 'container-pause' }],
    ...more,
  });
}

const file = (name: string) => `experiments/${name}.json`;
const write = (name: string, text: string) => writeFileSync(join(repo.tree, file(name)), text);
const plan = (...args: string[]) => squall(['plan', ...paths, '--state', state, '--base', 'HEAD', ...args]);

async function check(...args: string[]): Promise<PlanCheck> {
  return JSON.parse((await plan('-o', 'json', ...args)).out);
}

function changed({ objects }: PlanCheck, name: string): ObjectChange {
  const found = objects.find((one) => one.name === name);
  assert.ok(found, `nothing is said of ${name}`);
  return found;
}

describe('plan --base', () => {
  it('tells what a change of a repository would do on the containers of this host', async () => {
    repo.commit('base', {
      [file('grows')]: pause('grows', 'worker', { blastRadius: { maxTargets: 3 }, suspend: true }),
      [file('goes')]: pause('goes', 'web'),
      [file('stays')]: pause('stays', 'web', { suspend: true }),
      [file('policy')]: documentOf('Policy', 'default', { maxTargets: 1, maxDuration: '1m' }),
      [file('nightly')]: documentOf('Schedule', 'nightly', {
        cron: '0 2 * * *',
        experimentRef: { name: 'stays' },
      }),
    });
    write('grows', pause('grows', 'worker', { blastRadius: { maxTargets: 3 } }));
    write('long', pause('long', 'web', { duration: '10m' }));
    write('policy', documentOf('Policy', 'default', { maxTargets: 3, maxDuration: '1m' }));
    rmSync(join(repo.tree, file('goes')));

    const found = await check();
    assert.equal(found.base.commit, repo.git(['rev-parse', 'HEAD']).trim());
    assert.equal(found.containers.from, 'engine');
    const { unknown, ...summary } = found.summary;
    assert.deepEqual(summary, {
      added: 1,
      changed: 2,
      removed: 1,
      unchanged: 2,
      refused: 1,
      loosened: 1,
      hit: 3,
    });
    const [grown] = changed(found, 'grows').after?.experiments ?? [];
    assert.deepEqual(grown?.targets, workers.map(({ name }) => name).sort());
    assert.deepEqual(grown?.services, [{ service: `${lab.label}/worker`, hit: 3, of: 3 }]);
    assert.deepEqual(changed(found, 'grows').fields, [{ path: 'spec.suspend', from: true }]);
    assert.deepEqual(changed(found, 'goes').before?.experiments[0]?.targets, [web.name]);
    assert.match(
      changed(found, 'long').after?.experiments[0]?.message ?? '',
      /^Policy default: maxDuration allows 1m/,
    );
    assert.deepEqual(
      found.limits.map(({ limit, direction }) => [limit, direction]),
      [['maxTargets', 'looser']],
    );
    for (const one of [...workers, web]) assert.equal((await one.inspect()).State.Paused, false);
  });

  it('prints the same as text, as a comment and as annotations', async () => {
    repo.commit('base', {});
    mkdirSync(join(repo.tree, 'experiments'));
    write(
      'one',
      pause('one', 'worker', {
        targets: { select: { project: lab.label, services: ['worker'] }, mode: { count: 2 } },
      }),
    );
    const { out, code } = await plan();
    assert.equal(code, 0);
    assert.match(
      out,
      new RegExp(
        `hits 2 containers: 2 of 3 of ${lab.label}/worker \\(67 %\\)\n {4}2 drawn for each run from ${workers[0]?.name}, `,
      ),
    );
    assert.match(out, /\n1 added, 0 changed, 0 removed, 0 unchanged: 2 containers would be hit\n$/);
    assert.match(
      (await plan('-o', 'markdown')).out,
      new RegExp(`\\| added \`experiment/one\` \\| 2 \\| 2 of 3 of \`${lab.label}/worker\` \\(67 %\\) \\|`),
    );
    assert.equal((await plan('-o', 'github')).out, '::notice title=Squall plan::2 containers would be hit\n');
  });

  it('has exit code 1 for what --fail-on names, and 0 without', async () => {
    repo.commit('base', { [file('policy')]: documentOf('Policy', 'default', { maxTargets: 1 }) });
    assert.equal((await plan('--fail-on', 'refused', '--fail-on', 'loosened', '--fail-on', 'hit')).code, 0);
    write('policy', documentOf('Policy', 'default', { maxTargets: 2 }));
    write('many', pause('many', 'worker'));
    const codes = async () =>
      Object.fromEntries(
        await Promise.all(
          ['refused', 'loosened', 'hit'].map(
            async (what) => [what, (await plan('--fail-on', what)).code] as const,
          ),
        ),
      );
    assert.deepEqual(await codes(), { refused: 1, loosened: 1, hit: 0 });
    write('many', pause('many', 'web'));
    assert.deepEqual(await codes(), { refused: 0, loosened: 1, hit: 1 });
    assert.equal((await plan()).code, 0);
    assert.match((await plan('--fail-on', 'hit', '-o', 'github')).out, /^::warning .*title=Limit loosened::/);
  });

  it('has exit code 2 for a wrong manifest, whose last good version stands', async () => {
    repo.commit('base', { [file('one')]: pause('one', 'web') });
    write('one', 'kind: [');
    const { code, out, err } = await plan('--fail-on', 'hit');
    assert.equal(code, 2);
    assert.match(out, /\n0 added, 0 changed, 0 removed, 1 unchanged: 1 error in manifests\n$/);
    assert.match(err, /one\.json:1:\d+: error SQ101 /);
    assert.match((await plan('-o', 'github')).out, /^::error file=.*one\.json,line=1,/);
  });

  it('says what is in the world now of what is removed', async () => {
    repo.commit('base', { [file('one')]: pause('one', 'web') });
    rmSync(join(repo.tree, file('one')));
    const journal = openJournal(statePaths(state).journal);
    const under = run('one', 1, { targets: [{ id: web.id, name: web.name }] });
    journal.experiments.put(record('one', { phase: 'Running', runId: under.id }));
    journal.runs.put(under);
    injected(journal, under);
    journal.close();
    assert.deepEqual(changed(await check(), 'one').active, [{ target: web.name, fault: 'container-pause' }]);
  });

  it('works without an engine, and says so', async () => {
    repo.commit('base', { [file('policy')]: documentOf('Policy', 'default', { maxDuration: '1m' }) });
    write('one', pause('one', 'worker'));
    write('long', pause('long', 'worker', { duration: '10m' }));
    const none = await plan('--no-engine', '--fail-on', 'hit');
    assert.equal(none.code, 1);
    assert.match(none.out, /; no containers are known: what would be hit is not told\n/);
    assert.match(none.out, /selects project: .*; who that is, is not known here\n/);
    assert.match(none.out, /refused: SQ214 Policy default/);
    const dead = await check('--docker-host', `unix://${join(repo.dir, 'none.sock')}`);
    assert.deepEqual([dead.containers.from, dead.summary.unknown, dead.summary.refused], ['none', 1, 1]);
    assert.match(dead.notes.join(), /^no engine was asked: SQ301: /);
  });

  it('plans for a recorded host as for the host itself', async () => {
    repo.commit('base', {});
    mkdirSync(join(repo.tree, 'experiments'));
    write('one', pause('one', 'worker'));
    const recorded = join(repo.dir, 'inventory.json');
    writeFileSync(recorded, (await squall(['inventory'])).out);
    const [here, there] = [await check(), await check('--inventory', recorded)];
    assert.deepEqual(there.objects, here.objects);
    assert.equal(there.summary.hit, 3);
    assert.deepEqual([here.containers.from, there.containers.from], ['engine', 'inventory']);
  });
});

it('plan without a base, for an inventory, takes everything for new', async () => {
  const manifests = join(repo.dir, 'manifests');
  mkdirSync(manifests);
  writeFileSync(join(manifests, 'one.json'), pause('one', 'web'));
  writeFileSync(join(repo.dir, 'inventory.json'), '[]');
  const args = ['--inventory', join(repo.dir, 'inventory.json'), '--state', state];
  const { code, out } = await squall(['plan', manifests, ...args]);
  assert.equal(code, 0);
  assert.match(out, /^No base: everything is new; 0 containers, from the inventory\n/);
  assert.match(out, /waits: SQ201 no container matches\n/);
  const wrong = await squall(['plan', manifests, ...args, '--base', '--upload-pack=x']);
  assert.deepEqual([wrong.code, wrong.out], [2, '']);
});
