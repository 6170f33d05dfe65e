import type { HostFeatures } from '../../src/faults/fault.ts';

/** A host that has everything. */
export const WHOLE_HOST: HostFeatures = {
  iptables: true,
  ip6tables: true,
  shaping: { ifb: true, classifier: true, netem: true, tbf: true },
};
