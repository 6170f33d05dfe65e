import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { watchHost } from '../../src/daemon/world.ts';
import type { Exec } from '../../src/runtime/exec.ts';

it('a host is asked again for what was lacking, when it is refreshed and not before', async () => {
  let [netem, tbf, tries] = [false, true, 0];
  const run: Exec = async (_program, _args, options) => {
    tries += 1;
    const lines = options?.stdin ?? '';
    const there = (netem || !lines.includes('netem')) && (tbf || !lines.includes('tbf'));
    return {
      code: there ? 0 : 1,
      stdout: '',
      stderr: there ? '' : 'Error: Specified qdisc kind is unknown.\n',
    };
  };
  const host = await watchHost(createLog('silent'), run);
  const found = () => host.features().shaping;
  assert.deepEqual(found(), { ifb: true, classifier: true, netem: false, tbf: true });

  tries = 0;
  await host.refresh();
  assert.deepEqual([found().netem, tries], [false, 1]);

  [netem, tbf, tries] = [true, false, 0]; // an administrator loads one module, and removes another
  assert.deepEqual([found().netem, tries], [false, 0]);
  await host.refresh();
  assert.deepEqual([found().netem, found().tbf, tries], [true, true, 1]);
  await host.refresh();
  assert.equal(tries, 1);
});
