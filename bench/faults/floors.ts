import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { classifier } from '../../src/faults/shape/program.ts';
import { bpfObject } from '../../src/runtime/bpf-object.ts';
import type { Exec } from '../../src/runtime/exec.ts';
import { asBatch, filterLine } from '../../src/runtime/tc.ts';
import type { Inside } from '../../test/lab/child.ts';

/** A lane on one target by hand: nothing is read, decided, written down or checked. */
export interface Lane {
  block(): Promise<void>;
  unblock(): Promise<void>;
}

const DEVICE = 'bench-floor';
const SECTION = 'bench';
const HOUR = 3_600_000;

/** What a lane takes: a device with its qdisc, and a filter that sends the packets there; one `ip` and one `tc`. */
export function openLaneFloor(dir: string, address: string, exec: Exec): (target: Inside) => Promise<Lane> {
  const object = write(dir, 'lane.o', bpfObject(program(address), SECTION));
  const filter = { dev: 'eth0', way: 'egress', pref: 1, handle: 1, program: SECTION, to: DEVICE } as const;
  const links = write(dir, 'links', asBatch(lines(`link add ${DEVICE} type ifb`, `link set ${DEVICE} up`)));
  const rate = 'tbf rate 128kbit burst 1600b limit 3200b';
  const traffic = write(
    dir,
    'traffic',
    asBatch([
      ...lines(`qdisc add dev ${DEVICE} root ${rate}`, 'qdisc add dev eth0 clsact'),
      filterLine(filter, object),
    ]),
  );
  return async (target) => {
    const enter = entry(exec, await target.pid());
    return {
      block: async () => {
        await enter('ip', '-batch', links);
        // A mount namespace for the bpf file system that tc mounts.
        await enter('unshare', '--mount', '--', 'tc', '-batch', traffic);
      },
      unblock: async () => {
        await enter('tc', 'qdisc', 'del', 'dev', 'eth0', 'clsact');
        await enter('ip', 'link', 'del', DEVICE);
      },
    };
  };
}

function program(address: string): Buffer {
  return classifier({
    way: 'egress',
    filter: { protocols: [], ports: [], sourcePorts: [] },
    peers: { v4: [address], v6: [], any: false },
    until: systemClock.boot() + HOUR,
  });
}

function entry(exec: Exec, pid: number): (...command: string[]) => Promise<void> {
  return async (...command) => {
    const { code, stderr } = await exec('nsenter', ['-t', `${pid}`, '-n', '--', ...command]);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
  };
}

function write(dir: string, file: string, content: string | Buffer): string {
  const path = join(dir, file);
  writeFileSync(path, content);
  return path;
}

function lines(...all: string[]): string[][] {
  return all.map((line) => line.split(' '));
}
