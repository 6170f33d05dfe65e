import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SquallError } from '../core/errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Who asks, and from where: defaults depend on it. */
export interface Surroundings {
  env: Env;
  uid: number | undefined;
  home: string;
  cwd: string;
}

export function surroundings(): Surroundings {
  return { env: process.env, uid: process.getuid?.(), home: homedir(), cwd: process.cwd() };
}

/** Looked for below the working directory where no manifests are named. */
export const DEFAULT_MANIFESTS = ['experiments', 'schedules'];

/** The state directory, absolute: as given, else /var/lib/squall for root, else in the user's own state home (XDG base directories). */
export function stateDir(given: string | undefined, around: Surroundings = surroundings()): string {
  if (given) return resolve(around.cwd, given);
  if (around.uid === 0) return '/var/lib/squall';
  const { XDG_STATE_HOME: xdg } = around.env;
  const home = xdg?.startsWith('/') ? xdg : join(around.home, '.local', 'state');
  return join(home, 'squall');
}

/**
 * Files and directories of manifests: those given, else those of SQUALL_MANIFESTS (separated by `:`), else ./experiments and
 * ./schedules, as far as they exist. Throws SQ106 where there are none.
 */
export function manifestPaths(given: readonly string[], around: Surroundings = surroundings()): string[] {
  if (given.length > 0) return [...given];
  const fromEnv = (around.env.SQUALL_MANIFESTS ?? '').split(':').filter((path) => path !== '');
  if (fromEnv.length > 0) return fromEnv;
  const found = DEFAULT_MANIFESTS.filter((path) => existsSync(join(around.cwd, path)));
  if (found.length > 0) return found;
  throw new SquallError('SQ106', `no manifests: ${around.cwd} has neither experiments/ nor schedules/`, {
    hint: 'Name the files or directories, or set SQUALL_MANIFESTS',
  });
}
