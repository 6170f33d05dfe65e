import { readFileSync } from 'node:fs';
import { type Check, type CheckId, check } from './doctor-check.ts';
import { exec } from './exec.ts';

/** Numbers of capabilities(7). */
const CAPABILITIES = {
  CAP_KILL: 5,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
};

/** What this process may do, and the programs it does it with. Never rejects. */
export async function checkHost(): Promise<Check[]> {
  return [
    checkPrivileges(read('/proc/self/status')),
    await checkProgram('nsenter', 'nsenter', ['--version'], 'Install the package util-linux'),
    await checkProgram(
      'namespaces',
      'unshare',
      ['--net', '--', 'true'],
      'Run the daemon as root with CAP_SYS_ADMIN (`privileged: true` in compose)',
    ),
  ];
}

/** By the effective capabilities of proc_pid_status(5), not by the user: root in a container may lack them. */
export function checkPrivileges(status: string): Check {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const lacking = Object.entries(CAPABILITIES)
    .filter(([, bit]) => ((mask >> BigInt(bit)) & 1n) === 0n)
    .map(([name]) => name);
  if (lacking.length === 0) return check('privileges', 'ok', `has ${Object.keys(CAPABILITIES).join(', ')}`);
  return check(
    'privileges',
    'missing',
    `lacks ${lacking.join(', ')}`,
    'Run the daemon as root (in a container: `privileged: true`)',
  );
}

async function checkProgram(id: CheckId, program: string, args: string[], mend: string): Promise<Check> {
  try {
    const { code, stdout, stderr } = await exec(program, args);
    if (code === 0) return check(id, 'ok', stdout.split('\n')[0]?.trim() || `${program} works`);
    return check(id, 'missing', stderr.split('\n')[0] || `${program} failed with ${code}`, mend);
  } catch (error) {
    return check(id, 'missing', (error as Error).message, mend);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
