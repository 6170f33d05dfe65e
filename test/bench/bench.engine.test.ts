import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Swap } from '../../bench/faults/swaps.ts';
import type { Result } from '../../bench/stats.ts';
import { hostFeatures } from '../../src/daemon/world.ts';
import { exec } from '../../src/runtime/exec.ts';

const BENCH = fileURLToPath(new URL('../../bench/bench.ts', import.meta.url));

interface Report {
  results: (Result & { values: number[] })[];
  swaps: Swap[];
  skipped: { name: string; reason: string }[];
}

/** Runs the bench; what it printed, and what it wrote. */
async function bench(...args: string[]): Promise<{ stdout: string; report: Report }> {
  const dir = mkdtempSync(join(tmpdir(), 'squall-bench-test-'));
  try {
    const file = join(dir, 'results.json');
    const words = [BENCH, '--count', '1', '--json', file, ...args];
    const { code, stdout, stderr } = await exec(process.execPath, words, { timeout: 60_000 });
    assert.equal(code, 0, stderr);
    return { stdout, report: JSON.parse(readFileSync(file, 'utf8')) as Report };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** That each of these was measured, and took its time. */
function tookTime({ results }: Report, names: readonly string[]): void {
  for (const name of names) {
    const took = results.find((result) => result.name === name)?.values[0] ?? 0;
    assert.ok(took > 0, `${name} took ${took} ms`);
  }
}

it('the bench measures both ways by packets, beside the floor, and says where the time goes', async () => {
  const { stdout, report } = await bench('--only', 'path,journal', '--trace');
  tookTime(report, ['commit', 'remove', 'floor-block', 'floor-unblock']);
  const found = new Map(report.results.map((result) => [result.name, result]));
  assert.ok((found.get('remove')?.p50 ?? 0) >= 40, 'a removal is faster than it settles');
  assert.equal(found.get('journal')?.n, 10);
  assert.match(stdout, /iptables\S*-restore starts/);
});

it('the bench measures faults from plan to effect on one target and on two, and names what this host can’t do', async () => {
  const types = ['network-block', 'container-pause', 'network-bandwidth', 'network-latency'];
  const { shaping } = await hostFeatures();
  const bandwidth = shaping.ifb && shaping.classifier && shaping.tbf;
  const latency = shaping.ifb && shaping.classifier && shaping.netem;
  const { stdout, report } = await bench('--only', 'faults', '--targets', '1,2', '--types', types.join());

  const network = [
    ...['network-block', 'floor-rules'],
    ...(bandwidth ? ['network-bandwidth', 'floor-lane'] : []),
    ...(latency ? ['network-latency'] : []),
  ];
  tookTime(
    report,
    [...network, 'container-pause'].flatMap((name) =>
      ['1', '1-back', '2', '2-back'].map((end) => `${name}-${end}`),
    ),
  );
  tookTime(
    report,
    network.flatMap((name) => [`${name}-1-packet`, `${name}-1-packet-back`]),
  );
  const lacking = [...(bandwidth ? [] : ['network-bandwidth']), ...(latency ? [] : ['network-latency'])];
  assert.deepEqual(
    report.skipped.map(({ name }) => name),
    lacking,
  );
  for (const name of lacking) assert.match(stdout, new RegExp(`^not measured: ${name}: .{10,}`, 'm'));
  assert.equal(report.swaps.length > 0, bandwidth);
  for (const { step, lost } of report.swaps)
    if (!/^(first lane|last lane off)$/.test(step)) assert.deepEqual(lost, [0], `lost by ${step}`);
});
