import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Exec, exec as execHere } from '../src/runtime/exec.ts';
import type { Inside } from '../test/lab/child.ts';
import { now } from '../test/lab/child-io.ts';

/** The least that any tool on this machine needs: one bare `nsenter -t PID -n iptables-restore --noflush FILE`. */
export interface Floor {
  block(): Promise<{ startedAt: number; endedAt: number }>;
  unblock(): Promise<{ startedAt: number; endedAt: number }>;
}

const CHAIN = 'BENCH-FLOOR';

/** Rules files in `dir` that cut the container off from `address`, and that undo it. `restore`: the program that takes them. */
export async function openFloor(
  dir: string,
  container: Pick<Inside, 'pid'>,
  address: string,
  { exec = execHere, restore: program = 'iptables-restore' }: { exec?: Exec; restore?: string } = {},
): Promise<Floor> {
  const pid = String(await container.pid());
  const write = (file: string, lines: string[]) => {
    const path = join(dir, file);
    writeFileSync(path, `*filter\n${lines.join('\n')}\nCOMMIT\n`);
    return path;
  };
  const on = write('block.rules', [
    `:${CHAIN} - [0:0]`,
    `-A ${CHAIN} -d ${address} -j DROP`,
    `-I OUTPUT 1 -j ${CHAIN}`,
  ]);
  const off = write('unblock.rules', [`:${CHAIN} - [0:0]`, `-D OUTPUT -j ${CHAIN}`, `-X ${CHAIN}`]);
  const restore = async (file: string) => {
    const startedAt = now();
    const { code, stderr } = await exec('nsenter', ['-t', pid, '-n', program, '--noflush', file]);
    if (code !== 0) throw new Error(`${program}: ${stderr}`);
    return { startedAt, endedAt: now() };
  };
  return { block: () => restore(on), unblock: () => restore(off) };
}
