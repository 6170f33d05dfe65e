import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Daemon, openSite, type Site } from '../lab/daemon.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { connects, echoServer, pinger } from '../lab/traffic.ts';

const PORT = 7000;

describe('the life of an experiment', { concurrency: 4 }, () => {
  let lab: Lab;
  let site: Site;
  let daemon: Daemon;
  before(async () => {
    lab = await openLab('life');
    site = openSite('life');
    daemon = await site.start();
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  /** Two containers on a network of their own; the peer answers on PORT over TCP and UDP. */
  async function pair(): Promise<{
    target: LabContainer;
    peer: LabContainer;
    network: string;
    address: string;
  }> {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    await echoServer(peer, { port: PORT, proto: 'tcp' });
    await echoServer(peer, { port: PORT, proto: 'udp' });
    return { target, peer, network, address: await peer.ip4() };
  }
  const block = (peer: LabContainer, more: object = {}) => ({
    type: 'network-block',
    to: [{ container: peer.name }],
    ...more,
  });
  const injected = (name: string) =>
    until(
      `${name} to be injected`,
      () =>
        site.experiment(name)?.phase === 'Running' &&
        site.effects(name).every(({ phase }) => phase === 'injected'),
    );
  const reach = (target: LabContainer, address: string) =>
    connects(target, address, PORT, { timeoutMs: 300 });
  const forgotten = (name: string) =>
    until(`${name} to be forgotten`, () => site.experiment(name) === undefined);

  test('a manifest committed is the fault there; deleted, the fault is gone', async () => {
    const { target, peer, address } = await pair();
    assert.equal(await reach(target, address), 'open');
    site.write('commit.yaml', experiment('commit', target, [block(peer)]));
    await injected('commit');
    assert.equal(await reach(target, address), 'timeout');
    site.remove('commit.yaml');
    await forgotten('commit');
    assert.equal(await reach(target, address), 'open');
    assert.equal(site.run('commit')?.phase, 'Halted');
  });

  test('it completes at its deadline and does not run again, until its spec is another', async () => {
    const { target, peer } = await pair();
    site.write('again.yaml', experiment('again', target, [block(peer)], { duration: '1s' }));
    await site.phase('again', 'Completed');
    site.write(
      'again.yaml',
      `# a comment\n${JSON.stringify(experiment('again', target, [block(peer)], { duration: '1s' }))}`,
    );
    site.write('again.yaml', experiment('again', target, [block(peer)], { duration: '1.2s' }));
    await until(
      'the second run',
      () => site.run('again')?.generation === 2 && site.run('again')?.phase === 'Completed',
    );
    site.write('again.yaml', experiment('again', target, [block(peer)], { duration: '1s' }));
    await until(
      'A after B is new',
      () => site.run('again')?.generation === 3 && site.run('again')?.phase === 'Completed',
    );
    assert.equal(site.read((journal) => journal.runs.list({ experiment: 'again' })).length, 3);
  });

  test('a deleted and later added manifest runs again', async () => {
    const { target, peer } = await pair();
    const manifest = experiment('readd', target, [block(peer)], { duration: '1s' });
    site.write('readd.yaml', manifest);
    await site.phase('readd', 'Completed');
    site.remove('readd.yaml');
    await forgotten('readd');
    site.write('readd.yaml', manifest);
    await until(
      'the second run',
      () => site.read((journal) => journal.runs.list({ experiment: 'readd' })).length === 2,
    );
  });

  test('an edit is converged in place: what both versions want is not touched, an unaffected peer loses nothing', async () => {
    const { target, peer, network, address } = await pair();
    const other = await lab.run({ network });
    const calm = await lab.run({ network });
    for (const each of [other, calm]) await echoServer(each, { port: PORT, proto: 'udp' });
    site.write('edit.yaml', experiment('edit', target, [block(peer)]));
    await injected('edit');
    const blocked = await pinger(target, address, { port: PORT, intervalMs: 5 });
    const unaffected = await pinger(target, await calm.ip4(), { port: PORT, intervalMs: 5 });
    const added = await pinger(target, await other.ip4(), { port: PORT, intervalMs: 5 });
    await blocked.waitForLoss();
    site.write(
      'edit.yaml',
      experiment(
        'edit',
        target,
        [{ type: 'network-block', to: [{ container: peer.name }, { container: other.name }] }],
        { duration: '50s' },
      ),
    );
    await added.waitForLoss();
    await until(
      'the edit to be in',
      () =>
        site.run('edit')?.generation === 2 && site.effects('edit').every(({ phase }) => phase === 'injected'),
    );
    site.write('edit.yaml', experiment('edit', target, [block(peer)], { duration: '50s' }));
    await added.waitForReply();
    for (const each of [blocked, unaffected, added]) await each.close();
    assert.deepEqual(
      blocked.samples().filter(({ rttMs }) => rttMs !== null),
      [],
      'the blocked peer never came through',
    );
    assert.deepEqual(
      unaffected.samples().filter(({ rttMs }) => rttMs === null),
      [],
      'the unaffected peer lost nothing',
    );
    assert.equal(site.effects('edit').length, 1);
    const run = site.run('edit');
    assert.ok(
      Math.abs((run?.deadline.wall ?? 0) - (run?.startedAt ?? 0) - 50_000) < 100,
      'start + new duration',
    );
    site.remove('edit.yaml');
    await forgotten('edit');
  });

  test('an edit that the guard refuses ends the run', async () => {
    const { target, peer, address } = await pair();
    site.write('refused.yaml', experiment('refused', target, [block(peer)]));
    await injected('refused');
    site.write(
      'refused.yaml',
      experiment('refused', target, [{ type: 'network-block', to: [{ container: 'no-such-peer' }] }]),
    );
    const record = await site.phase('refused', 'Denied');
    assert.match(record.message, /no-such-peer/);
    assert.equal(await reach(target, address), 'open');
    assert.equal(site.run('refused')?.phase, 'Aborted');
    site.remove('refused.yaml');
    await forgotten('refused');
  });

  test('a renamed file interrupts nothing', async () => {
    const { target, peer, address } = await pair();
    site.write('name-a.yaml', experiment('name', target, [block(peer)]));
    await injected('name');
    const pings = await pinger(target, address, { port: PORT, intervalMs: 5 });
    await pings.waitForLoss();
    renameSync(join(site.manifests, 'name-a.yaml'), join(site.manifests, 'name-b.yaml'));
    await until('the new place to be known', () =>
      site.experiment('name')?.source.file.endsWith('name-b.yaml'),
    );
    await pings.close();
    assert.deepEqual(
      pings.samples().filter(({ rttMs }) => rttMs !== null),
      [],
    );
    assert.equal(site.read((journal) => journal.runs.list({ experiment: 'name' })).length, 1);
    site.remove('name-b.yaml');
    await forgotten('name');
  });

  test('a file that no longer parses keeps its last good version till its deadline, loudly', async () => {
    const { target, peer, address } = await pair();
    site.write('broken.yaml', experiment('broken', target, [block(peer)], { duration: '3s' }));
    await injected('broken');
    site.write('broken.yaml', 'apiVersion: squall/v1\nkind: [');
    await until('the status to say so', () =>
      site
        .experiment('broken')
        ?.conditions.some(({ type, status }) => type === 'Valid' && status === 'False'),
    );
    assert.equal(await reach(target, address), 'timeout');
    await until('the run to complete', () => site.run('broken')?.phase === 'Completed');
    assert.equal(await reach(target, address), 'open');
  });

  test('an emptied file is a delete', async () => {
    const { target, peer, address } = await pair();
    site.write('emptied.yaml', experiment('emptied', target, [block(peer)]));
    await injected('emptied');
    site.write('emptied.yaml', '# nothing left\n');
    await forgotten('emptied');
    assert.equal(await reach(target, address), 'open');
  });

  test('two files that declare one name differently: no new run, and no end to a running one', async () => {
    const { target, peer, address } = await pair();
    site.write('twin-a.yaml', experiment('twin', target, [block(peer)]));
    await injected('twin');
    site.write('twin-b.yaml', experiment('twin', target, [block(peer)], { duration: '90s' }));
    await until('the status to say so', () =>
      site.experiment('twin')?.conditions.some(({ reason }) => reason === 'NameTaken'),
    );
    assert.equal(await reach(target, address), 'timeout');
    assert.equal(site.run('twin')?.generation, 1);
    site.remove('twin-b.yaml');
    site.remove('twin-a.yaml');
    await forgotten('twin');
    for (const [file, duration] of [
      ['fresh-a.yaml', '5s'],
      ['fresh-b.yaml', '6s'],
    ] as const) {
      mkdirSync(join(site.manifests, 'both'), { recursive: true });
      site.write(`both/${file}`, experiment('fresh', target, [block(peer)], { duration }));
    }
    await until('both places to be named', () => {
      const message = site.experiment('fresh')?.message ?? '';
      return message.includes('fresh-a.yaml') && message.includes('fresh-b.yaml');
    });
  });

  test('suspended, it injects nothing; unsuspended before the deadline it goes on to the same one', async () => {
    const { target, peer, address } = await pair();
    const manifest = (suspend: boolean) =>
      experiment('suspended', target, [block(peer)], { spec: { suspend } });
    site.write('suspended.yaml', manifest(true));
    await site.phase('suspended', 'Suspended');
    assert.equal(await reach(target, address), 'open');
    site.write('suspended.yaml', manifest(false));
    await injected('suspended');
    const deadline = site.run('suspended')?.deadline.wall;
    site.write('suspended.yaml', manifest(true));
    await site.phase('suspended', 'Suspended');
    await until('it to be recovered', () =>
      site.effects('suspended').every(({ phase }) => phase === 'recovered'),
    );
    assert.equal(await reach(target, address), 'open');
    site.write('suspended.yaml', manifest(false));
    await injected('suspended');
    assert.equal(site.run('suspended')?.deadline.wall, deadline);
    assert.equal(await reach(target, address), 'timeout');
    site.remove('suspended.yaml');
    await forgotten('suspended');
  });

  test('a person halts one experiment and lifts it again, over the socket', async () => {
    const { target, peer, address } = await pair();
    site.write('held.yaml', experiment('held', target, [block(peer)]));
    await injected('held');
    const halted = await daemon.api('POST', '/api/v1/experiments/held/halt');
    assert.equal(halted.status, 200, halted.body);
    const { experiments, left } = JSON.parse(halted.body);
    assert.deepEqual([experiments, left], [['held'], []]);
    assert.equal(await reach(target, address), 'open');
    await site.phase('held', 'Halted');
    await daemon.api('POST', '/api/v1/experiments/held/resume');
    await injected('held');
    assert.equal(await reach(target, address), 'timeout');
    site.remove('held.yaml');
    await forgotten('held');
  });

  test('a suspended template runs when a person asks, and again', async () => {
    const { target, peer } = await pair();
    site.write(
      'template.yaml',
      experiment('template', target, [block(peer)], { duration: '1s', spec: { suspend: true } }),
    );
    await site.phase('template', 'Suspended');
    for (const run of ['template-1', 'template-2']) {
      const { status, body } = await daemon.api('POST', '/api/v1/experiments/template/run');
      assert.deepEqual([status, JSON.parse(body).run], [200, run]);
      await until(
        `${run} to complete`,
        () => site.run('template')?.id === run && site.run('template')?.phase === 'Completed',
      );
    }
  });

  test('a target that restarts gets the fault again within 500 ms of its start', async () => {
    const { target, peer, address } = await pair();
    site.write('restarted.yaml', experiment('restarted', target, [block(peer)]));
    await injected('restarted');
    await target.restart();
    const started = Date.parse((await target.inspect()).State.StartedAt);
    await until('the fault to be in again', () =>
      site.effects('restarted').some(({ strikes, phase }) => strikes === 2 && phase === 'injected'),
    );
    const took = (site.effects('restarted')[0]?.injectedAt ?? 0) - started;
    assert.ok(took < 500 + 1000, `${took} ms, with a second for a busy machine`);
    assert.equal(await reach(target, address), 'timeout');
    site.remove('restarted.yaml');
    await forgotten('restarted');
    assert.equal(await reach(target, address), 'open');
  });

  test('mode all: a new container that matches gets the fault; a peer that comes back elsewhere is followed', async () => {
    const { target, peer, network, address } = await pair();
    const alias = `db-${Date.now()}`;
    const database = await lab.run({ network, alias: [alias] });
    const manifest = experiment('follow', target, [{ type: 'network-block', to: [{ service: alias }] }], {
      spec: {
        targets: { select: { networks: [network], names: ['/-joins-/', `${target.name}`] }, mode: 'all' },
      },
    });
    site.write('follow.yaml', manifest);
    await injected('follow');
    const joined = await lab.run({ network, name: 'x-joins-x' });
    await until(
      'the new one to be hit',
      () =>
        site.effects('follow').length === 2 &&
        site.effects('follow').every(({ phase }) => phase === 'injected'),
    );
    assert.deepEqual(
      site
        .run('follow')
        ?.targets.map(({ name }) => name)
        .sort(),
      [joined.name, target.name].sort(),
    );
    const old = await database.ip4();
    await database.remove();
    const filler = await lab.run({ network }); // takes the old address
    const second = await lab.run({ network, alias: [alias] });
    for (const each of [filler, second]) await echoServer(each, { port: PORT, proto: 'tcp' });
    await until(
      'the new address to be blocked',
      async () => (await reach(target, await second.ip4())) === 'timeout',
    );
    assert.equal(await filler.ip4(), old);
    assert.equal(await reach(target, old), 'open', 'the old address is let go');
    assert.equal(await reach(target, address), 'open');
    assert.ok(peer);
    site.remove('follow.yaml');
    await forgotten('follow');
  });

  test('a container that has not opted in is never touched, and the refusal says what to do', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network, optIn: false }), await lab.run({ network })];
    await echoServer(peer, { port: PORT, proto: 'tcp' });
    site.write('outside.yaml', experiment('outside', target, [block(peer)]));
    const record = await site.phase('outside', 'Denied');
    assert.match(
      record.message,
      /1 container matches and has not opted in: re-create \S+ with the label squall.enabled=true/,
    );
    assert.equal(await reach(target, await peer.ip4()), 'open');
    const asked = await daemon.api('POST', '/api/v1/experiments/outside/run');
    assert.deepEqual(
      [asked.status, JSON.parse(asked.body).error.code],
      [409, 'SQ202'],
      'the refusal has its own code',
    );
    site.remove('outside.yaml');
    await forgotten('outside');
  });

  test('over the blast radius nothing is hit, and nothing is trimmed', async () => {
    const { target, peer } = await pair();
    const second = await lab.run();
    site.write(
      'radius.yaml',
      experiment('radius', [target, second], [block(peer)], { spec: { blastRadius: { maxTargets: 1 } } }),
    );
    const record = await site.phase('radius', 'Denied');
    assert.match(record.message, /2 containers would be hit .* maxTargets allows 1/);
    assert.deepEqual(site.effects('radius'), []);
    site.remove('radius.yaml');
    await forgotten('radius');
  });

  test('faults of one experiment go in together and come out in reverse', async () => {
    const { target, peer } = await pair();
    site.write(
      'several.yaml',
      experiment('several', target, [
        block(peer),
        { type: 'network-loss', percent: 10, to: [{ any: true }] },
        { type: 'container-pause' },
      ]),
    );
    await injected('several');
    assert.equal((await target.inspect()).State.Paused, true);
    site.remove('several.yaml');
    await forgotten('several');
    const recovered = site.effects('several').toSorted((a, b) => (a.recoveredAt ?? 0) - (b.recoveredAt ?? 0));
    assert.deepEqual(
      recovered.map(({ fault }) => fault.type),
      ['container-pause', 'network-loss', 'network-block'],
    );
    assert.equal((await target.inspect()).State.Paused, false);
  });

  test('two experiments that would pause one target: the later is refused and names the other', async () => {
    const target = await lab.run();
    site.write('first.yaml', experiment('first', target, [{ type: 'container-pause' }]));
    await injected('first');
    site.write('second.yaml', experiment('second', target, [{ type: 'container-restart' }]));
    const record = await site.phase('second', 'Denied');
    assert.match(record.message, /first/);
    site.remove('second.yaml');
    site.remove('first.yaml');
    await forgotten('first');
  });
});

describe('many targets', () => {
  test('20 at once are all hit, and all recovered', async () => {
    const lab = await openLab('many');
    const site = openSite('many');
    try {
      const network = await lab.network();
      const peer = await lab.run({ network });
      await echoServer(peer, { port: PORT, proto: 'tcp' });
      const address = await peer.ip4();
      const targets: LabContainer[] = [];
      while (targets.length < 20) targets.push(await lab.run({ network }));
      const reached = () =>
        Promise.all(targets.map((target) => connects(target, address, PORT, { timeoutMs: 300 })));
      await site.start();
      site.write(
        'many.yaml',
        experiment('many', targets, [{ type: 'network-block', to: [{ container: peer.name }] }]),
      );
      await until(
        'all to be hit',
        () => site.effects('many').filter(({ phase }) => phase === 'injected').length === 20,
      );
      assert.deepEqual(new Set(await reached()), new Set(['timeout']));
      site.remove('many.yaml');
      await until('it to be forgotten', () => site.experiment('many') === undefined);
      assert.deepEqual(new Set(await reached()), new Set(['open']));
    } finally {
      await site.close();
      await lab.close();
    }
  });
});
