/** How well one thing that Squall needs is there. warn: works, but less well. */
export type CheckState = 'ok' | 'warn' | 'missing';

/** What `squall doctor` looks at. Fault kinds name what they need by these. */
export type CheckId =
  | 'engine'
  | 'engine-place'
  | 'cgroup'
  | 'privileges'
  | 'processes'
  | 'nsenter'
  | 'namespaces'
  | 'iptables'
  | 'ip6tables'
  | 'match-time'
  | 'match-comment'
  | 'match-multiport'
  | 'match-statistic'
  | 'target-reject'
  | 'iproute2'
  | 'ifb'
  | 'classifier'
  | 'netem'
  | 'netem-tables'
  | 'tbf'
  | 'state'
  | 'disk'
  | 'clock'
  | 'sentinel';

export interface Check {
  id: CheckId;
  state: CheckState;
  /** What was found, in one line. */
  found: string;
  /** What to do about it; empty where nothing need be done. */
  mend: string;
}

export function check(id: CheckId, state: CheckState, found: string, mend = ''): Check {
  return { id, state, found, mend };
}
