/**
 * npm run demo
 *
 * Tells what Squall does on two real containers (scripts/demo/), in half a minute. Makes the machine ready first, and looks
 * afterwards that nothing is left.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ensureEngine, ensureModules, environment, main, node, root, SetupError, say } from './bootstrap.mjs';
import { processesWith } from './leftovers.mjs';

const RUN = randomBytes(6).toString('hex');
const RUN_VARIABLE = 'SQUALL_LAB_RUN';

main(async () => {
  if (spawnSync('git', ['--version'], { env: environment() }).error)
    throw new SetupError('demo: git is missing');
  ensureModules();
  if (process.getuid?.() !== 0)
    throw new SetupError('demo: entering network namespaces needs root: sudo npm run demo');
  const machine = await ensureEngine();
  try {
    const code = await tell();
    return (await nothingLeft()) ? code : 1;
  } finally {
    await machine.stop();
  }
});

/** Signals go to the story, which cleans up. */
function tell() {
  const story = spawn(node, [join('scripts', 'demo', 'demo.ts')], {
    cwd: root,
    env: environment({ [RUN_VARIABLE]: RUN }),
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => story.kill(signal));
  return new Promise((resolve, reject) => {
    story.once('error', reject);
    story.once('exit', (code) => resolve(code ?? 1));
  });
}

/** However the story ended. What is found is removed all the same. */
async function nothingLeft() {
  const processes = processesWith(RUN_VARIABLE, RUN);
  for (const { pid, command } of processes) {
    say(`left behind: process ${pid}: ${command}`);
    process.kill(pid, 'SIGKILL');
  }
  const { status, stdout, stderr } = spawnSync(node, [join('test', 'lab', 'leftovers.ts'), RUN], {
    cwd: root,
    env: environment(),
    encoding: 'utf8',
  });
  if (status !== 0) say(`left behind on the engine:\n${stdout}${stderr}`);
  return processes.length === 0 && status === 0;
}
