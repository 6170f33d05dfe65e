import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureFaults } from '../../bench/faults.ts';

test('the bench measures faults of netem in cells, by packets and by programs, beside bare commands', async (t) => {
  const found = await measureFaults({
    ...{ count: 1, targets: [1], types: ['network-latency', 'container-pause'], cells: true },
    signal: new AbortController().signal,
  });
  const took = new Map(found.measures.map(({ name, values }) => [name, values[0] ?? 0]));
  t.diagnostic([...took].map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(', '));
  for (const name of ['network-latency', 'floor-lane'])
    for (const what of ['1', '1-back', '1-packet', '1-packet-back'])
      assert.ok(
        (took.get(`${name}-${what}`) ?? 0) > 0,
        `${name}-${what} took ${took.get(`${name}-${what}`)} ms`,
      );
  assert.deepEqual(found.skipped, [{ name: 'container-pause', reason: 'there is no Docker engine here' }]);
});
