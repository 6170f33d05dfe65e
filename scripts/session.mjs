/** One program on a real Docker engine: the machine is made ready before it, and nothing may be left after it. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ensureEngine, ensureModules, environment, node, root, SetupError, say } from './bootstrap.mjs';
import { processesWith } from './leftovers.mjs';

const RUN = randomBytes(6).toString('hex');
const RUN_VARIABLE = 'SQUALL_LAB_RUN';

/**
 * Runs `script` (below the checkout) on Node 24 with an engine; resolves with its exit code, 1 where it left something behind.
 * Ctrl-C goes to the script, which cleans up after itself; not to what it has started (hence a session of its own, setsid(2)).
 */
export async function session(script, args = []) {
  let running;
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      interrupted = true;
      running?.kill(signal);
    });
  ensureModules();
  if (process.getuid?.() !== 0) throw new SetupError('entering network namespaces needs root: use sudo');
  const machine = await ensureEngine();
  try {
    if (interrupted) return 1;
    running = spawn(node, [join(root, script), ...args], {
      env: environment({ [RUN_VARIABLE]: RUN }),
      stdio: 'inherit',
      detached: true,
    });
    const code = await ended(running);
    return nothingLeft() ? code : 1;
  } finally {
    await machine.stop();
  }
}

function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** However the script ended. What is found is removed all the same. */
function nothingLeft() {
  const processes = processesWith(RUN_VARIABLE, RUN);
  for (const { pid, command } of processes) {
    say(`left behind: process ${pid}: ${command}`);
    process.kill(pid, 'SIGKILL');
  }
  const { status, stdout, stderr } = spawnSync(node, [join(root, 'test', 'lab', 'leftovers.ts'), RUN], {
    env: environment(),
    encoding: 'utf8',
  });
  if (status !== 0) say(`left behind on the engine:\n${stdout}${stderr}`);
  return processes.length === 0 && status === 0;
}
