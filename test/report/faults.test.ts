import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { faultParameters, shortParameters } from '../../src/report/faults.ts';

describe('the parameters of a fault', () => {
  it('are words, not JSON', () => {
    const to = [{ service: 'redis' }, { cidr: '10.0.0.0/8' }];
    assert.equal(
      faultParameters({ type: 'network-block', direction: 'egress', to, ports: [80, '90-99'] }),
      'direction: egress, to service redis, cidr 10.0.0.0/8, ports: 80, 90-99',
    );
    assert.equal(
      faultParameters({ type: 'network-loss', to: [{ container: 'redis' }] }),
      'to container redis',
    );
    assert.equal(faultParameters({ type: 'x', no: [], on: null, is: true }), 'no: none, on: null, is: true');
    assert.equal(faultParameters({ type: 'container-pause' }), '');
  });

  it('are at most 60 characters in a table, and steer no terminal', () => {
    assert.equal(shortParameters({ type: 'x', a: 'b'.repeat(57) }), `a: ${'b'.repeat(57)}`);
    assert.equal(shortParameters({ type: 'x', a: 'b'.repeat(58) }), `a: ${'b'.repeat(56)}…`);
    assert.equal(faultParameters({ type: 'x', 'a\u001b': ['\u001b'] }), 'a\\u001b: \\u001b');
  });
});
