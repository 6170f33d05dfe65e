/**
 * npm run bench [-- --help]
 *
 * Measures the way from a file to its effect on packets, beside the least that any tool would need (bench/). Slow is no failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureKernel, ensureModules, environment, main, node, root, say } from './bootstrap.mjs';
import { session } from './session.mjs';

const BENCH = 'bench/bench.ts';

main(() => {
  const args = process.argv.slice(2);
  return args.includes('--kernel') ? insideKernel(args) : session(BENCH, args);
});

/** In User-Mode Linux, which ends with Ctrl-C as it stands: nothing of it outlives it, and nothing but the results leaves it. */
async function insideKernel(args) {
  const { json = resultsFile(), rest } = withoutJson(args);
  ensureModules();
  ensureKernel();
  const words = ['--run', resolve(json), BENCH, ...rest, '--json', '{}'];
  const kernel = spawn(node, [join(root, 'scripts', 'kernel.mjs'), ...words], {
    env: environment(),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => kernel.kill(signal));
  const [code] = await once(kernel, 'exit');
  if (code === 0) say(`written: ${resolve(json)}`);
  return code ?? 1;
}

/** The file that `--json` names, and the other arguments. */
function withoutJson(args) {
  const at = args.findIndex((word) => /^--json(=|$)/.test(word));
  if (at < 0) return { rest: args };
  const [word] = args.slice(at);
  const own = word.includes('=');
  const json = own ? word.slice(word.indexOf('=') + 1) : args[at + 1];
  return { json, rest: args.toSpliced(at, own ? 1 : 2) };
}

function resultsFile() {
  const name = `${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.json`;
  mkdirSync(join(root, 'bench', 'results'), { recursive: true });
  return join(root, 'bench', 'results', name);
}
