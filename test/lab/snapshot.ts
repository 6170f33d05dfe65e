import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LabContainer } from './lab.ts';

const run = promisify(execFile);

const SAVES = ['iptables-nft-save', 'ip6tables-nft-save', 'iptables-legacy-save', 'ip6tables-legacy-save'];

/**
 * What must be as it was before: every netfilter rule of every back end in the container's namespace, its devices and its traffic
 * control, and the container's state.
 */
export async function snapshot(container: LabContainer): Promise<string> {
  const { State } = await container.inspect();
  const facts = [`running=${State.Running} paused=${State.Paused}`];
  if (State.Running) {
    const pid = String(State.Pid);
    for (const program of SAVES) {
      const { stdout } = await run('nsenter', ['-t', pid, '-n', program]);
      facts.push(program, ...rulesOf(stdout));
    }
    facts.push('traffic control', ...(await trafficControl(pid)));
  }
  return facts.join('\n');
}

/** The engine's resolver listens on another port after each start. */
const ENGINE_DNS_PORT = /(--to-destination 127\.0\.0\.11:|--sport )\d+/;

/** Without comments, counters, and chains and tables that say nothing (looking at one makes it). */
function rulesOf(save: string): string[] {
  return save
    .split('\n')
    .filter((line) => line.startsWith('-A') || (line.startsWith(':') && line.includes(' - [')))
    .map((line) =>
      line
        .replace(/\[\d+:\d+\]/, '')
        .replace(ENGINE_DNS_PORT, '$1PORT')
        .trim(),
    )
    .sort();
}

/** Devices and queueing disciplines of a process's namespace. A filter can't be without its qdisc, nor without showing here. */
export async function trafficControl(pid: string): Promise<string[]> {
  const inside = async (...command: string[]) =>
    (await run('nsenter', ['-t', pid, '-n', ...command])).stdout.split('\n').filter((line) => line !== '');
  const links = (await inside('ip', '-o', 'link')).map((line) => line.split(':')[1]?.trim() ?? line);
  const qdiscs = await inside('tc', 'qdisc', 'show');
  const filters = await Promise.all(
    qdiscs
      .filter((line) => line.includes('clsact'))
      .flatMap((line) =>
        ['egress', 'ingress'].map((way) => ({ dev: line.split(' dev ')[1]?.split(' ')[0] ?? '', way })),
      )
      .map(({ dev, way }) => inside('tc', 'filter', 'show', 'dev', dev, way)),
  );
  return [...links, ...qdiscs, ...filters.flat()].map((line) => line.replace(/@if\d+/, '').trim()).sort();
}

/** Chains, jumps and devices of Squall's in the host's own namespace, where none may ever be. */
export async function marksOnHost(): Promise<string[]> {
  const saves = await Promise.all(SAVES.map((program) => run(program, [])));
  const links = await run('ip', ['-o', 'link']);
  return [...saves, links]
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => line.includes('SQ-') || line.includes(' sq-'));
}
