import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { SquallError } from '../core/errors.ts';
import { searchPath } from './exec.ts';
import type { GitCall, GitResult } from './git.ts';
import { type Commit, parseCommit } from './git-commit.ts';

/** Runs git in the repository that has the commit. */
type Run = (args: readonly string[], more?: Partial<GitCall>) => Promise<GitResult>;

/** Who signed a commit, or why it does not count as signed. */
export type Signature = { signer: string } | { refused: string };

/** The first git that can check ssh signatures. */
const OLDEST = [2, 34];

const SSH_SIGNATURE = '-----BEGIN SSH SIGNATURE-----';

/** Throws SQ306 where this machine cannot check signatures, SQ501 where the file of allowed signers cannot be read. */
export async function canVerify(run: Run, allowedSigners: string): Promise<void> {
  const version = (await run(['version'])).stdout.toString().trim();
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  if (major < (OLDEST[0] ?? 0) || (major === OLDEST[0] && minor < (OLDEST[1] ?? 0))) {
    throw new SquallError('SQ306', `${version} cannot check signatures`, {
      hint: 'Install git 2.34 or newer',
    });
  }
  if (!(await isProgram('ssh-keygen'))) {
    throw new SquallError('SQ306', 'ssh-keygen is not installed: signatures cannot be checked', {
      hint: 'Install the package openssh-client on the machine the daemon runs on',
    });
  }
  if (await isReadable(allowedSigners)) return;
  throw new SquallError('SQ501', `the file of allowed signers ${allowedSigners} cannot be read`, {
    hint: 'Give a file as ssh-keygen(1) describes it under ALLOWED SIGNERS',
  });
}

/**
 * Checks a commit's signature against an allowed signers file (ssh-keygen(1)). One signature by an ssh key of that file counts, nothing
 * else: not another of OpenPGP that the user of the daemon may trust.
 */
export async function verifySignature(run: Run, commit: string, allowedSigners: string): Promise<Signature> {
  const object = await run(['cat-file', 'commit', commit]);
  if (object.code !== 0) return { refused: 'it cannot be read' };
  const unfit = unfitFor(parseCommit(object.stdout));
  if (unfit !== undefined) return { refused: unfit };
  if (!(await isReadable(allowedSigners))) return { refused: `${allowedSigners} cannot be read` };
  const config = [
    `gpg.ssh.allowedSignersFile=${allowedSigners}`,
    'gpg.ssh.program=ssh-keygen',
    'gpg.program=false',
    'gpg.x509.program=false',
    'gpg.minTrustLevel=fully',
  ];
  const { code, stderr } = await run(['verify-commit', '--raw', commit], { config });
  const [, signer] = /^Good "git" signature for (.+) with \S+ key /m.exec(stderr) ?? [];
  return code === 0 && signer !== undefined ? { signer } : { refused: whyNot(stderr) };
}

function unfitFor({ signatures }: Commit): string | undefined {
  const [first, ...more] = signatures;
  if (first === undefined) return 'it is not signed';
  if (first !== SSH_SIGNATURE) return 'it is signed, but not by an ssh key';
  return more.length > 0 ? 'it has more than one signature' : undefined;
}

function whyNot(stderr: string): string {
  if (/cannot run/.test(stderr)) return 'its signature cannot be checked: ssh-keygen does not run';
  const [, key] = /^Good "git" signature with \S+ key (\S+)/m.exec(stderr) ?? [];
  if (key === undefined) return 'its signature is bad';
  return /expired|not yet valid/.test(stderr)
    ? `the key ${key} was not valid when it was signed`
    : `it is signed by ${key}, which is no allowed signer's key`;
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

async function isProgram(name: string): Promise<boolean> {
  const found = await Promise.all(
    searchPath().map((folder) =>
      access(join(folder, name), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
