import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { createNetns, netnsRefusal } from '../../src/runtime/netns.ts';

const ID = '0123456789abcdef'.repeat(4);
const OTHER = 'fedcba9876543210'.repeat(4);
const box = { id: ID, name: 'box', pid: 42 };

/** A made-up process file system: what can't be brought about with real processes on demand. */
describe('createNetns on a made-up /proc', () => {
  let proc: string;
  beforeEach(async () => {
    proc = await mkdtemp(join(tmpdir(), 'squall-proc-'));
  });
  afterEach(() => rm(proc, { recursive: true }));

  async function process(
    pid: number | string,
    { cgroup = `0::/docker/${ID}`, start = '1000' } = {},
  ): Promise<void> {
    await mkdir(join(proc, `${pid}/ns`), { recursive: true });
    await mkdir(join(proc, `${pid}/net`), { recursive: true });
    await writeFile(join(proc, `${pid}/ns/net`), '');
    await writeFile(join(proc, `${pid}/cgroup`), `${cgroup}\n`);
    await writeFile(join(proc, `${pid}/stat`), `${pid} (a) b) S ${'0 '.repeat(18)}${start} 0 0\n`);
  }

  const enter = (use: () => Promise<unknown> = async () => 'in') => createNetns({ proc }).enter(box, use);
  const code = (expected: string) => (error: unknown) =>
    error instanceof SquallError && error.code === expected;

  it('enters where every check holds, with any cgroup driver', async () => {
    for (const cgroup of [
      `0::/docker/${ID}`,
      `9:name=systemd:/docker/${ID}\n0::/`,
      `0::/system.slice/docker-${ID}.scope`,
      `0::/../${ID}`,
      `0::/docker/${OTHER}/docker/${ID}`,
    ]) {
      await process(42, { cgroup });
      assert.equal(await enter(), 'in', cgroup);
    }
  });

  it('refuses a process of something else', async () => {
    for (const cgroup of ['0::/user.slice', `0::/docker/${OTHER}`, `0::/docker/${ID}/docker/${OTHER}`]) {
      await process(42, { cgroup });
      await assert.rejects(enter(), (error) => code('SQ302')(error) && netnsRefusal(error) === 'reused');
    }
  });

  it('says that a container without a process is not running', async () => {
    await assert.rejects(enter(), code('SQ307'));
    await assert.rejects(
      createNetns({ proc }).enter({ ...box, pid: 0 }, async () => 'in'),
      code('SQ307'),
    );
  });

  it("refuses the host's namespace and Squall's own", async () => {
    await process(42);
    await mkdir(join(proc, 'self/ns'), { recursive: true });
    await link(join(proc, '42/ns/net'), join(proc, 'self/ns/net'));
    await assert.rejects(enter(), (error) => netnsRefusal(error) === 'own');
    await mkdir(join(proc, '1/ns'), { recursive: true });
    await link(join(proc, '42/ns/net'), join(proc, '1/ns/net'));
    await assert.rejects(enter(), (error) => netnsRefusal(error) === 'host');
  });

  it('reads no file of a process that took over the pid meanwhile', async () => {
    await process(42);
    await writeFile(join(proc, '42/net/if_inet6'), 'theirs');
    const read = createNetns({ proc }).enter(box, async (ns) => {
      await process(42, { cgroup: `0::/docker/${OTHER}` });
      return ns.procNet('if_inet6');
    });
    await assert.rejects(read, code('SQ302'));
  });

  it('takes a file that the kernel does not have as empty', async () => {
    await process(42);
    assert.equal(await createNetns({ proc }).enter(box, (ns) => ns.procNet('ip6_tables_names')), '');
  });

  it('closes its descriptor, whatever happens', async () => {
    await process(42);
    const open = async () => (await readdir('/proc/self/fd')).length;
    const before = await open();
    await enter();
    await enter(() => Promise.reject(new Error('no'))).catch(() => {});
    await process(42, { cgroup: '0::/' });
    await enter().catch(() => {});
    assert.equal(await open(), before);
  });
});
