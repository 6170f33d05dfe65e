import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SquallError } from '../../../src/core/errors.ts';
import { LABEL_PROJECT, LABEL_SERVICE } from '../../../src/core/marks.ts';
import type { Container, FaultSpec } from '../../../src/core/types.ts';
import { hostKey, type World } from '../../../src/faults/fault.ts';
import type { ResolvedPeers } from '../../../src/faults/net/peers.ts';
import { networkBlock } from '../../../src/faults/network-block.ts';
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
