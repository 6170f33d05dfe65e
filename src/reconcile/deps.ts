import type { Owner, Provenance } from '../core/kinds.ts';
import type { HostFeatures } from '../faults/fault.ts';
import type { HaltFile } from '../journal/halt-file.ts';
import type { DesiredState } from '../manifests/desired.ts';
import type { ForeignFault } from '../plan/guard.ts';
import type { Inventory } from '../runtime/inventory.ts';
import type { HostCache } from './hosts.ts';
import type { Metrics } from './metrics.ts';
import type { RecoveryDeps } from './recovery.ts';

/** What reconciling needs of the world, put together by the daemon. */
export interface ReconcileDeps extends RecoveryDeps {
  metrics: Metrics;
  manifests: { state(): DesiredState };
  inventory: Inventory;
  hosts: HostCache;
  halt: HaltFile;
  /** As of now: what was lacking may be there after a resync. */
  readonly host: HostFeatures;
  /** Other instances' live faults, as the last sweep saw them. */
  foreign(): readonly ForeignFault[];
  /** Whether the Policies' health gates let chaos start and go on. */
  gate(): { holds: boolean; message: string };
  /** The commit that a manifest came from; looked up after a run has begun, which never waits for it. */
  provenance?(file: string): Promise<Provenance | undefined>;
  /** A pass over something that this owner wants has ended. */
  onOwned?(owner: Owner): void;
  /** Ids of Squall's own containers. */
  self: ReadonlySet<string>;
}
