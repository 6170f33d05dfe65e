import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { deadlineIn, systemClock } from '../../../src/core/clock.ts';
import { chainBase, formatMark } from '../../../src/core/marks.ts';
import type { Effect } from '../../../src/core/types.ts';
import type { FaultContext, World } from '../../../src/faults/fault.ts';
import { readMarks, removeChains } from '../../../src/faults/net/sweep.ts';
import { networkBlock } from '../../../src/faults/network-block.ts';
import { type Lab, type LabContainer, openLab } from '../../lab/lab.ts';
import { echoServer, flood } from '../../lab/traffic.ts';
import {
  context,
  inject,
  inNetns,
  intend,
  observe,
  observed,
  recover,
  recoverAll,
  snapshot,
  strike,
  worldOf,
} from '../net-support.ts';

const PORT = 5000;
const BLOCK = { type: 'network-block', to: [{ service: 'redis' }] };

let lab: Lab;
let network: string;
let web: LabContainer;
let redis: LabContainer;
let mail: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('net');
  network = await lab.network({ ipv6: true });
  [web, redis, mail] = (await Promise.all(
    ['web', 'redis', 'mail'].map((service) => lab.run({ network, project: 'shop', service })),
  )) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, mail]);
  await Promise.all(
    [redis, mail].flatMap((peer) =>
      ([4, 6] as const).map((family) => echoServer(peer, { port: PORT, family })),
    ),
  );
});
afterEach(recoverAll);
after(() => lab?.close());

const base = (effect: Effect) => chainBase(effect.instance, effect.runId, effect.slot);
const undoOf = (effect: Effect) => effect.undo as Record<string, unknown>;

async function cut(to: string): Promise<boolean> {
  const { received } = await flood(web, to, { port: PORT, count: 3, timeoutMs: 300 });
  return received === 0;
}

describe('injection converges', () => {
  it('without a gap: nothing lost beside it, nothing let through', async () => {
    const effect = await strike(BLOCK, web, world);
    const [kept, blocked] = [await mail.ip4(), await redis.ip4()];
    const floods = Promise.all(
      [kept, blocked].map((to) => flood(web, to, { port: PORT, count: 1500, timeoutMs: 400 })),
    );
    let rounds = 0;
    let running = true;
    const stop = floods.finally(() => {
      running = false;
    });
    while (running) {
      rounds++;
      const resolved = { v4: [`192.0.2.${rounds % 200}`, blocked].sort(), v6: [], any: false, missing: [] };
      await inject({ ...effect, resolved, deadline: deadlineIn(systemClock, 60_000 + rounds * 1000) });
      await setImmediate();
    }
    const [beside, inside] = await stop;
    assert.ok(rounds > 10, `${rounds} rounds`);
    assert.deepEqual(beside?.lost, []);
    assert.equal(inside?.received, 0);
  });

  it('to the same thing twice', async () => {
    const effect = await strike(BLOCK, web, world);
    const once = await snapshot(web);
    await inject(effect);
    assert.equal(await snapshot(web), once);
  });

  it('beside seven others at once', async () => {
    const was = await snapshot(web);
    const effects = await Promise.all(Array.from({ length: 8 }, () => strike(BLOCK, web, world)));
    assert.deepEqual(new Set(await Promise.all(effects.map(observe))), new Set(['present']));
    await Promise.all(effects.map(recover));
    assert.equal(await snapshot(web), was);
  });

  it('to a wall clock that was stepped (a made-up clock): the end moves with it', async () => {
    const effect = await strike(BLOCK, web, world);
    const stepped = { ...context, clock: { ...systemClock, now: () => Date.now() + 3_600_000 } };
    assert.equal(await networkBlock.observe(stepped, effect), 'drifted');
    await networkBlock.inject(stepped, effect);
    assert.equal(await networkBlock.observe(stepped, effect), 'present');
    assert.equal(await observe(effect), 'drifted');
    const [{ mark } = { mark: undefined }] = await readMarks(context.netns, await observed(web));
    assert.ok(Math.abs((mark?.deadline ?? 0) - effect.deadline.wall - 3_600_000) < 100);
  });

  it('to another filter, direction and family', async () => {
    const was = await snapshot(web);
    const effect = await strike(BLOCK, web, world);
    const edited = {
      ...effect,
      fault: { ...BLOCK, direction: 'ingress', ports: [1] },
      resolved: { v4: [await redis.ip4()], v6: [], any: false, missing: [] },
    };
    await inject(edited);
    assert.equal(await observe(edited), 'present', 'as edited');
    assert.equal(await observe(effect), 'drifted', 'as before the edit');
    assert.deepEqual([await cut(await redis.ip4()), await cut(await redis.ip6())], [false, false]);
    assert.equal(
      (await inNetns(web, 'ip6tables-nft-save')).includes('SQ-'),
      false,
      'no IPv6 peer: no IPv6 chain',
    );
    await recover(edited);
    assert.equal(await snapshot(web), was);
  });

  it('to nothing where every peer died, and never to everything', async () => {
    const effect = await strike(BLOCK, web, world);
    const lost = { ...effect, resolved: { v4: [], v6: [], any: false, missing: ['service redis'] } };
    await inject(lost);
    assert.equal(await observe(lost), 'present');
    assert.deepEqual([await cut(await mail.ip4()), await cut(await redis.ip4())], [false, false]);
    await inject(effect);
    assert.deepEqual([await cut(await mail.ip4()), await cut(await redis.ip6())], [false, true]);
  });

  it('not halfway: where IPv6 fails (made to), IPv4 goes back to what it was', async () => {
    const was = await snapshot(web);
    const broken = failing(context, /ip6tables.*restore/);
    const fresh = await intend(BLOCK, web, world);
    await assert.rejects(networkBlock.inject(broken, fresh), { code: 'SQ401' });
    assert.equal(await snapshot(web), was);
    const effect = await strike(BLOCK, web, world);
    const stands = await snapshot(web);
    const more = {
      ...effect,
      resolved: { ...(effect.resolved as object), v4: ['192.0.2.1'], v6: ['fd00::1'] },
    };
    await assert.rejects(networkBlock.inject(broken, more), { code: 'SQ401' });
    assert.equal(await snapshot(web), stands);
  });
});

/** A context whose programs fail where their path matches. */
function failing(real: FaultContext, program: RegExp): FaultContext {
  return {
    ...real,
    netns: {
      enter: (container, use) =>
        real.netns.enter(container, (ns) =>
          use({
            ...ns,
            run: (path, args, stdin) =>
              program.test(path)
                ? Promise.resolve({ code: 1, stdout: '', stderr: 'made to fail' })
                : ns.run(path, args, stdin),
          }),
        ),
    },
  };
}

describe('observation', () => {
  it('sees what someone changed, and injection mends it', async () => {
    const changes: [string, 'drifted' | 'absent', (effect: Effect) => string[][]][] = [
      ['a rule before the jump', 'drifted', () => [['-I', 'OUTPUT', '-p', 'tcp', '-j', 'ACCEPT']]],
      ['a rule removed', 'drifted', (effect) => [['-D', `${base(effect)}o`, '2']]],
      ['a chain emptied', 'drifted', (effect) => [['-F', `${base(effect)}ov`]]],
      ['the jump removed', 'drifted', () => [['-D', 'OUTPUT', '1']]],
      ['everything flushed', 'drifted', () => [['-F'], ['-X']]],
    ];
    for (const [what, expected, commands] of changes) {
      const effect = await strike(BLOCK, web, world);
      assert.equal(await observe(effect), 'present', what);
      for (const command of commands(effect)) await inNetns(web, 'iptables-nft', ...command);
      assert.equal(await observe(effect), expected, what);
      await inject(effect);
      assert.equal(await observe(effect), 'present', what);
      assert.equal(await cut(await redis.ip4()), true, what);
      await recover(effect);
      await inNetns(web, 'iptables-nft', '-F', 'OUTPUT');
    }
  });

  it('sees rules gone from both families as absent', async () => {
    const effect = await strike(BLOCK, web, world);
    for (const program of ['iptables-nft', 'ip6tables-nft']) await inNetns(web, program, '-F');
    assert.equal(await observe(effect), 'absent');
  });

  it('sees another end as drift', async () => {
    const effect = await strike(BLOCK, web, world);
    assert.equal(await observe({ ...effect, deadline: deadlineIn(systemClock, 300_000) }), 'drifted');
  });

  it('sees a target that stopped or restarted as gone; recovery is done then', async () => {
    const short = await lab.run({ network, project: 'shop', service: 'short' });
    const effect = await strike(BLOCK, short, await worldOf([short, redis]));
    await short.restart();
    assert.equal(await observe(effect), 'gone');
    assert.equal((await recover(effect)).done, true);
    await short.stop();
    assert.equal(await observe(effect), 'gone');
    assert.equal((await recover(effect)).done, true);
    await assert.rejects(inject(effect), { code: 'SQ307' });
  });
});

describe('recovery', () => {
  it('does nothing the second time, nor without an injection', async () => {
    const was = await snapshot(web);
    const effect = await intend(BLOCK, web, world);
    const nothing = { done: true, how: 'no rules were there' };
    assert.deepEqual(await recover(effect), nothing);
    await inject(effect);
    assert.deepEqual(await recover(effect), { done: true, how: 'rules removed' });
    assert.deepEqual(await recover(effect), nothing);
    assert.equal(await snapshot(web), was);
  });

  it('finds the rules by itself where the journal names no back end', async () => {
    const was = await snapshot(web);
    const effect = await strike(BLOCK, web, world);
    const { pid, netns } = undoOf(effect);
    await recover({ ...effect, undo: { pid: pid as number, netns: netns as number } });
    assert.equal(await snapshot(web), was);
  });

  it('works from half: a chain without a jump, a jump with a chain emptied', async () => {
    const was = await snapshot(web);
    const effect = await strike(BLOCK, web, world);
    await inNetns(web, 'iptables-nft', '-D', 'OUTPUT', '1');
    await inNetns(web, 'ip6tables-nft', '-F', `${base(effect)}o`);
    await recover(effect);
    assert.equal(await snapshot(web), was);
  });

  it('leaves other effects, and rules of others, alone', async () => {
    await inNetns(web, 'iptables-nft', '-N', 'THEIRS');
    await inNetns(
      web,
      'iptables-nft',
      '-A',
      'OUTPUT',
      '-m',
      'comment',
      '--comment',
      'say "hi"',
      '-j',
      'THEIRS',
    );
    const was = await snapshot(web);
    const first = await strike(BLOCK, web, world);
    const one = await snapshot(web);
    const second = await strike({ ...BLOCK, to: [{ service: 'mail' }] }, web, world);
    assert.deepEqual([await observe(first), await observe(second)], ['present', 'present']);
    await recover(second);
    assert.equal(await snapshot(web), one);
    await recover(first);
    assert.equal(await snapshot(web), was);
    await inNetns(web, 'iptables-nft', '-F', 'OUTPUT');
    await inNetns(web, 'iptables-nft', '-X', 'THEIRS');
  });

  it('does not enter a container that took over the pid', async () => {
    const effect = await strike(BLOCK, web, world);
    const stranger = await snapshot(mail);
    const reused = { ...effect, undo: { ...undoOf(effect), pid: await mail.pid() } as Effect['undo'] };
    assert.deepEqual(await recover(reused), {
      done: true,
      how: 'the target is gone, and its rules with it',
    });
    assert.equal(await observe(reused), 'gone');
    assert.equal(await snapshot(mail), stranger);
  });
});

describe('the back end', () => {
  const everyone = { type: 'network-block', to: [{ cidr: '192.0.2.0/24' }] };

  it('is nft where nothing is there, and legacy tables are not created by looking', async () => {
    const plain = await lab.run();
    const effect = await strike(everyone, plain, await worldOf([plain]));
    assert.equal(undoOf(effect).v4, 'nft');
    await observe(effect);
    await readMarks(context.netns, await observed(plain));
    await recover({
      ...effect,
      undo: { pid: undoOf(effect).pid, netns: undoOf(effect).netns } as Effect['undo'],
    });
    const pid = await plain.pid();
    for (const file of ['ip_tables_names', 'ip6_tables_names']) {
      assert.equal(await readFile(`/proc/${pid}/net/${file}`, 'utf8'), '');
    }
  });

  it('is legacy in a container that brought legacy rules', async () => {
    const old = await lab.run();
    await inNetns(old, 'iptables-legacy', '-A', 'OUTPUT', '-j', 'ACCEPT');
    await legacyHolds(old);
  });

  it("is legacy where Docker's DNS rules are, whatever else holds rules", async () => {
    const old = await lab.run();
    await inNetns(old, 'iptables-nft', '-A', 'INPUT', '-j', 'ACCEPT');
    const dns = [
      '-d',
      '127.0.0.11/32',
      '-p',
      'udp',
      '--dport',
      '53',
      '-j',
      'DNAT',
      '--to',
      '127.0.0.11:4053',
    ];
    await inNetns(old, 'iptables-legacy', '-t', 'nat', '-A', 'OUTPUT', ...dns);
    await inNetns(old, 'iptables-legacy', '-A', 'INPUT', '-j', 'ACCEPT');
    await legacyHolds(old);
  });

  async function legacyHolds(old: LabContainer): Promise<void> {
    const peer = await lab.run();
    await echoServer(peer, { port: PORT });
    const was = await snapshot(old);
    const fault = { type: 'network-block', to: [{ container: peer.name }], protocol: 'udp' };
    const effect = await strike(fault, old, await worldOf([old, peer]));
    assert.equal(undoOf(effect).v4, 'legacy');
    const { received } = await flood(old, await peer.ip4(), { port: PORT, count: 3, timeoutMs: 300 });
    assert.equal(received, 0);
    assert.match(await inNetns(old, 'iptables-legacy-save'), /-A OUTPUT ! -o lo .*\n/);
    assert.equal((await inNetns(old, 'iptables-nft-save')).includes('SQ-'), false);
    assert.equal(await observe(effect), 'present');
    await inject({ ...effect, deadline: deadlineIn(systemClock, 500_000) });
    assert.equal(await observe(effect), 'drifted');
    await recover(effect);
    assert.equal(await observe(effect), 'absent');
    assert.equal(await snapshot(old), was);
  }
});

describe('the sweep', () => {
  it('reads marks of every family and back end', async () => {
    const effect = await strike({ ...BLOCK, direction: 'both' }, web, world);
    const marks = await readMarks(context.netns, await observed(web));
    const chains = ['o', 'ov', 'i', 'iv'].map((suffix) => base(effect) + suffix);
    const expected = [4, 6].flatMap((family) => chains.map((chain) => `${family} nft ${chain}`));
    assert.deepEqual(
      marks.map(({ family, backend, chain }) => `${family} ${backend} ${chain}`).sort(),
      expected.sort(),
    );
    for (const { mark } of marks) {
      const { instance, experiment, runId: run, deadline } = effect;
      assert.deepEqual(mark, { instance, experiment, run, deadline: deadline.wall });
    }
  });

  it('removes what is named and marked, and nothing else', async () => {
    const was = await snapshot(web);
    const kept = await strike({ ...BLOCK, to: [{ service: 'mail' }] }, web, world);
    await inNetns(web, 'iptables-nft', '-N', 'SQ-unmarked');
    const stands = await snapshot(web);
    const orphan = await strike(BLOCK, web, world);
    const container = await observed(web);
    const seen = await readMarks(context.netns, container);
    const doomed = seen.filter(({ mark }) => mark?.run !== kept.runId);
    assert.ok(doomed.some(({ chain, mark }) => chain === 'SQ-unmarked' && mark === undefined));
    const removed = await removeChains(context.netns, container, doomed);
    assert.deepEqual(removed.sort(), [`${base(orphan)}o`, `${base(orphan)}ov`]);
    assert.equal(await snapshot(web), stands);
    assert.equal(await observe(kept), 'present');
    await recover(kept);
    await inNetns(web, 'iptables-nft', '-X', 'SQ-unmarked');
    assert.equal(await snapshot(web), was);
  });

  it('knows a flushed chain by its jump', async () => {
    const effect = await strike({ ...BLOCK, to: [{ cidr: '192.0.2.0/24' }] }, web, world);
    await inNetns(web, 'iptables-nft', '-F', `${base(effect)}o`);
    const marks = await readMarks(context.netns, await observed(web));
    const { mark } = marks.find(({ chain }) => chain === `${base(effect)}o`) ?? {};
    assert.ok(mark);
    assert.match(formatMark(mark), / e=net-test /);
  });
});
