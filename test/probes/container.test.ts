import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container } from '../../src/core/types.ts';
import { container, probe, wrong } from './support.ts';

const healthy = { health: 'healthy' } as const;

async function look(spec: Record<string, unknown>, containers: Container[]): Promise<[boolean, string]> {
  const { up, message } = await probe({ type: 'container', ...spec }, { containers: () => containers });
  return [up, message];
}

describe('a container probe of one container', () => {
  it('takes a running one by default', async () => {
    assert.deepEqual(await look({ container: 'web' }, [container('web')]), [true, 'web is running']);
    for (const state of ['exited', 'paused', 'created', 'restarting', 'dead'] as const) {
      const seen = await look({ container: 'web' }, [container('web', { state })]);
      assert.deepEqual(seen, [false, `web is ${state}, expected running`]);
    }
  });

  it('goes by the exact name, and nothing is never enough', async () => {
    assert.deepEqual(await look({ container: 'web' }, [container('web-2')]), [
      false,
      'there is no container web',
    ]);
    assert.equal((await look({ container: 'web' }, []))[0], false);
    const gone = await look({ container: 'web', expect: { state: 'exited' } }, []);
    assert.deepEqual(gone, [false, 'there is no container web']);
  });

  it('tells healthy from running', async () => {
    const expect = { state: 'healthy' };
    const of = (one: Container) => look({ container: 'web', expect }, [one]);
    assert.deepEqual(await of(container('web', healthy)), [true, 'web is healthy']);
    assert.deepEqual(await of(container('web')), [false, 'web has no healthcheck, expected healthy']);
    const starting = container('web', { health: 'starting' });
    assert.deepEqual(await of(starting), [false, 'web is starting, expected healthy']);
    const dead = container('web', { state: 'exited', ...healthy });
    assert.deepEqual(await of(dead), [false, 'web is exited, expected healthy']);
  });

  it('can want one that has ended, or that is not healthy', async () => {
    const one = [container('web', { state: 'exited' }), container('api', { health: 'unhealthy' })];
    assert.equal((await look({ container: 'web', expect: { state: 'exited' } }, one))[0], true);
    assert.equal((await look({ container: 'api', expect: { state: 'exited' } }, one))[0], false);
    assert.equal((await look({ container: 'api', expect: { state: 'unhealthy' } }, one))[0], true);
  });
});

describe('a container probe of a service', () => {
  const web = (name: string, words: Partial<Container> = {}) =>
    container(name, { service: 'web', project: 'shop', ...words });

  it('wants all of them, or as many as it says', async () => {
    const three = [web('web-1'), web('web-2', { state: 'exited' }), web('web-3')];
    const all = await look({ service: 'web' }, three);
    assert.deepEqual(all, [
      false,
      '2 of 3 containers of service web are running, expected all: web-2 is exited',
    ]);
    assert.deepEqual(await look({ service: 'web', expect: { count: 2 } }, three), [
      true,
      '2 of 3 containers of service web are running',
    ]);
    assert.deepEqual(await look({ service: 'web', expect: { count: 3 } }, three), [
      false,
      '2 of 3 containers of service web are running, expected 3 at least: web-2 is exited',
    ]);
    assert.equal(
      (
        await look(
          { service: 'web' },
          three.filter(({ state }) => state === 'running'),
        )
      )[0],
      true,
    );
  });

  it('wants more than there are where it says so', async () => {
    const [up, message] = await look({ service: 'web', expect: { count: 2 } }, [web('web-1')]);
    assert.equal(up, false);
    assert.equal(message, '1 of 1 containers of service web is running, expected 2 at least');
  });

  it('means that service and project, and none of its one-off containers', async () => {
    const others = [
      container('api-1', { service: 'api', project: 'shop', state: 'exited' }),
      container('run-1', { service: 'web', project: 'shop', oneOff: true, state: 'exited' }),
    ];
    assert.equal((await look({ service: 'web' }, [web('web-1'), ...others]))[0], true);
    assert.deepEqual(await look({ service: 'web' }, others), [false, 'there is no service web']);
    const elsewhere = container('w', { service: 'web', project: 'blog', state: 'exited' });
    assert.equal((await look({ service: 'web' }, [web('web-1'), elsewhere]))[0], false);
    assert.equal((await look({ service: 'web', project: 'shop' }, [web('web-1'), elsewhere]))[0], true);
    assert.equal((await look({ service: 'web', project: 'blog' }, [web('web-1'), elsewhere]))[0], false);
  });

  it('names a few of those that are not as they should be', async () => {
    const five = [1, 2, 3, 4, 5].map((n) => web(`web-${n}`, { state: 'exited' }));
    const [, message] = await look({ service: 'web' }, five);
    assert.match(message, /: web-1 is exited, web-2 is exited, web-3 is exited and 2 more$/);
  });
});

describe('the manifest of a container probe', () => {
  const refused: [string, Record<string, unknown>][] = [
    ['no container and no service', {}],
    ['both', { container: 'a', service: 'b' }],
    ['a project without a service', { container: 'a', project: 'b' }],
    ['a state that does not exist', { container: 'a', expect: { state: 'happy' } }],
    ['none expected', { service: 'a', expect: { count: 0 } }],
  ];
  for (const [what, spec] of refused) {
    it(`is refused for ${what}`, () => assert.ok(wrong({ type: 'container', ...spec }).length > 0));
  }
});
