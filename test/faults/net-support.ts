import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container } from '../../src/core/types.ts';
import type { FaultContext, World } from '../../src/faults/fault.ts';
import { createDocker, type DockerEngine } from '../../src/runtime/docker.ts';
import { createNetns } from '../../src/runtime/netns.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import type { LabContainer } from '../lab/lab.ts';
import { trafficControl } from '../lab/snapshot.ts';
import { createEffects } from './effect-support.ts';

export const docker: DockerEngine = createDocker();

/** A context on the real engine and real namespaces. */
export const context: FaultContext = {
  clock: systemClock,
  log: createLog('silent'),
  docker,
  netns: createNetns(),
  instance: '0badcafe',
};

const run = promisify(execFile);

/** As the engine describes it now. */
export async function observed(container: LabContainer): Promise<Container> {
  const found = await docker.inspect(container.id);
  assert.ok(found, `${container.name} is not there`);
  return found;
}

/** The world of these containers alone. */
export async function worldOf(
  containers: readonly LabContainer[],
  change: Partial<World> = {},
): Promise<World> {
  return {
    containers: await Promise.all(containers.map(observed)),
    hosts: new Map(),
    host: WHOLE_HOST,
    ...change,
  };
}

const effects = createEffects(context, observed);
export const { intend, again, edit, inject, observe, recover, recoverFully, recoverAll } = effects;

/** Intends and injects. The effect comes back as the next pass would prepare it: the journal knows of it by then. */
export const strike: typeof effects.strike = async (fault, target, world, change) =>
  again(await effects.strike(fault, target, world, change), target);

/** Runs a program in the container's network namespace and gives its output; rejects where it fails. */
export async function inNetns(container: LabContainer, ...command: string[]): Promise<string> {
  // In a mount namespace too: tc mounts a bpf file system where there is none.
  const entry = ['-t', String(await container.pid()), '-n', 'unshare', '--mount', '--'];
  const { stdout } = await run('nsenter', [...entry, ...command]);
  return stdout;
}

const SAVES = ['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'];

/**
 * All rules of both back ends and families, devices and traffic control. Comments and counters are left out, and tables without any rule: an empty table
 * and none are one thing to a packet, and no iptables can take one away. Legacy is only read where it holds tables.
 */
export async function snapshot(container: LabContainer): Promise<string> {
  const pid = await container.pid();
  const texts = await Promise.all(
    SAVES.map(async (program) => {
      const names = `/proc/${pid}/net/${program.startsWith('ip6') ? 'ip6' : 'ip'}_tables_names`;
      if (program.includes('legacy') && (await run('cat', [names])).stdout.trim() === '') return '';
      return `${program}\n${normal(await inNetns(container, program))}`;
    }),
  );
  return [...texts, ...(await trafficControl(String(pid)))].join('\n');
}

function normal(saved: string): string {
  const lines = saved
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, '[0:0]'));
  const tables = lines.join('\n').split(/^(?=\*)/m);
  return tables.filter((table) => /^-A|^:\S+ -|^:\S+ DROP/m.test(table)).join('');
}
