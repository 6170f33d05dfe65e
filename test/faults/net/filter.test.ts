import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FaultKind } from '../../../src/faults/fault.ts';
import { networkBlock } from '../../../src/faults/network-block.ts';
import { networkLoss } from '../../../src/faults/network-loss.ts';
import { wrong } from '../wrong.ts';

const to = [{ service: 'redis' }];
const good: [FaultKind, Record<string, unknown>][] = [
  [networkBlock, { to }],
  [
    networkBlock,
    {
      to: [
        { service: 'redis', project: 'shop' },
        { container: 'a' },
        { cidr: 'fd00::/8' },
        { host: 'a.b' },
        { any: true },
      ],
    },
  ],
  [networkBlock, { from: to, direction: 'ingress' }],
  [networkBlock, { to, direction: 'ingress' }],
  [networkBlock, { to, ports: [80, '8000-8010', '90'], sourcePorts: [1], protocol: 'udp', action: 'reject' }],
  [networkLoss, { to, percent: 0.5 }],
  [networkLoss, { to, percent: 100 }],
  [networkLoss, { to, every: 3, packet: 2 }],
];
const bad: [FaultKind, Record<string, unknown>][] = [
  [networkBlock, {}],
  [networkBlock, { to: [] }],
  [networkBlock, { to: [{}] }],
  [networkBlock, { to: [{ any: false }] }],
  [networkBlock, { to: [{ service: 'a', container: 'b' }] }],
  [networkBlock, { to: [{ project: 'a' }] }],
  [networkBlock, { to: [{ container: 'a', project: 'b' }] }],
  [networkBlock, { to: [{ host: 'a b' }] }],
  [networkBlock, { to: [{ host: 'a\u0000b' }] }],
  [networkBlock, { to: [{ cidr: '10.0.0.0/33' }] }],
  [networkBlock, { to: [{ cidr: '10.0.0/8' }] }],
  [networkBlock, { to, from: to, direction: 'ingress' }],
  [networkBlock, { from: to }],
  [networkBlock, { from: to, direction: 'both' }],
  [networkBlock, { to, ports: [] }],
  [networkBlock, { to, ports: [0] }],
  [networkBlock, { to, ports: ['90-80'] }],
  [networkBlock, { to, sourcePorts: ['70000'] }],
  [networkBlock, { to, ports: [80], protocol: 'icmp' }],
  [networkBlock, { to, action: 'tarpit' }],
  [networkBlock, { to, percent: 5 }],
  [networkLoss, { to }],
  [networkLoss, { to, percent: 5, every: 3 }],
  [networkLoss, { to, percent: 0 }],
  [networkLoss, { to, percent: 101 }],
  [networkLoss, { to, percent: 1e-9 }],
  [networkLoss, { to, percent: 5, packet: 0 }],
  [networkLoss, { to, every: 3, packet: 3 }],
  [networkLoss, { to, every: 0 }],
];

describe('the parameters of network kinds', () => {
  for (const [kind, parameters] of good) {
    it(`${kind.type} takes ${JSON.stringify(parameters)}`, () =>
      assert.deepEqual(wrong(kind, parameters), []));
  }
  for (const [kind, parameters] of bad) {
    it(`${kind.type} refuses ${JSON.stringify(parameters)}`, () =>
      assert.notDeepEqual(wrong(kind, parameters), []));
  }

  it('are all described, and shown in a valid example', () => {
    for (const kind of [networkBlock, networkLoss]) {
      const { type: _, ...example } = kind.example;
      assert.deepEqual(wrong(kind, example), []);
      for (const [name, { description }] of Object.entries(kind.schema.properties)) {
        assert.ok(description, `${kind.type}.${name}`);
      }
    }
  });
});
