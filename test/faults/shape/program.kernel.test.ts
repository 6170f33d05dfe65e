import { describe, it } from 'node:test';
import { filterHandle, PREF } from '../../../src/faults/shape/lane.ts';
import { classifier, type Match } from '../../../src/faults/shape/program.ts';
import { exec } from '../../../src/runtime/exec.ts';
import type { Netns } from '../../../src/runtime/netns.ts';
import { batchObjects, filterLine, withObjects } from '../../../src/runtime/tc.ts';

/** A new namespace for each program that is run. */
const ns: Netns = {
  inode: 0,
  run: (program, args, stdin = '') => exec('unshare', ['--net', '--', program, ...args], { stdin }),
  procNet: async () => '',
};

/** Has the kernel's verifier read a classifier. Throws SQ306 with its words where it refuses. */
async function load(match: Partial<Match['filter'] & Match['peers']>): Promise<void> {
  const { protocols = ['tcp', 'udp'], ports = [], sourcePorts = [], v4 = [], v6 = [], any = false } = match;
  const filter = { protocols, ports, sourcePorts };
  const code = classifier({ way: 'egress', filter, peers: { v4, v6, any }, until: 1e9 });
  await withObjects(new Map([['sq-test', code]]), (fileOf) => {
    const place = { dev: 'lo', way: 'egress', pref: PREF, handle: filterHandle('lo'), to: 'lo' } as const;
    const line = filterLine({ ...place, program: 'sq-test' }, fileOf('sq-test'));
    return batchObjects(ns, [['qdisc', 'add', 'dev', 'lo', 'clsact'], line]);
  });
}

const many = <T>(one: (hex: string, number: number) => T): T[] =>
  Array.from({ length: 1000 }, (_, number) => one(number.toString(16), number));
const RANGES = many((_, number) => ({ first: number * 60 + 1, last: number * 60 + 31 }));

/** The verifier gives up after a million steps: nothing may make it try one thing after each other. */
describe('the kernel takes the largest filters that a manifest may hold', () => {
  it('a thousand ranges of each kind of ports, in any order', async () => {
    const shuffled = RANGES.map((_, index) => RANGES[(index * 7919) % RANGES.length] ?? RANGES[0]);
    const sourcePorts = shuffled.filter((range) => range !== undefined);
    await load({ v4: ['10.0.0.1'], v6: ['fd00::1'], ports: RANGES, sourcePorts });
  });

  it('a thousand peers of IPv6, that differ at the front, in the middle or at the end', async () => {
    await load({ v6: many((hex) => `fd00:${hex}::${hex}/127`) });
    await load({ v6: many((hex) => `fd00:1:${hex}:1::${hex}`) });
    await load({ v6: many((hex) => `fd00:1:2:3:4:5:6:${hex}`) });
  });

  it('a thousand peers of IPv4, alone or as networks', async () => {
    await load({ v4: many((_, number) => `10.${number >> 8}.${number & 255}.1`) });
    await load({ v4: many((_, number) => `10.${number >> 8}.${number & 255}.0/25`) });
  });

  it('all of that at once', async () => {
    const v4 = many((_, number) => `10.${number >> 8}.${number & 255}.1`).slice(0, 500);
    const v6 = many((hex) => `fd00:1:${hex}:1::${hex}/100`).slice(0, 500);
    await load({ v4, v6, ports: RANGES, sourcePorts: RANGES });
  });

  it('everyone, and nobody', async () => {
    await load({ any: true, protocols: [] });
    await load({ any: true, protocols: ['icmp'] });
    await load({ protocols: [] });
  });
});
