import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ExperimentRecord } from '../../src/core/types.ts';
import { type Daemon, openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { echoServer, pinger } from '../lab/traffic.ts';

const PORT = 7000;
/** ms from the write of a file to what it changes, on a machine that does other things too. */
const AT_ONCE = 2000;
const FOREVER = { allow: [{ dates: ['2099-01-01'] }] };

let lab: Lab;
let site: Site;
let daemon: Daemon;
let network: string;
let web: [LabContainer, LabContainer, LabContainer];

before(async () => {
  lab = await openLab('policy');
  network = await lab.network();
  const box = () => lab.run({ network, project: lab.label, service: 'web' });
  web = [await box(), await box(), await box()];
  site = openSite('policy');
  daemon = await site.start();
});

after(async () => {
  await site.close();
  await lab.close();
});

function policy(spec: object, name = 'rules'): void {
  site.write(`${name}.policy.json`, { apiVersion: 'squall/v1', kind: 'Policy', metadata: { name }, spec });
}

function experiment(name: string, targets: readonly LabContainer[], more: object = {}): void {
  const spec = {
    duration: '60s',
    targets: { select: { names: targets.map((target) => target.name) }, mode: 'all' },
    faults: [{ type: 'container-pause' }],
    ...more,
  };
  site.write(`${name}.json`, { apiVersion: 'squall/v1', kind: 'Experiment', metadata: { name }, spec });
}

const service = (mode: unknown = 'all') => ({
  targets: { select: { project: lab.label, services: ['web'] }, mode },
});

function isSaid(name: string, phase: string, reason?: string): Promise<ExperimentRecord> {
  return until(`${name} to be ${phase} ${reason ?? ''}`, () => {
    const record = site.experiment(name);
    return record?.phase === phase && (reason === undefined || record.reason === reason) && record;
  }).catch((error: unknown) => {
    const record = site.experiment(name);
    throw new Error(`${error}; it is ${record?.phase} ${record?.reason}: ${record?.message}`);
  });
}

async function injected(name: string): Promise<ExperimentRecord> {
  const record = await isSaid(name, 'Running');
  await until(`the faults of ${name}`, () => site.effects(name).every(({ phase }) => phase === 'injected'));
  return record;
}

async function paused(target: LabContainer): Promise<boolean> {
  return (await target.inspect()).State.Paused;
}

function permitted({ conditions }: ExperimentRecord): string {
  const found = conditions.find(({ type }) => type === 'Permitted');
  return `${found?.status} ${found?.reason}: ${found?.message}`;
}

function events(name: string): string[] {
  return site
    .read((journal) => journal.events.list({ experiment: name }))
    .map(({ type, reason }) => `${type} ${reason}`);
}

/** Takes everything away, and waits until it is forgotten. */
async function clear(): Promise<void> {
  for (const file of readdirSync(site.manifests)) site.remove(file);
  await until('all to be forgotten', () =>
    site.read((journal) => journal.experiments.all().length + journal.objects.all().length === 0),
  );
}

const RULES = 'rules.policy.json';

describe('a Policy', () => {
  beforeEach(clear);

  const refused: [rule: string, spec: object, reason: string, message: RegExp][] = [
    [
      'networks',
      { networks: ['nowhere-*'] },
      'NetworkNotAllowed',
      /^3 containers match, but .* are on network .*, which Policy rules does not allow$/,
    ],
    [
      'protect',
      { protect: [{ services: ['web'] }] },
      'Protected',
      /^3 containers match, but .* are protected by Policy rules$/,
    ],
    [
      'faults',
      { faults: { deny: ['container-pause'] } },
      'FaultNotAllowed',
      /^Policy rules does not allow container-pause$/,
    ],
    [
      'maxDuration',
      { maxDuration: '30s' },
      'TooLong',
      /^Policy rules: maxDuration allows 30s, the run takes 1m$/,
    ],
    [
      'maxTargets',
      { maxTargets: 2 },
      'TooManyTargets',
      /^Policy rules: \d+ containers would be hit at once .*, maxTargets allows 2$/,
    ],
    [
      'maxPercent',
      { maxPercent: 67 },
      'TooManyDown',
      /^Policy rules: 3 of 3 containers of \S+\/web would be down, maxPercent allows 67 %$/,
    ],
    [
      'minHealthy',
      { minHealthy: 1 },
      'TooManyDown',
      /^Policy rules: 0 of 3 containers of \S+\/web would stay healthy, minHealthy asks for 1$/,
    ],
    [
      'budget',
      { budget: [{ faultTime: '2m', window: '1h' }] },
      'BudgetSpent',
      /^Policy rules: budget of 2m in 1h: .* the run takes 3m/,
    ],
    [
      'windows',
      { windows: FOREVER },
      'OutsideWindow',
      /^Policy rules: chaos may not run now; opens 2099-01-01 00:00 UTC$/,
    ],
  ];
  for (const [rule, spec, reason, message] of refused)
    test(`(${rule}) denies a start, touches nothing, and lets it start by itself once it is gone`, async () => {
      const name = `refused-by-${rule.toLowerCase()}`;
      policy(spec);
      experiment(name, [], service());
      const record = await isSaid(name, 'Denied', reason);
      assert.match(record.message, message);
      assert.equal(permitted(record), `False ${reason}: ${record.message}`);
      assert.deepEqual(site.effects(name), []);
      assert.deepEqual(events(name), [`Warning ${reason}`]);
      const metric = new RegExp(`squall_denied_total{reason="${reason}"} [1-9]`);
      assert.match((await daemon.api('GET', '/metrics')).body, metric);
      site.remove(RULES);
      await injected(name);
      assert.equal(await paused(web[0]), true);
    });

  const tightened: [rule: string, spec: object, reason: string][] = [
    ['protect', { protect: [{ services: ['web'] }] }, 'Protected'],
    ['networks', { networks: ['nowhere-*'] }, 'NetworkNotAllowed'],
    ['faults', { faults: { allow: ['network-block'] } }, 'FaultNotAllowed'],
    ['maxDuration', { maxDuration: '30s' }, 'TooLong'],
    ['maxTargets', { maxTargets: 1 }, 'TooManyTargets'],
    ['maxPercent', { maxPercent: 50 }, 'TooManyDown'],
    ['minHealthy', { minHealthy: 2 }, 'TooManyDown'],
    ['budget', { budget: [{ faultTime: '1m', window: '1h' }] }, 'BudgetSpent'],
    ['windows', { windows: FOREVER }, 'OutsideWindow'],
  ];
  for (const [rule, spec, reason] of tightened)
    test(`(${rule}) that is tightened ends what runs at once, and its loosening brings nothing back`, async () => {
      policy({ maxDuration: '1h' });
      experiment('a', web.slice(0, 2));
      await injected('a');
      assert.equal(await paused(web[0]), true);
      const start = performance.now();
      policy(spec);
      for (const target of web.slice(0, 2))
        await until('it to be unpaused', async () => !(await paused(target)));
      const took = performance.now() - start;
      assert.ok(took < AT_ONCE, `took ${took} ms`);
      const record = await isSaid('a', 'Aborted', reason);
      assert.match(permitted(record), new RegExp(`^False ${reason}: `));
      assert.equal(record.message, `run ${record.runId}: ${permitted(record).replace(/^False \w+: /, '')}`);
      assert.ok(events('a').includes(`Warning ${reason}`));
      site.remove(RULES);
      experiment('b', [web[2]]);
      await injected('b');
      assert.deepEqual([site.experiment('a')?.phase, await paused(web[0])], ['Aborted', false]);
    });

  test('lets traffic flow again within moments', async () => {
    await echoServer(web[1], { port: PORT });
    const pings = await pinger(web[0], await web[1].ip4(), { port: PORT });
    try {
      const lost = pings.waitForLoss();
      experiment('a', [web[0]], { faults: [{ type: 'network-block', to: [{ any: true }] }] });
      await lost;
      await injected('a');
      const reply = pings.waitForReply();
      const start = Date.now();
      policy({ faults: { deny: ['network-block'] } });
      const took = (await reply) - start;
      assert.ok(took < AT_ONCE, `took ${took} ms`);
      await isSaid('a', 'Aborted', 'FaultNotAllowed');
    } finally {
      await pings.close();
    }
  });

  test('ends of several runs those that began later, and lets one start when another is over', async () => {
    experiment('a', [web[0]]);
    await injected('a');
    experiment('b', [web[1]]);
    await injected('b');
    policy({ maxConcurrentRuns: 1 });
    const record = await isSaid('b', 'Aborted', 'TooManyRuns');
    assert.equal(
      record.message,
      `run ${record.runId}: Policy rules: maxConcurrentRuns allows 1, and a is under way`,
    );
    assert.deepEqual([await paused(web[0]), await paused(web[1])], [true, false]);
    experiment('b', [web[2]]);
    await isSaid('b', 'Denied', 'TooManyRuns');
    site.remove(RULES);
    await injected('b');
    assert.equal(site.experiment('a')?.phase, 'Running');
  });

  test('has a selection leave out whom it protects, and says so', async () => {
    policy({ protect: [{ names: [web[2].name] }] });
    experiment('a', [], service());
    const { message } = await injected('a');
    assert.equal(
      message,
      `container-pause on 2 containers; 2 of 3 that match: ${web[2].name} is protected by Policy rules`,
    );
    assert.equal(await paused(web[2]), false);
  });

  test('opts containers in by a selector, and ends what runs on them when it goes', async () => {
    const shy = await lab.run({ network, optIn: false });
    experiment('a', [shy]);
    assert.match((await isSaid('a', 'Denied', 'NotOptedIn')).message, /or let a Policy select it$/);
    policy({ optIn: { select: { names: [shy.name] } } });
    await injected('a');
    site.remove(RULES);
    await isSaid('a', 'Aborted', 'NotOptedIn');
    assert.equal(await paused(shy), false);
    await shy.remove();
  });

  test('ends what runs on a container that is connected to a network it does not allow', async () => {
    const box = await lab.run({ network });
    policy({ networks: [network] });
    experiment('a', [box]);
    await injected('a');
    const other = await lab.network();
    await box.connect(other);
    const { message } = await isSaid('a', 'Aborted', 'NetworkNotAllowed');
    assert.match(
      message,
      new RegExp(`${box.name} is on network ${other}, which Policy rules does not allow`),
    );
    await box.remove();
  });

  test('ends what runs in a service of which another container dies, and starts nothing there until it is back', async () => {
    policy({ minHealthy: 1 });
    experiment('a', [], { ...service({ count: 2 }), duration: '5m' });
    await injected('a');
    const hit = site.run('a')?.targets ?? [];
    const left = web.find(({ id }) => !hit.some((target) => target.id === id)) as LabContainer;
    await left.stop();
    await isSaid('a', 'Aborted', 'TooManyDown');
    experiment('b', [], service({ count: 2 }));
    assert.match(
      (await isSaid('b', 'Denied', 'TooManyDown')).message,
      /0 of 3 containers of \S+ would stay healthy/,
    );
    await left.start();
    await injected('b');
  });

  test('keeps a budget: what does not fit waits until enough is free, and starts by itself', async () => {
    policy({ budget: [{ faultTime: '900ms', window: '2500ms' }] });
    experiment('a', [web[0]], { duration: '600ms' });
    await isSaid('a', 'Completed');
    experiment('b', [web[1]], { duration: '600ms' });
    const { message } = await isSaid('b', 'Denied', 'BudgetSpent');
    assert.match(
      message,
      /^Policy rules: budget of 900ms in 2.5s: .* is used, .* is left, the run takes 600ms; enough is free \w+ \d\d:\d\d UTC$/,
    );
    await isSaid('b', 'Completed');
    const [first, second] = [site.run('a'), site.run('b')];
    const apart = (second?.startedAt ?? 0) - (first?.startedAt ?? 0);
    assert.ok(apart >= 2800 && apart < 2800 + AT_ONCE, `started ${apart} ms after the first`);
  });

  test('holds chaos to its health gate', async () => {
    const [probed, target] = web;
    const probe = { type: 'container', container: probed.name, interval: '200ms' };
    policy({ healthGate: { probes: [probe] } });
    experiment('a', [target]);
    await injected('a');
    await probed.stop();
    assert.match(
      (await isSaid('a', 'Aborted', 'HealthGate')).message,
      /policy rules: probe container fails: /,
    );
    assert.equal(await paused(target), false);
    experiment('b', [target]);
    await isSaid('b', 'Denied', 'HealthGate');
    await probed.start();
    await injected('b');
  });

  test('keeps its last good version where its file is wrong now', async () => {
    policy({ maxDuration: '30s' });
    experiment('a', [web[0]]);
    await isSaid('a', 'Denied', 'TooLong');
    site.write(
      RULES,
      '{"apiVersion": "squall/v1", "kind": "Policy", "metadata": {"name": "rules"}, "spec": {"maxDurations": "1h"}}',
    );
    await until('the Policy to be told as wrong', () =>
      site.read((journal) => journal.objects.get('Policy', 'rules')?.reason === 'Stale'),
    );
    experiment('b', [web[1]]);
    await isSaid('b', 'Denied', 'TooLong');
    experiment('b', [web[1]], { duration: '30s' });
    await injected('b');
  });

  test('that nobody could ever read starts nothing, and ends nothing', async () => {
    experiment('a', [web[0]]);
    await injected('a');
    site.write(
      RULES,
      '{"apiVersion": "squall/v1", "kind": "Policy", "metadata": {"name": "rules"}, "spec": {"maxDurations": "1h"}}',
    );
    experiment('b', [web[1]]);
    const { message } = await isSaid('b', 'Denied', 'PolicyUnknown');
    assert.match(
      message,
      /^Policy rules is wrong .*rules\.policy\.json:1:\d+ SQ102 spec\.maxDurations: .*Did you mean "maxDuration"\?/,
    );
    assert.equal(site.experiment('a')?.phase, 'Running');
    site.remove(RULES);
    await injected('b');
  });

  test('that two files declare differently starts nothing, and ends nothing', async () => {
    policy({ maxDuration: '1h' });
    experiment('a', [web[0]]);
    await injected('a');
    site.write('twin.json', {
      apiVersion: 'squall/v1',
      kind: 'Policy',
      metadata: { name: 'rules' },
      spec: { maxDuration: '1s' },
    });
    experiment('b', [web[1]]);
    const { message } = await isSaid('b', 'Denied', 'PolicyInvalid');
    assert.match(message, /^Policy rules is declared twice, .*rules\.policy\.json:1:1 and .*twin\.json:1:1/);
    assert.equal(site.experiment('a')?.phase, 'Running');
    site.remove('twin.json');
    await injected('b');
  });

  test('that stands twice still ends at once what the version that counts does not permit any more', async () => {
    policy({ maxDuration: '1h' });
    experiment('a', [web[0]]);
    await injected('a');
    const twin = { apiVersion: 'squall/v1', kind: 'Policy', metadata: { name: 'rules' } };
    site.write('twin.policy.json', { ...twin, spec: { maxDuration: '2h' } });
    experiment('b', [web[1]]);
    await isSaid('b', 'Denied', 'PolicyInvalid');
    const written = performance.now();
    policy({ maxDuration: '1s' });
    await isSaid('a', 'Aborted', 'TooLong');
    const took = performance.now() - written;
    assert.ok(took < AT_ONCE, `${took} ms`);
  });

  test('that was tightened while no daemon ran is obeyed by the next, by its last good version too', async () => {
    policy({ maxDuration: '1h' });
    experiment('a', [web[0]]);
    experiment('b', [web[1]], { duration: '30s' });
    await injected('a');
    await injected('b');
    await daemon.kill();
    policy({ maxDuration: '30s' });
    daemon = await site.start();
    await isSaid('a', 'Aborted', 'TooLong');
    assert.deepEqual([await paused(web[0]), await paused(web[1])], [false, true]);
    await daemon.kill();
    site.write(RULES, '{');
    daemon = await site.start();
    experiment('a', [web[2]], { duration: '31s' });
    await isSaid('a', 'Denied', 'TooLong');
    assert.equal(site.experiment('b')?.phase, 'Running');
  });
});
