/**
 * npm run bench [-- --help]
 *
 * Measures the way from a file to its effect on packets, beside the least that any tool would need (bench/). Makes the machine ready
 * first. Slow is no failure.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureEngine, ensureModules, environment, main, node, root, SetupError } from './bootstrap.mjs';

main(async () => {
  ensureModules();
  if (process.getuid?.() !== 0)
    throw new SetupError('bench: entering network namespaces needs root: sudo npm run bench');
  const machine = await ensureEngine();
  try {
    return await measure();
  } finally {
    await machine.stop();
  }
});

/** Signals go to the bench, which cleans up. */
function measure() {
  const bench = spawn(node, [join('bench', 'bench.ts'), ...process.argv.slice(2)], {
    cwd: root,
    env: environment(),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => bench.kill(signal));
  return new Promise((resolve, reject) => {
    bench.once('error', reject);
    bench.once('exit', (code) => resolve(code ?? 1));
  });
}
