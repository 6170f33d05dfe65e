import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { chainBase } from '../../../src/core/marks.ts';
import type { Effect } from '../../../src/core/types.ts';
import type { FaultContext, World } from '../../../src/faults/fault.ts';
import { readMarks } from '../../../src/faults/net/sweep.ts';
import { networkBlock } from '../../../src/faults/network-block.ts';
import type { Netns } from '../../../src/runtime/netns.ts';
import { type Lab, type LabContainer, openLab } from '../../lab/lab.ts';
import {
  again,
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

const BLOCK = { type: 'network-block', to: [{ service: 'redis' }], direction: 'both' };
const verify = (effect: Effect, by = context) => networkBlock.verify?.(by, effect);

let lab: Lab;
let web: LabContainer;
let redis: LabContainer;
let plain: LabContainer;
let world: World;

before(async () => {
  lab = await openLab('first-write');
  const [both, four] = await Promise.all([lab.network({ ipv6: true }), lab.network()]);
  [web, redis, plain] = (await Promise.all([
    lab.run({ network: both, project: 'shop', service: 'web' }),
    lab.run({ network: both, project: 'shop', service: 'redis' }),
    lab.run({ network: four, project: 'shop', service: 'plain' }),
  ])) as [LabContainer, LabContainer, LabContainer];
  world = await worldOf([web, redis, plain]);
});
afterEach(recoverAll);
after(() => lab?.close());

type Run = Netns['run'];

/** A context whose programs go through `wrap`. */
function through(wrap: (run: Run) => Run): FaultContext {
  return {
    ...context,
    netns: {
      enter: (container, use) => context.netns.enter(container, (ns) => use({ ...ns, run: wrap(ns.run) })),
    },
  };
}

/** Base names of the programs that `work` runs, sorted. */
async function programs(work: (by: FaultContext) => Promise<unknown> | undefined): Promise<string[]> {
  const ran: string[] = [];
  await work(
    through((run) => (program, args, stdin) => {
      ran.push(program.split('/').at(-1) ?? '');
      return run(program, args, stdin);
    }),
  );
  return ran.sort();
}

async function jumps(container: LabContainer, effect: Effect): Promise<number[]> {
  const base = chainBase(effect.instance, effect.runId, effect.slot);
  const saved = await Promise.all(
    ['iptables-nft-save', 'ip6tables-nft-save'].map((program) => inNetns(container, program)),
  );
  return saved.map((text) => text.split('\n').filter((line) => line.endsWith(`-j ${base}o`)).length);
}

describe('what a fault costs in programs', () => {
  it('is one write to put in, one look to confirm, and one of each to take out, in each family', async () => {
    await Promise.all([web, plain].map(async (one) => readMarks(context.netns, await observed(one))));
    const families = new Map([
      [web, ['ip6tables-nft', 'iptables-nft']],
      [plain, ['iptables-nft']],
    ]);
    for (const [target, expected] of families) {
      const all = (...verbs: string[]) => expected.flatMap((name) => verbs.map((verb) => `${name}-${verb}`));
      const was = await snapshot(target);
      const intended = await intend(BLOCK, target, world);
      const container = await observed(target);
      assert.deepEqual(await programs((by) => networkBlock.prepare(by, intended, container)), []);
      assert.deepEqual(await programs((by) => networkBlock.inject(by, intended)), all('restore'));
      assert.deepEqual(await programs((by) => verify(intended, by)), all('save'));
      assert.deepEqual(
        await programs((by) => networkBlock.recover(by, intended)),
        all('restore', 'save').sort(),
      );
      assert.equal(await snapshot(target), was);
    }
  });
});

describe('the first write', () => {
  it('leaves one jump when it is repeated, even at once', async () => {
    const was = await snapshot(web);
    const effect = await intend(BLOCK, web, world);
    await Promise.all(Array.from({ length: 6 }, () => networkBlock.inject(context, effect)));
    assert.deepEqual(await jumps(web, effect), [1, 1]);
    await inject(effect);
    assert.deepEqual(await jumps(web, effect), [1, 1]);
    assert.equal(await observe(effect), 'present');
    await recover(effect);
    assert.equal(await snapshot(web), was);
  });

  it('mends what a half-done try left', async () => {
    const was = await snapshot(web);
    const effect = await intend(BLOCK, web, world);
    await networkBlock.inject(context, effect);
    await inNetns(web, 'iptables-nft', '-D', 'INPUT', '1');
    await inNetns(web, 'ip6tables-nft', '-F', `${chainBase(effect.instance, effect.runId, 0)}o`);
    await inject(effect);
    assert.equal(await observe(effect), 'present');
    await recover(effect);
    assert.equal(await snapshot(web), was);
  });

  it('is for a namespace that the journal does not know: a retry looks first', async () => {
    const effect = await intend(BLOCK, web, world);
    const retried = await again(effect, web);
    const ran = await programs((by) => networkBlock.inject(by, retried));
    assert.equal(ran.filter((name) => name.endsWith('-save')).length, 2);
    assert.equal(await observe(retried), 'present');
    await recover(retried);
  });
});

describe('verification', () => {
  it('mends what is doubled or pushed down', async () => {
    const was = await snapshot(web);
    const effect = await strike(BLOCK, web, world);
    for (const program of ['iptables-nft', 'ip6tables-nft']) {
      const saved = await inNetns(web, `${program}-save`);
      const jump = saved.match(/^-A OUTPUT (.* -j SQ-\S+)$/m)?.[1] ?? '';
      const args = jump.split(/ (?=(?:[^"]*"[^"]*")*[^"]*$)/).map((arg) => arg.replaceAll('"', ''));
      await inNetns(web, program, '-A', 'OUTPUT', ...args);
      await inNetns(web, program, '-I', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT');
    }
    assert.deepEqual(await jumps(web, effect), [2, 2]);
    await verify(effect);
    assert.deepEqual(await jumps(web, effect), [1, 1]);
    assert.equal(await observe(effect), 'present');
    for (const program of ['iptables-nft', 'ip6tables-nft']) {
      await inNetns(web, program, '-D', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT');
    }
    await recover(effect);
    assert.equal(await snapshot(web), was);
  });

  it('fails where someone keeps removing the rules', async () => {
    const effect = await intend(BLOCK, web, world);
    const contested = through((run) => async (program, args, stdin) => {
      const result = await run(program, args, stdin);
      if (program.includes('ip6tables') || !program.endsWith('-restore')) return result;
      await inNetns(web, 'iptables-nft', '-F', `${chainBase(effect.instance, effect.runId, 0)}ov`);
      return result;
    });
    await networkBlock.inject(contested, effect);
    await assert.rejects(async () => verify(effect, contested), { code: 'SQ401', terminal: false });
    await recover(effect);
  });

  it('brings nothing back that was recovered meanwhile', async () => {
    const was = await snapshot(web);
    const effect = await strike(BLOCK, web, world);
    await recover(effect);
    await assert.rejects(async () => verify(effect), { code: 'SQ401' });
    assert.equal(await snapshot(web), was);
  });

  it('leaves a target alone that is gone', async () => {
    const short = await lab.run({ project: 'shop', service: 'short' });
    const fault = { type: 'network-block', to: [{ cidr: '192.0.2.0/24' }] };
    const effect = await strike(fault, short, await worldOf([short]));
    await short.stop();
    await verify(effect);
  });
});

describe('removal at once', () => {
  it('falls back to a look where something else stands than the journal says', async () => {
    const changes: [string, (effect: Effect) => Promise<Effect>][] = [
      ['another direction', async (effect) => ({ ...effect, fault: { ...BLOCK, direction: 'egress' } })],
      [
        'another deadline',
        async (effect) => ({ ...effect, deadline: { ...effect.deadline, boot: 0, wall: 0 } }),
      ],
      [
        'a jump pushed down and a chain emptied',
        async (effect) => {
          await inNetns(web, 'iptables-nft', '-F', `${chainBase(effect.instance, effect.runId, 0)}o`);
          await inNetns(web, 'ip6tables-nft', '-D', 'OUTPUT', '1');
          return effect;
        },
      ],
    ];
    for (const [what, change] of changes) {
      const was = await snapshot(web);
      const effect = await change(await strike(BLOCK, web, world));
      assert.deepEqual(await recover(effect), { done: true, how: 'rules removed' }, what);
      assert.equal(await snapshot(web), was, what);
    }
  });
});

describe('preparation', () => {
  it('keeps the back end that holds the rules, whatever came since', async () => {
    const old = await lab.run({ project: 'shop', service: 'old' });
    const fault = { type: 'network-block', to: [{ cidr: '192.0.2.0/24' }] };
    const effect = await strike(fault, old, await worldOf([old]));
    await inNetns(old, 'iptables-nft', '-F', 'OUTPUT');
    await inNetns(old, 'iptables-legacy', '-A', 'OUTPUT', '-j', 'ACCEPT');
    const prepared = await again(effect, old);
    assert.equal((prepared.undo as { v4?: string }).v4, 'nft');
    await inject(prepared);
    assert.deepEqual(await jumps(old, effect), [1, 0]);
    assert.equal((await inNetns(old, 'iptables-legacy-save')).includes('SQ-'), false);
    await recover(prepared);
    assert.equal((await snapshot(old)).includes('SQ-'), false);
  });
});
