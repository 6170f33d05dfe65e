import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import type { Container } from '../../src/core/types.ts';
import { attemptProbe } from '../../src/probes/attempt.ts';
import { createGate, type GateState } from '../../src/probes/gate.ts';
import type { ProbeContext } from '../../src/probes/probe.ts';
import { createDocker } from '../../src/runtime/docker.ts';
import { type Lab, type LabContainer, openLab, until } from '../lab/lab.ts';
import { wrong } from './support.ts';

const docker = createDocker();
let lab: Lab;
let containers: Container[] = [];
const context: ProbeContext = { clock: systemClock, containers: () => containers, exec: docker.exec };

before(async () => {
  lab = await openLab('probes');
});
after(async () => {
  await lab.close();
  docker.close();
});

/** One try, in the world as it is now. */
async function probe(spec: ProbeSpec): Promise<[boolean, string]> {
  assert.deepEqual(wrong(spec), []);
  containers = await docker.list();
  const { up, message } = await attemptProbe(spec, context);
  return [up, message];
}

describe('an exec probe in real containers', () => {
  it('sees exit codes, output and the network of the container', async () => {
    const network = await lab.network();
    const [box] = await Promise.all([lab.run({ network }), lab.run({ network, alias: ['peer'] })]);
    const base = { type: 'exec', container: box.name };
    assert.deepEqual(await probe({ ...base, command: ['true'] }), [true, 'exit code 0']);
    assert.equal((await probe({ ...base, command: ['nslookup', 'peer', '127.0.0.11'] }))[0], true);
    assert.equal((await probe({ ...base, command: ['nslookup', 'nobody', '127.0.0.11'] }))[0], false);
    const failed = await probe({ ...base, command: ['sh', '-c', 'echo broken >&2; exit 3'] });
    assert.deepEqual(failed, [false, 'exit code 3, expected 0: "broken"']);
    const pong = { ...base, command: ['echo', 'PONG'] };
    assert.equal((await probe({ ...pong, expect: { output: '/^PONG\\n$/' } }))[0], true);
    assert.equal((await probe({ ...pong, expect: { output: 'PING' } }))[0], false);
  });

  it('is down at its timeout, and until what hangs has ended', async () => {
    const box = await lab.run({ project: 'probes', service: 'hung' });
    const command = ['sh', '-c', 'echo $$ >> /tmp/pids; exec sleep 4711'];
    const hangs = { type: 'exec', service: 'hung', command, timeout: '800ms' };
    const tooLate = [false, 'no result within 800ms: the program has not ended'];
    assert.deepEqual(await probe(hangs), tooLate);
    const [up, message] = await probe(hangs);
    assert.equal(up, false);
    assert.match(message, /an earlier try still runs there/);
    const pids = async () => (await box.exec(['cat', '/tmp/pids'])).stdout.trim().split('\n');
    const [pid = '', ...more] = await pids();
    assert.deepEqual(more, []);
    await box.exec(['kill', '-9', pid]);
    assert.deepEqual(await probe(hangs), tooLate);
    assert.equal((await pids()).length, 2);
  });

  it('is down in a container that is paused or gone', async () => {
    const box = await lab.run();
    const spec = { type: 'exec', container: box.name, command: ['true'] };
    await docker.pause(box.id);
    assert.deepEqual(await probe(spec), [false, `${box.name} is paused, not running`]);
    // the inventory may be a moment behind
    containers = containers.map((one) => (one.id === box.id ? { ...one, state: 'running' } : one));
    const { up, message } = await attemptProbe(spec, context);
    assert.equal(up, false);
    assert.match(message, /^SQ401: .* is paused/);
    await docker.unpause(box.id);
    assert.equal((await probe(spec))[0], true);
    await box.remove();
    assert.deepEqual(await probe(spec), [false, `there is no container ${box.name}`]);
  });
});

describe('a container probe of real containers', () => {
  const settled = (spec: ProbeSpec, message: string) =>
    until(message, async () => (await probe(spec))[1] === message);

  it('follows their state', async () => {
    const box = await lab.run();
    const spec = { type: 'container', container: box.name };
    assert.deepEqual(await probe(spec), [true, `${box.name} is running`]);
    await docker.pause(box.id);
    assert.deepEqual(await probe(spec), [false, `${box.name} is paused, expected running`]);
    await docker.unpause(box.id);
    await box.stop();
    assert.deepEqual(await probe(spec), [false, `${box.name} is exited, expected running`]);
    assert.equal((await probe({ ...spec, expect: { state: 'exited' } }))[0], true);
  });

  it('follows their health', async () => {
    const box = await lab.run({ healthcmd: ['test', '-e', '/tmp/fine'], healthIntervalMs: 100 });
    const spec = { type: 'container', container: box.name, expect: { state: 'healthy' } };
    await settled(spec, `${box.name} is unhealthy, expected healthy`);
    await box.exec(['touch', '/tmp/fine']);
    await settled(spec, `${box.name} is healthy`);
  });

  it('counts those of a service', async () => {
    const run = (name: string) => lab.run({ name, project: lab.label, service: 'web' });
    const [one]: LabContainer[] = await Promise.all([run('web-1'), run('web-2')]);
    const spec = { type: 'container', service: 'web', project: lab.label };
    assert.equal((await probe(spec))[0], true);
    await one?.stop();
    assert.equal((await probe(spec))[0], false);
    assert.equal((await probe({ ...spec, expect: { count: 1 } }))[0], true);
  });
});

describe('the health gate of a real service', () => {
  it('shuts when the service goes down, and opens when it is back', async () => {
    const box = await lab.run({ cmd: ['httpd', '-f', '-p', '8080', '-h', '/tmp'] });
    await box.exec(['sh', '-c', 'echo ok > /tmp/health']);
    const changes: GateState[] = [];
    const gate = createGate(context, (state) => changes.push(state));
    const url = `http://${await box.ip4()}:8080/health`;
    const probe = { type: 'http', url, expect: { body: 'ok' }, interval: '100ms', timeout: '1s' };
    assert.deepEqual(wrong(probe), []);
    try {
      gate.set([{ policy: 'default', probe }]);
      assert.equal(gate.state().holds, false);
      await until('an open gate', () => gate.state().holds);
      await docker.pause(box.id);
      await until('a shut gate', () => !gate.state().holds);
      assert.match(gate.state().message, /^policy default: probe http fails: no result within 1s: connected/);
      await docker.unpause(box.id);
      await until('an open gate', () => gate.state().holds);
      assert.deepEqual(
        changes.map(({ holds }) => holds),
        [false, true, false, true],
      );
    } finally {
      gate.close();
    }
  });
});
