import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../../src/core/errors.ts';
import { LABEL_PROJECT, LABEL_SERVICE } from '../../../src/core/marks.ts';
import type { Container, FaultSpec } from '../../../src/core/types.ts';
import { hostKey, type World } from '../../../src/faults/fault.ts';
import type { ResolvedPeers } from '../../../src/faults/net/peers.ts';
import { networkBlock } from '../../../src/faults/network-block.ts';
import { networkPartition } from '../../../src/faults/network-partition.ts';
import { WHOLE_HOST } from '../../lab/host.ts';
import { aContainer } from '../container-support.ts';

let ids = 0;
function box(
  name: string,
  ip4: string | undefined,
  change: Partial<Container> & { of?: string; service?: string } = {},
) {
  const { of: project, service, ...rest } = change;
  return aContainer({
    id: (++ids).toString(16).padStart(64, '0'),
    name,
    labels: { ...(project && { [LABEL_PROJECT]: project }), ...(service && { [LABEL_SERVICE]: service }) },
    attachments: ip4 === undefined ? [] : [{ network: 'front', ip4, aliases: [name] }],
    networkMode: 'front',
    ...rest,
  });
}

const target = box('shop-web-1', '10.0.0.2', {
  of: 'shop',
  service: 'web',
  attachments: [{ network: 'front', ip4: '10.0.0.2', ip6: 'fd00::2', aliases: ['web'] }],
});
const redis = box('shop-redis-1', '10.0.0.3', {
  of: 'shop',
  service: 'redis',
  attachments: [
    { network: 'front', ip4: '10.0.0.3', ip6: 'fd00::3', aliases: ['redis'] },
    { network: 'back', ip4: '10.1.0.3', aliases: [] },
  ],
});
const paused = box('shop-redis-2', '10.0.0.4', { of: 'shop', service: 'redis', state: 'paused' });
const dead = box('shop-redis-3', undefined, { of: 'shop', service: 'redis', state: 'exited' });
const foreign = box('blog-redis-1', '10.0.0.5', { of: 'blog', service: 'redis' });
const plain = box('legacy-db', '10.0.0.6', {
  attachments: [{ network: 'front', ip4: '10.0.0.6', aliases: ['database'] }],
});
const hidden = box('far', '10.2.0.1', {
  attachments: [{ network: 'far', ip4: '10.2.0.1', aliases: ['faraway'] }],
});
const sidecar = box('shop-side-1', undefined, {
  of: 'shop',
  service: 'side',
  networkMode: `container:${redis.id}`,
});
const web2 = box('shop-web-2', '10.0.0.7', { of: 'shop', service: 'web' });
const asleep = box('shop-mail-1', undefined, { of: 'shop', service: 'mail', state: 'exited' });

function world(change: Partial<World> = {}): World {
  return {
    containers: [target, redis, paused, dead, foreign, plain, hidden, sidecar, web2, asleep],
    hosts: new Map([
      [hostKey(target.id, 'db.example'), ['192.0.2.7', '2001:DB8::7', '::ffff:192.0.2.8', '127.0.0.1']],
    ]),
    host: WHOLE_HOST,
    ...change,
  };
}

function resolve(to: FaultSpec['to'], change: Partial<World> = {}, on = target): ResolvedPeers {
  return networkBlock.resolve({ type: 'network-block', to }, on, world(change)) as unknown as ResolvedPeers;
}

function refuses(run: () => unknown, code: string, text: RegExp): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof SquallError);
    assert.equal(error.code, code);
    assert.match(`${error.message}. ${error.hint}`, text);
    return true;
  });
}

describe('peers of a network fault', () => {
  it("are all addresses of a service's living containers in the target's own project", () => {
    assert.deepEqual(resolve([{ service: 'redis' }]), {
      v4: ['10.0.0.3', '10.0.0.4', '10.1.0.3'],
      v6: ['fd00::3'],
      any: false,
      missing: [],
    });
  });

  it('may be of another project, a container, a network alias or one that shares a namespace', () => {
    assert.deepEqual(resolve([{ service: 'redis', project: 'blog' }]).v4, ['10.0.0.5']);
    assert.deepEqual(resolve([{ container: 'far' }]).v4, ['10.2.0.1']);
    assert.deepEqual(resolve([{ service: 'database' }]).v4, ['10.0.0.6']);
    assert.deepEqual(resolve([{ service: 'side' }]).v4, ['10.0.0.3', '10.1.0.3']);
    assert.deepEqual(
      resolve([{ service: 'redis' }], {}, plain).v4,
      ['10.0.0.3', '10.1.0.3'],
      'by alias: no project',
    );
  });

  it('never include the target', () => {
    assert.deepEqual(resolve([{ service: 'web' }]).v4, ['10.0.0.7']);
    refuses(() => resolve([{ container: 'shop-web-1' }]), 'SQ209', /alone/);
  });

  it('may be networks and host names; what never leaves the namespace is left out', () => {
    assert.deepEqual(resolve([{ cidr: '10.9.8.7/8' }, { cidr: 'FD00:0::1/64' }, { cidr: '192.0.2.1/32' }]), {
      v4: ['10.0.0.0/8', '192.0.2.1'],
      v6: ['fd00::/64'],
      any: false,
      missing: [],
    });
    assert.deepEqual(resolve([{ host: 'db.example' }, { host: '192.0.2.9' }]), {
      v4: ['192.0.2.7', '192.0.2.8', '192.0.2.9'],
      v6: ['2001:db8::7'],
      any: false,
      missing: [],
    });
    assert.deepEqual(
      networkBlock.lookups?.({ type: 'network-block', to: [{ host: 'db.example' }, { host: '192.0.2.9' }] }),
      ['db.example'],
    );
  });

  it('refuse the fault where one is not found, and name the likely word', () => {
    refuses(
      () => resolve([{ service: 'redsi' }]),
      'SQ209',
      /service redsi is not known.*Did you mean redis\?/,
    );
    refuses(() => resolve([{ container: 'legacydb' }]), 'SQ209', /Did you mean legacy-db\?/);
    refuses(() => resolve([{ service: 'faraway' }]), 'SQ209', /No container of project shop/);
    refuses(() => resolve([{ service: 'mail' }]), 'SQ209', /shop-mail-1 is exited/);
    refuses(() => resolve([{ host: 'nowhere.example' }]), 'SQ209', /does not resolve inside shop-web-1/);
    refuses(() => resolve([{ service: 'redis' }, { container: 'gone' }]), 'SQ209', /container gone/);
  });

  it('that died during a run contribute nothing, and are named', () => {
    assert.deepEqual(
      resolve([{ service: 'mail' }, { host: 'nowhere.example' }, { service: 'redis', project: 'blog' }], {
        lenient: true,
      }),
      {
        v4: ['10.0.0.5'],
        v6: [],
        any: false,
        missing: ['service mail', 'host nowhere.example'],
      },
    );
    assert.deepEqual(resolve([{ service: 'mail' }], { lenient: true }), {
      v4: [],
      v6: [],
      any: false,
      missing: ['service mail'],
    });
  });
});

describe('peers of a partition', () => {
  /** For `on`, with a run that has chosen these. */
  const split = (to: FaultSpec['to'], chosen: Container[], change: Partial<World> = {}, on = chosen[0]) => {
    assert.ok(on);
    const group = new Set(chosen.map(({ id }) => id));
    const fault = { type: 'network-partition', to };
    return networkPartition.resolve(fault, on, world({ group, ...change })) as unknown as ResolvedPeers;
  };

  it('are never the targets, whoever is named', () => {
    const rest = { v4: ['10.0.0.4'], v6: [], any: false, missing: [] };
    assert.deepEqual(split([{ service: 'redis' }], [redis, target]), rest);
    assert.deepEqual(split([{ service: 'redis' }], [target, redis]), rest);
    assert.deepEqual(split([{ container: redis.name }, { container: paused.name }], [target, redis]), rest);
    const hosts = new Map([[hostKey(target.id, 'cache.example'), ['10.1.0.3', 'fd00::3', '10.0.0.4']]]);
    assert.deepEqual(split([{ host: 'cache.example' }], [target, redis], { hosts }), rest);
    assert.deepEqual(split([{ cidr: '10.0.0.3/32' }, { cidr: '10.0.0.4/32' }], [target, redis]), rest);
  });

  it('are the same set for each target of one project', () => {
    const all = [redis, target, plain];
    const answers = all.map((one) => split([{ service: 'redis', project: 'shop' }], all, {}, one));
    assert.deepEqual(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  });

  it('may be everyone or a network, of which the fellow targets are spared, on all their networks', () => {
    assert.deepEqual(split([{ any: true }], [target, redis, web2]), {
      v4: [],
      v6: [],
      any: true,
      missing: [],
      spared: { v4: ['10.0.0.3', '10.0.0.7', '10.1.0.3'], v6: ['fd00::3'] },
    });
    assert.deepEqual(split([{ cidr: '10.0.0.0/24' }, { service: 'redis' }], [target, web2, redis]), {
      v4: ['10.0.0.0/24', '10.0.0.4'],
      v6: [],
      any: false,
      missing: [],
      spared: { v4: ['10.0.0.3', '10.0.0.7'], v6: [] },
    });
  });

  it('leave spared out where there is nobody to spare, so that the journal compares', () => {
    for (const [to, chosen] of [
      [[{ any: true }], [target]],
      [[{ cidr: '192.0.2.0/24' }], [target, redis]],
      [[{ service: 'redis' }], [target, redis]],
    ] as const)
      assert.equal('spared' in split([...to], [...chosen]), false);
  });

  it('do not hang on the order of the containers', () => {
    const containers = [...world().containers].reverse();
    const to = [{ any: true }] as const;
    assert.deepEqual(
      split([...to], [target, redis, web2], { containers }),
      split([...to], [web2, redis, target], {}, target),
    );
  });

  it("are not what shares a target's network", () => {
    refuses(() => split([{ service: 'side' }], [target, redis]), 'SQ209', /service side is wholly among/);
    assert.deepEqual(split([{ service: 'redis' }], [target, sidecar]).v4, ['10.0.0.4'], 'by a fellow');
    assert.deepEqual(split([{ service: 'redis' }], [sidecar]).v4, ['10.0.0.4'], 'by the target');
    assert.deepEqual(split([{ any: true }], [target, sidecar]).spared, {
      v4: ['10.0.0.3', '10.1.0.3'],
      v6: ['fd00::3'],
    });
    assert.equal(split([{ any: true }], [sidecar, redis]).spared, undefined, 'its own are no fellows');
  });

  it('refuse the fault where all of them are targets, and say what to do', () => {
    refuses(
      () => split([{ service: 'redis' }], [redis, paused, dead]),
      'SQ209',
      /nobody is on the other side: service redis is wholly among the targets\. Choose fewer/,
    );
    refuses(
      () => split([{ container: redis.name }, { cidr: '10.0.0.7/32' }], [redis, web2]),
      'SQ209',
      /container shop-redis-1, cidr 10\.0\.0\.7\/32 are wholly among/,
    );
    refuses(() => split([{ container: target.name }], [target]), 'SQ209', /nobody is on the other side/);
  });

  it('may be partly targets, as long as somebody is left', () => {
    assert.deepEqual(split([{ service: 'web' }, { service: 'redis' }], [target, web2]).v4, [
      '10.0.0.3',
      '10.0.0.4',
      '10.1.0.3',
    ]);
    assert.equal(split([{ service: 'web' }, { any: true }], [target, web2]).any, true);
  });

  it('that are down, not chosen, refuse it as they always do', () => {
    refuses(
      () => split([{ service: 'redis' }], [redis, paused]),
      'SQ209',
      /service redis has no address: shop-redis-3 is exited\./,
    );
    assert.deepEqual(split([{ service: 'redis' }], [redis, paused], { lenient: true }).missing, [
      'service redis',
    ]);
  });

  it('that are all gone during a run come to nothing, and are no reason to let a target join', () => {
    const nothing = { v4: [], v6: [], any: false, missing: [] };
    const all = [redis, paused, dead];
    assert.deepEqual(split([{ service: 'redis' }], all, { lenient: true }), nothing);
    const growing = { lenient: true, growing: true };
    refuses(() => split([{ service: 'redis' }], all, growing), 'SQ209', /nobody is on the other side/);
  });

  it('are all others where no run asks', () => {
    assert.deepEqual(
      networkPartition.resolve({ type: 'network-partition', to: [{ service: 'web' }] }, target, world()),
      { v4: ['10.0.0.7'], v6: [], any: false, missing: [] },
    );
  });

  it('of other kinds may be fellow targets', () => {
    const group = new Set([target.id, redis.id, web2.id]);
    assert.deepEqual(resolve([{ service: 'web' }], { group }).v4, ['10.0.0.7']);
    assert.equal('spared' in resolve([{ any: true }], { group }), false);
  });
});

describe('a target of a network fault', () => {
  it('is refused with the network of the host, its own or shared', () => {
    const host = box('on-host', undefined, { networkMode: 'host' });
    const beside = box('beside', undefined, { networkMode: `container:${host.id}` });
    const containers = [host, beside, redis];
    refuses(() => resolve([{ any: true }], { containers }, host), 'SQ208', /network of the host/);
    refuses(() => resolve([{ any: true }], { containers }, beside), 'SQ208', /network of the host/);
  });

  it('with IPv6 is refused where ip6tables is missing and IPv6 packets could match', () => {
    const host = { ...WHOLE_HOST, ip6tables: false };
    refuses(() => resolve([{ any: true }], { host }), 'SQ208', /ip6tables is missing/);
    refuses(() => resolve([{ service: 'redis' }], { host }), 'SQ208', /ip6tables is missing/);
    assert.deepEqual(resolve([{ cidr: '10.0.0.0/8' }], { host }).v4, ['10.0.0.0/8']);
    assert.deepEqual(resolve([{ any: true }], { host }, plain).any, true);
  });
});
