import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, ExperimentRecord, FaultSpec, Run } from '../../src/core/types.ts';
import { concerns } from '../../src/reconcile/relevance.ts';
import type { InventoryChange } from '../../src/runtime/inventory.ts';
import { BLOCK, container, declared, NOW, PAUSE, record, run } from '../plan/build.ts';

const web = container('web-0');
const redis = container('redis-1', {
  project: 'shop',
  service: 'redis',
  attachments: [{ network: 'net', ip4: '10.0.0.5', aliases: ['cache'] }],
});

const change = (after: Container | undefined, before: Container | undefined = after): InventoryChange => ({
  id: (after ?? before)?.id ?? '',
  before,
  after,
  action: 'start',
});

const object = (phase: ExperimentRecord['phase'], faults: FaultSpec[] = [PAUSE]) =>
  record(declared({ faults }), { phase, runId: phase === 'Running' ? 'exp-1' : null });
const active = (faults: FaultSpec[] = [PAUSE]): Run => run(faults, [web]);

describe('a change of a container', () => {
  it('concerns the run that has it as a target, though it matches no more', () => {
    const renamed = { ...web, name: 'other' };
    assert.equal(concerns(object('Running'), active(), change(renamed)), true);
  });

  it('concerns no run that has ended', () => {
    const ended = { ...active(), endedAt: NOW };
    assert.equal(concerns(object('Completed'), ended, change(web)), false);
  });

  for (const phase of ['Pending', 'Denied'] as const)
    it(`concerns an experiment that is ${phase} and selects it`, () => {
      assert.equal(concerns(object(phase), undefined, change(container('web-7'))), true);
      // whatever it was refused for may have gone: a peer, the health of a service
      assert.equal(concerns(object(phase), undefined, change(redis)), phase === 'Denied');
    });

  it('concerns an experiment that selected it when it goes', () => {
    assert.equal(concerns(object('Denied'), undefined, change(undefined, container('web-7'))), true);
  });

  it('concerns a running one that could take it in', () => {
    assert.equal(concerns(object('Running'), active(), change(container('web-7'))), true);
  });

  it('concerns a run on another container of its service, whose share is limited', () => {
    const target = container('redis-0', { project: 'shop', service: 'redis' });
    const ref = { id: target.id, name: target.name, service: 'shop/redis' };
    assert.equal(concerns(object('Running'), { ...active(), targets: [ref] }, change(redis)), true);
    const other = { ...ref, service: 'shop/web' };
    assert.equal(concerns(object('Running'), { ...active(), targets: [other] }, change(redis)), false);
  });

  it('concerns nobody who does not know it', () => {
    assert.equal(concerns(object('Running'), active(), change(redis)), false);
    assert.equal(concerns(object('Running', [BLOCK]), active([BLOCK]), change(redis)), false);
  });

  const block = (to: Record<string, string>): FaultSpec[] => [{ type: 'network-block', to: [to] }];
  for (const [what, to] of [
    ['service', { service: 'redis' }],
    ['service of a project', { service: 'redis', project: 'shop' }],
    ['alias', { service: 'cache' }],
    ['container', { container: 'redis-1' }],
  ] as const)
    it(`concerns a run whose fault names it as a peer, by ${what}`, () => {
      const faults = block({ ...to });
      assert.equal(concerns(object('Running', faults), active(faults), change(redis)), true);
      assert.equal(
        concerns(object('Running', faults), active(faults), change(undefined, redis)),
        true,
        'it died',
      );
      assert.equal(concerns(object('Running', faults), active(faults), change(container('far'))), false);
    });

  it('concerns an experiment that was denied because that peer did not resolve', () => {
    const denied = { ...object('Denied', block({ service: 'redis' })), reason: 'PeerUnresolved' };
    assert.equal(concerns(denied, undefined, change(redis)), true);
  });
});
