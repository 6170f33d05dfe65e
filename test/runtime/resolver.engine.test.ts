import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Container } from '../../src/core/types.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { resolveInTarget } from '../../src/runtime/resolver.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';

const docker = createDocker();
const netns = createNetns();
let lab: Lab;
let network: string;
let web: LabContainer;
let redis: LabContainer;

before(async () => {
  lab = await openLab('resolver');
  network = await lab.network({ ipv6: true });
  [web, redis] = (await Promise.all([lab.run({ network }), lab.run({ network, alias: ['redis'] })])) as [
    LabContainer,
    LabContainer,
  ];
});
after(async () => {
  docker.close();
  await lab?.close();
});

async function resolve(name: string, change: Partial<Container> = {}): Promise<string[]> {
  const container = await docker.inspect(web.id);
  assert.ok(container);
  return netns.enter(container, (ns) => resolveInTarget(ns, { ...container, ...change }, name));
}

describe('a name, resolved inside a target', () => {
  it("comes from the engine's DNS, both families", async () => {
    assert.deepEqual((await resolve('redis')).sort(), [await redis.ip4(), await redis.ip6()].sort());
  });

  it("comes from the container's hosts file first", async () => {
    assert.deepEqual(await resolve('localhost'), ['127.0.0.1', '::1']);
    assert.ok((await resolve(web.id.slice(0, 12))).includes(await web.ip4()));
  });

  it('is asked of the engine where the files are not to be seen from here', async () => {
    const change = { resolvConfPath: '/nonexistent/resolv.conf', hostsPath: '' };
    assert.equal((await resolve('redis', change)).length, 2);
  });

  it('throws, but not for good, where no server answers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'squall-resolv-'));
    const resolvConfPath = join(folder, 'resolv.conf');
    await writeFile(resolvConfPath, `nameserver ${await redis.ip4()}\n`); // where nothing listens on port 53
    await assert.rejects(resolve('db.example', { resolvConfPath }), { code: 'SQ209', terminal: false });
    await rm(folder, { recursive: true });
  });
});
