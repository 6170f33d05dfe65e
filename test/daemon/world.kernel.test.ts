import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { createLog } from '../../src/core/log.ts';
import { watchHost } from '../../src/daemon/world.ts';
import { checkShaping } from '../../src/runtime/doctor-shaping.ts';
import { until } from '../lab/until.ts';

const MODULES = '/usr/lib/uml/modules';

/** The file of a module that this kernel has. */
function moduleFile(name: string): string {
  const file = readdirSync(MODULES, { recursive: true, encoding: 'utf8' }).find((path) =>
    path.endsWith(`/${name}.ko`),
  );
  return `${MODULES}/${file}`;
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A module is free once the last namespace that used it is gone, which takes the kernel a moment. */
async function unload(name: string): Promise<void> {
  await until(`${name} to be unloaded`, () => {
    run('rmmod', name);
    return true;
  });
}

/** The program that the kernel loads missing modules with, by itself (proc(5)). */
const LOADER = '/proc/sys/kernel/modprobe';

describe('what a host can shape, on a kernel that has it all', () => {
  // What was unloaded is to stay so.
  const loader = readFileSync(LOADER, 'utf8').trim();
  before(() => writeFileSync(LOADER, '/bin/false'));
  after(() => writeFileSync(LOADER, loader));

  /** Devices of this namespace, file systems, and files: what a try could leave behind. */
  const look = () => [
    readdirSync('/sys/class/net'),
    readFileSync('/proc/self/mounts', 'utf8'),
    readdirSync(tmpdir()).filter((name) => name.startsWith('squall-')),
  ];

  test('is found, and nothing is left behind', async () => {
    const before = look();
    const found = await checkShaping(true);
    assert.deepEqual(
      found.map(({ id, state }) => `${id} ${state}`),
      ['iproute2 ok', 'ifb ok', 'classifier ok', 'netem ok', 'tbf ok', 'netem-tables ok'],
    );
    assert.deepEqual(look(), before);
  });

  test('grows by a module that is loaded later, at the next refresh', async () => {
    await unload('sch_netem');
    const host = await watchHost(createLog('silent'));
    assert.deepEqual(host.features().shaping, { ifb: true, classifier: true, netem: false, tbf: true });
    await host.refresh();
    assert.equal(host.features().shaping.netem, false);
    run('insmod', moduleFile('sch_netem'));
    assert.equal(host.features().shaping.netem, false);
    await host.refresh();
    assert.equal(host.features().shaping.netem, true);
  });

  test('is told lacking by the classifier where one of its modules is', async () => {
    await unload('act_mirred');
    try {
      const found = (await checkShaping(true)).find(({ id }) => id === 'classifier');
      assert.equal(found?.state, 'missing');
      assert.match(found?.found ?? '', /action/i);
    } finally {
      run('insmod', moduleFile('act_mirred'));
    }
  });
});
