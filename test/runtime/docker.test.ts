import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type Dockerode from 'dockerode';
import { connectionOptions, toContainer } from '../../src/runtime/docker.ts';
import { toEvent } from '../../src/runtime/docker-events.ts';
import { toInfo } from '../../src/runtime/docker-map.ts';

/** As much of an inspection as is read. */
function inspection(change: { State?: object; HostConfig?: object; Networks?: object } = {}) {
  const found = {
    Id: 'f'.repeat(64),
    Name: '/box',
    ResolvConfPath: '/var/lib/docker/containers/f/resolv.conf',
    HostsPath: '/var/lib/docker/containers/f/hosts',
    Config: { Image: 'squall-lab/box:1', Labels: { tier: 'app' } },
    State: { Status: 'running', Pid: 77, StartedAt: '2026-01-01T00:00:00.123456789Z', ...change.State },
    HostConfig: { NetworkMode: 'default', RestartPolicy: { Name: '' }, ...change.HostConfig },
    NetworkSettings: { Networks: change.Networks ?? {} },
  };
  return found as unknown as Dockerode.ContainerInspectInfo;
}

describe('a container as the engine describes it', () => {
  it('keeps what Squall needs', () => {
    assert.deepEqual(toContainer(inspection()), {
      id: 'f'.repeat(64),
      name: 'box',
      image: 'squall-lab/box:1',
      labels: { tier: 'app' },
      state: 'running',
      health: 'none',
      pid: 77,
      startedAt: '2026-01-01T00:00:00.123456789Z',
      attachments: [],
      networkMode: 'default',
      autoRemove: false,
      restartPolicy: 'no',
      resolvConfPath: '/var/lib/docker/containers/f/resolv.conf',
      hostsPath: '/var/lib/docker/containers/f/hosts',
    });
  });

  it('has a health only where there is a healthcheck', () => {
    const healthOf = (Health?: object) => toContainer(inspection({ State: { Health } })).health;
    assert.deepEqual(
      [
        healthOf(),
        healthOf({ Status: 'none' }),
        healthOf({ Status: 'starting' }),
        healthOf({ Status: 'unhealthy' }),
      ],
      ['none', 'none', 'starting', 'unhealthy'],
    );
  });

  it('knows its restart policy and AutoRemove', () => {
    const { restartPolicy, autoRemove } = toContainer(
      inspection({ HostConfig: { RestartPolicy: { Name: 'on-failure' }, AutoRemove: true } }),
    );
    assert.deepEqual([restartPolicy, autoRemove], ['on-failure', true]);
  });

  it('has the names that DNS answers for on user networks, and none on the default bridge', () => {
    const { attachments } = toContainer(
      inspection({
        Networks: {
          shop: { IPAddress: '10.1.0.2', GlobalIPv6Address: 'fd00::2', Aliases: ['api', 'ffffffffffff'] },
          bridge: { IPAddress: '172.17.0.2', GlobalIPv6Address: '', Aliases: null },
          newer: { IPAddress: '', GlobalIPv6Address: '', Aliases: null, DNSNames: ['box', 'web'] },
        },
      }),
    );
    assert.deepEqual(attachments, [
      { network: 'bridge', ip4: '172.17.0.2', aliases: [] },
      { network: 'newer', aliases: ['box', 'web'] },
      { network: 'shop', ip4: '10.1.0.2', ip6: 'fd00::2', aliases: ['box', 'api', 'ffffffffffff'] },
    ]);
  });

  it("names its network where it was made with the network's id", () => {
    const id = 'c'.repeat(64);
    const Networks = { shop: { NetworkID: id, IPAddress: '', GlobalIPv6Address: '' } };
    const modeOf = (NetworkMode: string) =>
      toContainer(inspection({ Networks, HostConfig: { NetworkMode } })).networkMode;
    assert.deepEqual(
      [modeOf(id), modeOf('shop'), modeOf('container:abc')],
      ['shop', 'shop', 'container:abc'],
    );
  });
});

describe('the address of an engine', () => {
  it('is a unix socket or TCP', () => {
    assert.equal(connectionOptions('unix:///run/d.sock').socketPath, '/run/d.sock');
    assert.equal(connectionOptions('/run/d.sock').socketPath, '/run/d.sock');
    const { host, port, protocol, socketPath } = connectionOptions('tcp://10.0.0.7:2375');
    assert.deepEqual([host, port, protocol, socketPath], ['10.0.0.7', '2375', 'http', undefined]);
    assert.equal(connectionOptions('https://dock.example').port, '2376');
  });

  it('is refused where Squall does not understand it', () => {
    for (const wrong of ['ssh://root@host', 'host:2375', '', 'tcp://']) {
      assert.throws(() => connectionOptions(wrong), { code: 'SQ501' }, wrong);
    }
  });
});

describe('a line of the event stream', () => {
  it('tells of a container, or of one that a network gained or lost', () => {
    const started = {
      Type: 'container',
      Action: 'start',
      Actor: { ID: 'aa', Attributes: { name: 'x' } },
      timeNano: 1.5e9,
    };
    const event = { type: 'container', action: 'start', id: 'aa', attributes: { name: 'x' }, time: 1500 };
    assert.deepEqual(toEvent(JSON.stringify(started)), event);
    const joined = {
      Type: 'network',
      Action: 'connect',
      Actor: { ID: 'net', Attributes: { container: 'bb' } },
    };
    assert.equal(toEvent(JSON.stringify(joined))?.id, 'bb');
  });

  it('is passed over where it tells of something else', () => {
    const others = [
      { Type: 'container', Action: 'exec_start: sh', Actor: { ID: 'aa' } },
      { Type: 'network', Action: 'create', Actor: { ID: 'net', Attributes: {} } },
      { Type: 'image', Action: 'pull', Actor: { ID: 'img' } },
    ];
    for (const other of others) assert.equal(toEvent(JSON.stringify(other)), undefined);
    assert.equal(toEvent('{"Type":"contai'), undefined);
  });
});

describe("the engine's own description", () => {
  it('tells the cgroup version and whether it runs rootless', () => {
    const info = toInfo(
      {
        ID: 'E',
        CgroupVersion: '2',
        CgroupDriver: 'systemd',
        SecurityOptions: ['name=seccomp,profile=x', 'name=rootless'],
      },
      { engine: '27.0', api: '1.46' },
    );
    assert.deepEqual(
      [info.cgroupVersion, info.cgroupDriver, info.rootless, info.apiVersion],
      [2, 'systemd', true, '1.46'],
    );
    assert.equal(toInfo({}, { engine: '20.10', api: '1.41' }).cgroupVersion, 1);
  });
});
