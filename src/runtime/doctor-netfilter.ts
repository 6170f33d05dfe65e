import { existsSync } from 'node:fs';
import { type Check, type CheckId, check } from './doctor-check.ts';
import { exec } from './exec.ts';
import { type Backend, type Family, installed } from './iptables.ts';

/** A rule that needs one match or target, as iptables-restore(8) reads it. */
interface Feature {
  id: CheckId;
  what: string;
  rule: (family: Family) => string;
  module: string;
}

const FEATURES: readonly Feature[] = [
  {
    id: 'match-time',
    what: 'time match',
    rule: () => '-m time --datestop 2037-01-01T00:00:00 -j DROP',
    module: 'xt_time',
  },
  {
    id: 'match-comment',
    what: 'comment match',
    rule: () => '-m comment --comment squall -j DROP',
    module: 'xt_comment',
  },
  {
    id: 'match-multiport',
    what: 'multiport match',
    rule: () => '-p tcp -m multiport --dports 1,2 -j DROP',
    module: 'xt_multiport',
  },
  {
    id: 'match-statistic',
    what: 'statistic match',
    rule: () => '-m statistic --mode random --probability 0.5 -j DROP',
    module: 'xt_statistic',
  },
  {
    id: 'target-reject',
    what: 'REJECT target',
    rule: (family) =>
      family === 4
        ? '-j REJECT --reject-with icmp-port-unreachable'
        : '-j REJECT --reject-with icmp6-port-unreachable',
    module: 'ipt_REJECT, ip6t_REJECT',
  },
];

interface Lane {
  family: Family;
  backend: Backend;
  restore: string;
}

/**
 * Which back ends there are and what they can do, tried by real rules in network namespaces that end with each try: nothing of the
 * host or of a container is touched. Without the right to make namespaces nothing is tried. Never rejects.
 */
export async function checkNetfilter(canMakeNamespaces: boolean): Promise<Check[]> {
  const lanes = [...(await lanesOf(4)), ...(await lanesOf(6))];
  return [
    checkInstalled('iptables', lanes, 4),
    checkInstalled('ip6tables', lanes, 6),
    ...(canMakeNamespaces ? await Promise.all(FEATURES.map((feature) => checkFeature(feature, lanes))) : []),
  ];
}

async function lanesOf(family: Family): Promise<Lane[]> {
  const programs = await installed(family).catch(() => ({}) as Awaited<ReturnType<typeof installed>>);
  const lanes: Lane[] = [];
  if (programs.nft) lanes.push({ family, backend: 'nft', restore: programs.nft.restore });
  // To try the legacy programs loads their modules: not for a back end that nothing uses.
  const used =
    !programs.nft || existsSync(family === 4 ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names');
  if (programs.legacy && used) lanes.push({ family, backend: 'legacy', restore: programs.legacy.restore });
  return lanes;
}

const MEND = 'Install the package iptables on the host of the daemon';

function checkInstalled(id: 'iptables' | 'ip6tables', lanes: readonly Lane[], family: Family): Check {
  const found = lanes.filter((lane) => lane.family === family).map(({ backend }) => backend);
  if (found.length > 0) return check(id, 'ok', `back end ${found.join(', ')}`);
  if (family === 4) return check(id, 'missing', 'not installed', MEND);
  return check(id, 'warn', 'not installed: network faults refuse targets with IPv6', MEND);
}

async function checkFeature({ id, what, rule, module }: Feature, lanes: readonly Lane[]): Promise<Check> {
  if (lanes.length === 0) return check(id, 'missing', 'no iptables to try it with', MEND);
  const tries = await Promise.all(
    lanes.map(async (lane) => ({ lane, error: await tryRule(lane, rule(lane.family)) })),
  );
  const failed = tries.filter(({ error }) => error !== undefined);
  const names = (some: typeof tries) =>
    some.map(({ lane }) => `IPv${lane.family} ${lane.backend}`).join(', ');
  if (failed.length === 0) return check(id, 'ok', `the ${what} works (${names(tries)})`);
  const mend = `Load the kernel module (${module}) or install the package iptables`;
  const state = failed.some(({ lane }) => lane.family === 4) ? 'missing' : 'warn';
  return check(id, state, `the ${what} fails (${names(failed)}): ${failed[0]?.error}`, mend);
}

/** The error's last line, or undefined where the kernel took the rule. */
async function tryRule({ restore }: Lane, rule: string): Promise<string | undefined> {
  try {
    const stdin = `*filter\n-A OUTPUT ${rule}\nCOMMIT\n`;
    const { code, stderr } = await exec('unshare', ['--net', '--', restore, '--noflush'], { stdin });
    return code === 0 ? undefined : (stderr.trim().split('\n')[0] ?? `code ${code}`);
  } catch (error) {
    return (error as Error).message;
  }
}
