import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Container } from '../../src/core/types.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { chooseBackend, restore, saveAll } from '../../src/runtime/iptables.ts';
import { createNetns, type Netns } from '../../src/runtime/netns.ts';
import { type Lab, openLab } from '../lab/lab.ts';

const docker = createDocker();
const netns = createNetns();
let lab: Lab;

before(async () => {
  lab = await openLab('iptables');
});
after(() => lab?.close());

async function fresh(): Promise<Container> {
  const container = await docker.inspect((await lab.run()).id);
  assert.ok(container);
  return container;
}

/** Enters with a list of the programs that were run. */
function counted<T>(container: Container, use: (ns: Netns, ran: string[]) => Promise<T>): Promise<T> {
  const ran: string[] = [];
  return netns.enter(container, (ns) =>
    use(
      {
        ...ns,
        run: (program, args, stdin) => {
          ran.push(program);
          return ns.run(program, args, stdin);
        },
      },
      ran,
    ),
  );
}

describe('chooseBackend', () => {
  it('asks a namespace once, each family apart', async () => {
    await counted(await fresh(), async (ns, ran) => {
      for (const family of [4, 6, 4, 6] as const) assert.equal(await chooseBackend(ns, family, 1), 'nft');
      assert.equal(ran.length, 2);
    });
  });

  it('knows what a sweep has read, for the process it was read for', async () => {
    await counted(await fresh(), async (ns, ran) => {
      await saveAll(ns, 4);
      await saveAll(ns, 4, 1);
      assert.equal(ran.length, 2);
      await chooseBackend(ns, 4, 1);
      assert.equal(ran.length, 2);
      await chooseBackend(ns, 4, 2);
      assert.equal(ran.length, 3);
    });
  });

  it('asks again once the namespace has tables of the older kind', async () => {
    await counted(await fresh(), async (ns) => {
      assert.equal(await chooseBackend(ns, 4, 1), 'nft');
      await ns.run('iptables-legacy', ['-A', 'OUTPUT', '-j', 'ACCEPT']);
      assert.equal(await chooseBackend(ns, 4, 1), 'legacy');
    });
  });

  it('asks again after a write that the kernel or the program could not take', async () => {
    await counted(await fresh(), async (ns, ran) => {
      await chooseBackend(ns, 4, 1);
      await assert.rejects(restore(ns, 4, 'nft', '*filter\n-A OUTPUT -m nosuchmatch -j DROP\nCOMMIT\n'), {
        code: 'SQ306',
      });
      const before = ran.length;
      await chooseBackend(ns, 4, 1);
      assert.equal(ran.length, before + 1);
    });
  });
});

describe('restore', () => {
  it('takes a chain that is gone for something that passes, in both back ends', async () => {
    await counted(await fresh(), async (ns) => {
      for (const backend of ['nft', 'legacy'] as const) {
        await assert.rejects(restore(ns, 4, backend, '*filter\n-D OUTPUT -j SQ-gone\nCOMMIT\n'), {
          code: 'SQ303',
          terminal: false,
        });
      }
    });
  });
});
