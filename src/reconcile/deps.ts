import type { SquallEvent } from '../core/types.ts';
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
  host: HostFeatures;
  /** Other instances' live faults, as the last sweep saw them. */
  foreign(): readonly ForeignFault[];
  /** Ids of Squall's own containers. */
  self: ReadonlySet<string>;
}

export type NewEvent = Partial<Pick<SquallEvent, 'run' | 'target'>> &
  Pick<SquallEvent, 'reason' | 'message' | 'experiment'> & { warning?: boolean };

/** Stores an event and logs it. An event that can't be stored is logged all the same: it never stands in the way of recovery. */
export function emit(
  { journal, clock, log }: Pick<RecoveryDeps, 'journal' | 'clock' | 'log'>,
  event: NewEvent,
): void {
  const { warning, run = null, target = null, experiment, reason, message } = event;
  log[warning ? 'warn' : 'info']({ experiment, run, target, reason, message }, 'event');
  try {
    journal.events.add({
      time: clock.now(),
      type: warning ? 'Warning' : 'Normal',
      reason,
      experiment,
      run,
      target,
      message,
    });
  } catch (error) {
    log.error({ error: String(error) }, 'event not stored');
  }
}
