import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A bare repository with a clone of it to push from, in a directory of their own, with a HOME of their own. */
export interface GitLab {
  /** Holds all of it. */
  dir: string;
  home: string;
  /** The bare repository, and its URL. */
  bare: string;
  url: string;
  /** The clone's work tree. */
  tree: string;
  /** Runs git in the clone (or in `cwd`) and gives its output. Throws where it fails. */
  git(args: readonly string[], cwd?: string): string;
  /** Commits these files (undefined: removes it) in the clone and returns the commit's id. `key`: signs with it. */
  commit(subject: string, files: Record<string, string | undefined>, key?: string): string;
  /** Commits and pushes. */
  push(subject: string, files: Record<string, string | undefined>, key?: string): string;
  /** Makes an ssh key without a passphrase and returns its path; the public one is beside it. */
  key(name: string): string;
  /** Makes an allowed signers file of `name -> key`. */
  allow(signers: Record<string, string>): string;
  [Symbol.dispose](): void;
}

/** `format`: of the objects, sha1 or sha256. The branch is `main`. */
export function openGitLab(format = 'sha1'): GitLab {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'squall-git-')));
  const [home, bare, tree] = ['home', 'remote.git', 'clone'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(home);
  const git = (args: readonly string[], cwd = tree) => run('git', args, cwd, home);
  const init = ['init', '--quiet', `--object-format=${format}`, '--initial-branch=main'];
  git([...init, '--bare', bare], dir);
  git([...init, tree], dir);
  git(['remote', 'add', 'origin', bare]);
  const commit: GitLab['commit'] = (subject, files, key) => {
    for (const [name, content] of Object.entries(files)) put(join(tree, name), content);
    git(['add', '--all', '--force']);
    const sign = key === undefined ? [] : ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`];
    git([...sign, 'commit', '--quiet', '--allow-empty', '-m', subject, ...(key ? ['-S'] : [])]);
    return git(['rev-parse', 'HEAD']).trim();
  };
  return {
    dir,
    home,
    bare,
    url: `file://${bare}`,
    tree,
    git,
    commit,
    push: (...what) => {
      const id = commit(...what);
      git(['push', '--quiet', 'origin', 'HEAD']);
      return id;
    },
    key: (name) => {
      const path = join(dir, name);
      run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path], dir, home);
      return path;
    },
    allow: (signers) => {
      const lines = Object.entries(signers).map(
        ([name, key]) => `${name} ${readFileSync(`${key}.pub`, 'utf8')}`,
      );
      const path = join(dir, 'allowed');
      writeFileSync(path, lines.join(''));
      return path;
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function put(path: string, content: string | undefined): void {
  if (content === undefined) {
    rmSync(path);
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

function run(program: string, args: readonly string[], cwd: string, home: string): string {
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada Lovelace',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada Lovelace',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
  };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env, encoding: 'utf8' });
  if (status === 0) return stdout;
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
}
