import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inventoryOf, parseInventory } from '../../../src/cli/check/inventory.ts';
import type { Container } from '../../../src/core/types.ts';
import { container } from '../../plan/build.ts';

const parse = (items: unknown) => parseInventory('inv.json', JSON.stringify(items));
const ITEM = { name: 'web', image: 'nginx:1', labels: {} };

describe('an inventory', () => {
  it('says no more than is unusual, sorted by name', () => {
    const db = container('db', {
      state: 'exited',
      health: 'unhealthy',
      autoRemove: true,
      optIn: false,
      labels: { b: '1', a: '2' },
    });
    const text = JSON.stringify(inventoryOf([container('web', { optIn: false }), db]));
    assert.equal(
      text,
      JSON.stringify([
        {
          name: 'db',
          image: 'squall-lab/box:1',
          labels: { a: '2', b: '1' },
          state: 'exited',
          health: 'unhealthy',
          networks: ['net'],
          autoRemove: true,
        },
        { name: 'web', image: 'squall-lab/box:1', labels: {}, networks: ['net'] },
      ]),
    );
  });

  it('has neither addresses nor ids nor host paths', () => {
    const text = JSON.stringify(inventoryOf([container('web')]));
    assert.doesNotMatch(text, /10\.\d+\.\d+|[0-9a-f]{64}|hosts/);
  });

  it('comes back as containers that a plan takes for the same', () => {
    const web = container('web', { project: 'shop', service: 'web' });
    const sidecar = container('sidecar', { networkMode: `container:${web.id}`, attachments: [] });
    const host = container('host', { networkMode: 'host', attachments: [], state: 'paused' });
    const down = container('down', { state: 'exited' });
    const back = parse(inventoryOf([web, sidecar, host, down]));
    const by = (name: string) => back.find((one) => one.name === name) as Container;
    assert.deepEqual(by('web').labels, web.labels);
    assert.deepEqual(
      by('web').attachments.map(({ network, aliases }) => [network, aliases]),
      [['net', ['web', 'web']]],
    );
    assert.equal(by('sidecar').networkMode, `container:${by('web').id}`);
    assert.deepEqual(
      [by('host').networkMode, by('host').state, by('host').pid > 0],
      ['host', 'paused', true],
    );
    assert.deepEqual([by('down').pid, by('down').state], [0, 'exited']);
  });

  it('gives each container an address of its own', () => {
    const back = parse(
      Array.from({ length: 600 }, (_, at) => ({ ...ITEM, name: `c${at}`, networks: ['n'] })),
    );
    assert.equal(new Set(back.map(({ attachments }) => attachments[0]?.ip4)).size, 600);
  });

  it('may say more than this version knows', () => {
    assert.equal(parse([{ ...ITEM, cpus: 2 }]).length, 1);
  });

  for (const [name, items, told] of [
    ['is a list', { items: [] }, /the whole must be array/],
    ['is one of containers', [{ name: 'x' }], /at \/0 must have required property 'image'/],
    [
      'knows the states',
      [{ ...ITEM, state: 'up' }],
      /at \/0\/state must be equal to one of the allowed values: created, running/,
    ],
    ['has labels that are texts', [{ ...ITEM, labels: { a: 1 } }], /at \/0\/labels\/a must be string/],
    ['has each name once', [ITEM, ITEM], /two containers are called web/],
  ] as const)
    it(name, () => assert.throws(() => parse(items), { code: 'SQ501', message: told }));

  it('is JSON', () => {
    assert.throws(() => parseInventory('inv.json', 'name: web'), {
      code: 'SQ501',
      message: /^inv\.json is no inventory: it is no JSON/,
    });
  });
});
