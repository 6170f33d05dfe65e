import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ManifestFaultKind } from '../../src/manifests/schema.ts';

const PEER = {
  oneOf: [
    branch('service', { type: 'string' }),
    branch('cidr', { type: 'string', format: 'cidr' }),
    branch('any', { const: true }),
  ],
};

function branch(key: string, schema: Record<string, unknown>) {
  return { type: 'object', properties: { [key]: schema }, required: [key], additionalProperties: false };
}

/** Kinds of faults that use each keyword once: the room is tested without knowing the real ones. */
export const KINDS: readonly ManifestFaultKind[] = [
  {
    type: 'network-block',
    summary: 'Cuts off.',
    schema: {
      type: 'object',
      properties: {
        direction: { enum: ['egress', 'ingress', 'both'] },
        to: { type: 'array', minItems: 1, items: PEER },
        ports: {
          type: 'array',
          minItems: 1,
          items: {
            anyOf: [
              { type: 'integer', minimum: 1, maximum: 65_535 },
              { type: 'string', format: 'port-range' },
            ],
          },
        },
      },
      required: ['to'],
    },
  },
  {
    type: 'network-loss',
    summary: 'Loses.',
    schema: {
      type: 'object',
      properties: {
        percent: { type: 'number', exclusiveMinimum: 0, maximum: 100 },
        every: { type: 'integer', minimum: 2 },
        packet: { type: 'integer', minimum: 0 },
      },
      anyOf: [{ required: ['percent'] }, { required: ['every'] }],
      dependentRequired: { packet: ['every'] },
      not: { required: ['percent', 'every'] },
    },
  },
];

/** A valid manifest on 9 lines. */
export function manifest(name: string, duration = '60s', extra = ''): string {
  return `apiVersion: squall/v1
kind: Experiment
metadata:
  name: ${name}
spec:
  duration: ${duration}
  targets: { select: { project: visapi }, mode: all }
  faults: [{ type: network-block, to: [{ service: redis }] }]
${extra}`;
}

/** A directory of its own for each test, gone after it. */
export function tempDirectory(): { path: string; [Symbol.dispose](): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'squall-manifests-')));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
