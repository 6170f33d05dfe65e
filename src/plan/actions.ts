import type { Json } from '../core/canonical.ts';
import type { ErrorCode } from '../core/errors.ts';
import type {
  Container,
  Effect,
  ExperimentRecord,
  FaultSpec,
  RunPhase,
  SlottedFault,
  TargetRef,
} from '../core/types.ts';

/** Why a selection is refused, or waits. */
export interface Refusal {
  code: ErrorCode;
  reason: string;
  message: string;
  /** ms after which time alone may have lifted it; what else may lift it makes another pass by itself. */
  retryAfter?: number;
}

/** Why a fault is put in (again). */
export type InjectReason =
  | 'new'
  | 'matched'
  | 'restarted'
  | 'edited'
  | 'peers'
  | 'deadline'
  | 'drift'
  | 'resume'
  | 'strike';

/** Why a fault is taken out. */
export type RecoverReason =
  | 'deadline'
  | 'deleted'
  | 'held'
  | 'edited'
  | 'denied'
  | 'failed'
  | 'target-gone'
  | 'target-started'
  | 'ending';

/** A run to be written before anything is injected. */
export interface RunDraft {
  id: string;
  generation: number;
  trigger: string;
  template: boolean;
  /** ms from the run's start. */
  duration: number;
  /** ms. */
  recoveryTimeout: number;
  faults: SlottedFault[];
  targets: TargetRef[];
}

export type Action =
  | { kind: 'start'; run: RunDraft }
  /** The running run takes up an edited spec, or newly matching containers. */
  | { kind: 'edit'; run: RunDraft }
  | {
      kind: 'inject';
      target: Container;
      slot: number;
      fault: FaultSpec;
      resolved: Json;
      reason: InjectReason;
    }
  /** An act whose intent is durable and whose trace is seen: it did happen. */
  | { kind: 'adopt'; effect: Effect }
  | { kind: 'recover'; effect: Effect; reason: RecoverReason }
  /** The run is over; what is left is recovery, and then this phase. */
  | { kind: 'end'; outcome: RunPhase; reason: string; message: string }
  | { kind: 'finish'; phase: RunPhase; reason: string; message: string }
  /** The manifest is gone and all is recovered: the object ends. */
  | { kind: 'forget' };

/** A host name that must be resolved inside a container before the plan can be made. */
export interface Lookup {
  container: Container;
  host: string;
}

export interface Plan {
  actions: Action[];
  /** The object as it should be remembered; undefined where there is none. */
  record: ExperimentRecord | undefined;
  /** Not empty: resolve these first and plan again; nothing else is decided yet. */
  lookups: Lookup[];
  /** Why nothing starts, where something was to. */
  refusal?: Refusal;
  /** ms until time alone changes the plan. */
  wakeAfter: number | undefined;
}
