import type { FaultKind } from '../faults/fault.ts';
import type { FaultVerdict } from '../report/doctor.ts';
import type { Check, CheckId } from '../runtime/doctor-check.ts';

/** What a kind can't do without, and what it can do less well without. */
interface Needs {
  must: CheckId[];
  should: { id: CheckId; without: string }[];
}

const ALL: CheckId[] = ['engine', 'state', 'disk', 'clock'];
const NETWORK: CheckId[] = [
  'engine-place',
  'privileges',
  'processes',
  'nsenter',
  'namespaces',
  'iptables',
  'match-time',
  'match-comment',
  'match-multiport',
];

/** Beyond what a kind's own description tells (`entersNetwork`, `endedBy`). */
const MORE: Record<string, Partial<Needs>> = {
  'network-loss': { must: ['match-statistic'] },
  'network-block': { should: [{ id: 'target-reject', without: '`action: reject` fails' }] },
  'container-kill': { should: [{ id: 'processes', without: 'only `via: engine` works' }] },
};

type Described = Pick<FaultKind, 'type' | 'entersNetwork' | 'endedBy'>;

/** Pure: the checks, told fault by fault. One that was not made counts as missing, and what kept it from being made is told instead. */
export function judgeFaults(kinds: readonly Described[], checks: readonly Check[]): FaultVerdict[] {
  const byId = new Map(checks.map((one) => [one.id, one]));
  return kinds.map((kind) => judge(kind, byId));
}

function judge(kind: Described, checks: ReadonlyMap<CheckId, Check>): FaultVerdict {
  const { must, should } = needsOf(kind);
  const stateOf = (id: CheckId) => checks.get(id)?.state ?? 'missing';
  const lacking = must.filter((id) => stateOf(id) === 'missing');
  if (lacking.length > 0) {
    const made = lacking.filter((id) => checks.has(id));
    const because = made.length > 0 ? made : lacking;
    return { fault: kind.type, state: 'missing', because, why: `needs ${because.join(', ')}` };
  }
  const worse = should.filter(({ id }) => stateOf(id) !== 'ok');
  const doubtful = must.filter((id) => stateOf(id) === 'warn' && !worse.some((one) => one.id === id));
  const why = [...worse.map(({ without }) => without), ...doubtful.map((id) => `see ${id}`)].join('; ');
  const because = [...worse.map(({ id }) => id), ...doubtful];
  return { fault: kind.type, state: because.length > 0 ? 'warn' : 'ok', because, why };
}

function needsOf({ type, entersNetwork, endedBy }: Described): Needs {
  const more = MORE[type] ?? {};
  const ip6 = { id: 'ip6tables' as const, without: 'targets with IPv6 are refused' };
  const guard = { id: 'sentinel' as const, without: 'nothing ends it when the daemon is dead' };
  return {
    must: [...ALL, ...(entersNetwork ? NETWORK : []), ...(more.must ?? [])],
    should: [
      ...(entersNetwork ? [ip6] : []),
      ...(endedBy === 'sentinel' ? [guard] : []),
      ...(more.should ?? []),
    ],
  };
}
