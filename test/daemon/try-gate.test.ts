import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { tryGate } from '../../src/daemon/try-gate.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import { container } from '../plan/build.ts';
import { manifestOf } from '../reconcile/object-world.ts';

const box = container('box');
const PROBE: ProbeSpec = { type: 'container', container: 'box' };

function gate(probes: ProbeSpec[], asked: string[] = []) {
  const policy = manifestOf('Policy', 'default', { healthGate: { probes } });
  const context = {
    clock: systemClock,
    containers: () => [box],
    exec: async (id: string) => {
      asked.push(id);
      return { code: 0, output: '' };
    },
  };
  return tryGate(desiredState([policy], []).policies, context);
}

it('a plan tries each probe of a health gate, and says which fails', async () => {
  assert.deepEqual(await gate([PROBE]), { holds: true, known: false, message: '' });
  const { holds, known, message } = await gate([PROBE, { ...PROBE, name: 'shop', container: 'shop' }]);
  assert.deepEqual([holds, known], [false, false]);
  assert.match(message, /^policy default: probe shop fails: /);
});

it('a plan runs nothing in a container', async () => {
  const asked: string[] = [];
  const probe = { type: 'exec', container: 'box', command: ['false'] };
  assert.deepEqual([(await gate([probe], asked)).holds, asked], [true, []]);
});
