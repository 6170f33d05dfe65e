import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import Docker from 'dockerode';
import { exec } from '../../src/runtime/exec.ts';
import { ensureImage } from './image.ts';
import { LABEL_LAB, type Lab, openLab, until } from './lab.ts';
import { connects, echoServer, flood, icmp, pinger } from './traffic.ts';

describe('the lab', () => {
  let lab: Lab;
  before(async () => {
    lab = await openLab('self');
  });
  after(() => lab.close());

  it('runs opted-in containers that see each other by address and by alias', async () => {
    const network = await lab.network();
    const server = await lab.run({ network, alias: ['peer'], project: 'shop', service: 'web' });
    const client = await lab.run({ network, optIn: false });
    assert.equal(await icmp(client, await server.ip4()), true);
    assert.equal(await icmp(client, 'peer'), true);
    assert.equal(await icmp(client, 'web'), true);
    const { Labels } = (await server.inspect()).Config;
    assert.equal(Labels['squall.enabled'], 'true');
    assert.equal(Labels['com.docker.compose.service'], 'web');
    assert.equal((await client.inspect()).Config.Labels['squall.enabled'], undefined);
  });

  it('makes its image from the machine where the engine has none', async () => {
    const image = `squall-lab/box:${lab.label}`;
    try {
      await ensureImage(lab.docker, image);
      const box = await lab.run({ image, cmd: ['sh', '-c', 'id -un; exec sleep 1000000'] });
      assert.equal((await box.exec(['id', '-un'])).stdout, 'root\n');
      await box.remove();
    } finally {
      await lab.docker.getImage(image).remove({ force: true });
    }
  });

  it('gives the exit code and both streams of a command', async () => {
    const box = await lab.run();
    const result = await box.exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    assert.deepEqual(result, { code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  for (const family of [4, 6] as const) {
    it(`measures traffic over IPv${family}, and tells open from refused from silent`, async () => {
      const network = await lab.network({ ipv6: family === 6 });
      const [server, client] = await Promise.all([lab.run({ network }), lab.run({ network })]);
      const to = family === 6 ? await server.ip6() : await server.ip4();
      const udp = await echoServer(server, { family });
      const tcp = await echoServer(server, { proto: 'tcp', family });
      const results = await Promise.all([
        flood(client, to, { port: udp.port, count: 50 }),
        flood(client, to, { port: tcp.port, count: 50, proto: 'tcp' }),
      ]);
      for (const result of results) {
        assert.deepEqual([result.sent, result.received, result.lost], [50, 50, []]);
        assert.equal(result.rttMs.length, 50);
      }
      assert.equal(await udp.received(), 50);
      assert.equal(await icmp(client, to), true);
      assert.equal(await connects(client, to, tcp.port), 'open');
      await tcp.close();
      assert.equal(await connects(client, to, tcp.port), 'refused');
      await server.stop();
      assert.equal(await connects(client, to, tcp.port, { timeoutMs: 300 }), 'timeout');
    });
  }

  it('times the first packet that is dropped and the first that gets through again', async () => {
    const network = await lab.network();
    const [server, client] = await Promise.all([lab.run({ network }), lab.run({ network })]);
    const to = await server.ip4();
    const { port } = await echoServer(server);
    const ping = await pinger(client, to, { port, intervalMs: 1 });
    await ping.waitForReply();
    const rule = (verb: string) =>
      inNetns(client.pid(), ['iptables', verb, 'OUTPUT', '-d', to, '-j', 'DROP']);

    const beforeDrop = performance.timeOrigin + performance.now();
    const loss = ping.waitForLoss();
    await rule('-I');
    const lostAt = await loss;
    assert.ok(lostAt >= beforeDrop && lostAt < beforeDrop + 5000, `${lostAt - beforeDrop} ms`);

    const reply = ping.waitForReply();
    await rule('-D');
    assert.ok((await reply) > lostAt);
    await ping.close();
    const inOrder = ping.samples().map(({ seq }) => seq);
    assert.equal(new Set(inOrder).size, inOrder.length);
  });

  it('leaves no process in a namespace once it is closed', async () => {
    const own = await openLab('ends');
    const box = await own.run();
    const { port } = await echoServer(box);
    await pinger(box, '127.0.0.1', { port });
    const ns = (await exec('readlink', [`/proc/${await box.pid()}/ns/net`])).stdout.trim();
    const inside = async () => (await exec('lsns', ['-n', '-o', 'NS', '-t', 'net'])).stdout;
    const inode = /\d+/.exec(ns)?.[0] ?? 'none';
    assert.match(await inside(), new RegExp(inode));
    await own.close();
    await until('the namespace to go', async () => !(await inside()).includes(inode));
    const filters = { label: [`${LABEL_LAB}=${own.label}`] };
    assert.deepEqual(await new Docker().listContainers({ all: true, filters }), []);
  });
});

async function inNetns(pid: Promise<number>, command: string[]): Promise<void> {
  const { code, stderr } = await exec('nsenter', ['-t', String(await pid), '-n', ...command]);
  assert.equal(code, 0, stderr);
}
