/**
 * npm run demo
 *
 * Tells what Squall does, on two real containers, in half a minute (scripts/demo/).
 */
import { spawnSync } from 'node:child_process';
import { environment, main, SetupError } from './bootstrap.mjs';
import { session } from './session.mjs';

main(() => {
  const { error } = spawnSync('git', ['--version'], { env: environment() });
  if (error) throw new SetupError('demo: git is missing: apt-get install git');
  return session('scripts/demo/demo.ts');
});
