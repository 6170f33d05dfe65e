import { containerProbe } from './container.ts';
import { execProbe } from './exec.ts';
import { httpProbe } from './http.ts';
import type { ProbeKind } from './probe.ts';
import { tcpProbe } from './tcp.ts';

/** Every kind of probe there is, by type. */
export const PROBES: readonly ProbeKind[] = [containerProbe, execProbe, httpProbe, tcpProbe];

const BY_TYPE = new Map(PROBES.map((kind) => [kind.type, kind]));

/** The kind of a probe whose manifest was checked. Throws TypeError on an unknown one: it is a bug, not bad input. */
export function probeKind(type: string): ProbeKind {
  const kind = BY_TYPE.get(type);
  if (!kind) throw new TypeError(`not a kind of probe: ${JSON.stringify(type)}`);
  return kind;
}
