import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Result } from '../../bench/stats.ts';
import { exec } from '../../src/runtime/exec.ts';

const BENCH = fileURLToPath(new URL('../../bench/bench.ts', import.meta.url));

it('the bench measures both ways by packets, beside the floor, and says where the time goes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'squall-bench-test-'));
  try {
    const file = join(dir, 'results.json');
    const args = ['--count', '1', '--only', 'path,journal', '--trace', '--json', file];
    const { code, stdout, stderr } = await exec(process.execPath, [BENCH, ...args], { timeout: 60_000 });
    assert.equal(code, 0, stderr);
    const { results } = JSON.parse(readFileSync(file, 'utf8')) as {
      results: (Result & { values: number[] })[];
    };
    const found = new Map(results.map((result) => [result.name, result]));
    for (const name of ['commit', 'remove', 'floor-block', 'floor-unblock']) {
      const took = found.get(name)?.values[0] ?? 0;
      assert.ok(took > 0, `${name} took ${took} ms`);
    }
    assert.ok((found.get('remove')?.p50 ?? 0) >= 40, 'a removal is faster than it settles');
    assert.equal(found.get('journal')?.n, 10);
    assert.match(stdout, /iptables\S*-restore starts/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
