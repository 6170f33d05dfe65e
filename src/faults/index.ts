import { containerKill } from './container-kill.ts';
import { containerPause } from './container-pause.ts';
import { containerRestart } from './container-restart.ts';
import { containerStop } from './container-stop.ts';
import type { FaultKind } from './fault.ts';
import { networkBandwidth } from './network-bandwidth.ts';
import { networkBlock } from './network-block.ts';
import { networkCorrupt } from './network-corrupt.ts';
import { networkDuplicate } from './network-duplicate.ts';
import { networkLatency } from './network-latency.ts';
import { networkLoss } from './network-loss.ts';
import { networkPartition } from './network-partition.ts';
import { networkReorder } from './network-reorder.ts';

/** Every kind of fault there is, by type. */
export const FAULTS: readonly FaultKind[] = [
  containerKill,
  containerPause,
  containerRestart,
  containerStop,
  networkBandwidth,
  networkBlock,
  networkCorrupt,
  networkDuplicate,
  networkLatency,
  networkLoss,
  networkPartition,
  networkReorder,
];

const BY_TYPE = new Map(FAULTS.map((kind) => [kind.type, kind]));

/** The kind of a fault whose manifest was checked. Throws TypeError on an unknown one: it is a bug, not bad input. */
export function faultKind(type: string): FaultKind {
  const kind = BY_TYPE.get(type);
  if (!kind) throw new TypeError(`not a kind of fault: ${JSON.stringify(type)}`);
  return kind;
}
