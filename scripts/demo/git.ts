import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exec } from '../../src/runtime/exec.ts';

/** `work`: the clone in which people commit. `host`: the checkout that their pushes update. */
export interface Repositories {
  work: string;
  host: string;
}

/** When it began, and when Git had changed the file in the checkout. Wall clock, ms. */
export interface Pushed {
  at: number;
  writtenAt: number;
}

/** Git as nobody in particular: no settings of this machine, no identity but the demo's (git(1), git-commit(1)). */
const ENVIRONMENT = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Squall demo',
  GIT_AUTHOR_EMAIL: 'squall@localhost',
  GIT_COMMITTER_NAME: 'Squall demo',
  GIT_COMMITTER_EMAIL: 'squall@localhost',
};

/** Makes both, with one commit. */
export async function openRepositories({ work, host }: Repositories): Promise<void> {
  for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name];
  Object.assign(process.env, ENVIRONMENT);
  await git('init', '--quiet', '--initial-branch=main', host);
  // A push to the branch that is checked out updates its files (git-config(1), receive.denyCurrentBranch).
  await git('-C', host, 'config', 'receive.denyCurrentBranch', 'updateInstead');
  writeFileSync(join(host, 'README.md'), 'What is declared here is wanted, and nothing else.\n');
  await git('-C', host, 'add', '.');
  await git('-C', host, 'commit', '--quiet', '--message', 'Begin');
  await git('clone', '--quiet', host, work);
}

/** Commits the file as it is given (undefined: without it) and pushes. */
export async function push(
  { work, host }: Repositories,
  file: string,
  text: string | undefined,
  message: string,
): Promise<Pushed> {
  const at = Date.now();
  if (text === undefined) await git('-C', work, 'rm', '--quiet', file);
  else {
    writeFileSync(join(work, file), text);
    await git('-C', work, 'add', file);
  }
  await git('-C', work, 'commit', '--quiet', '--message', message);
  await git('-C', work, 'push', '--quiet');
  // A removal shows in the directory's own time (inode(7)).
  return { at, writtenAt: statSync(text === undefined ? host : join(host, file)).mtimeMs };
}

async function git(...args: string[]): Promise<void> {
  const { code, stderr } = await exec('git', args);
  if (code !== 0) throw new Error(`git ${args.join(' ')} failed: ${stderr}`);
}
