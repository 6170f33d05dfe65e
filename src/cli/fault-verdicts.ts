import type { FaultKind } from '../faults/fault.ts';
import type { FaultVerdict } from '../report/doctor.ts';
import type { Check, CheckId } from '../runtime/doctor-check.ts';

/** What a kind can do less well without. */
interface Wish {
  id: CheckId;
  without: string;
}

const ALL: CheckId[] = ['engine', 'state', 'disk', 'clock'];
const ENTRY: CheckId[] = ['engine-place', 'privileges', 'processes', 'nsenter', 'namespaces'];

/** For some of a kind's parameters. */
const WISHES: Record<string, Wish[]> = {
  'network-loss': (['iproute2', 'ifb', 'classifier', 'netem'] as const).map((id) => ({
    id,
    without: '`gemodel`, `state`, `correlation` and `interface` fail',
  })),
  'network-block': [{ id: 'target-reject', without: '`action: reject` fails' }],
  'network-latency': [{ id: 'netem-tables', without: '`distribution` fails' }],
  'container-kill': [{ id: 'processes', without: 'only `via: engine` works' }],
};

type Described = Pick<FaultKind, 'type' | 'entersNetwork' | 'endedBy' | 'needs'>;

/** Pure: the checks, told fault by fault. One that was not made counts as missing, and what kept it from being made is told instead. */
export function judgeFaults(kinds: readonly Described[], checks: readonly Check[]): FaultVerdict[] {
  const byId = new Map(checks.map((one) => [one.id, one]));
  return kinds.map((kind) => judge(kind, byId));
}

function judge(kind: Described, checks: ReadonlyMap<CheckId, Check>): FaultVerdict {
  const must = [...ALL, ...(kind.entersNetwork ? ENTRY : []), ...(kind.needs ?? [])];
  const stateOf = (id: CheckId) => checks.get(id)?.state ?? 'missing';
  const lacking = must.filter((id) => stateOf(id) === 'missing');
  if (lacking.length > 0) {
    const because = made(lacking, checks);
    return { fault: kind.type, state: 'missing', because, why: `needs ${because.join(', ')}` };
  }
  const worse = wishesOf(kind).filter(({ id }) => stateOf(id) !== 'ok');
  const doubtful = must.filter((id) => stateOf(id) === 'warn' && !worse.some((one) => one.id === id));
  const whys = [...worse.map(({ without }) => without), ...doubtful.map((id) => `see ${id}`)];
  const because = made([...worse.map(({ id }) => id), ...doubtful], checks);
  return {
    fault: kind.type,
    state: because.length > 0 ? 'warn' : 'ok',
    because,
    why: [...new Set(whys)].join('; '),
  };
}

/** Of what lacks, those that were looked at: what lies behind the others. All, where none was. */
function made(lacking: CheckId[], checks: ReadonlyMap<CheckId, Check>): CheckId[] {
  const looked = lacking.filter((id) => checks.has(id));
  return looked.length > 0 ? looked : lacking;
}

function wishesOf({ type, endedBy, needs = [] }: Described): Wish[] {
  const ip6 = { id: 'ip6tables' as const, without: 'targets with IPv6 are refused' };
  const guard = { id: 'sentinel' as const, without: 'nothing ends it when the daemon is dead' };
  return [
    ...(needs.includes('iptables') ? [ip6] : []),
    ...(endedBy === 'sentinel' ? [guard] : []),
    ...(WISHES[type] ?? []),
  ];
}
