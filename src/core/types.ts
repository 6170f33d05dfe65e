import type { Json } from './canonical.ts';
import type { Deadline } from './clock.ts';
import type { Manifest, ObjectId, Owner, Provenance } from './kinds.ts';

/** One network attachment of a container. */
export interface Attachment {
  network: string;
  ip4?: string;
  ip6?: string;
  /** Names that the engine's DNS answers for on this network. */
  aliases: string[];
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
export type Health = 'none' | 'starting' | 'healthy' | 'unhealthy';

/** A container as the engine last described it. Immutable; the inventory replaces it whole. */
export interface Container {
  /** 64 hex digits. */
  id: string;
  name: string;
  image: string;
  labels: Readonly<Record<string, string>>;
  state: ContainerState;
  health: Health;
  /** Host pid of the container's init; 0 when it is not running. */
  pid: number;
  /** RFC 3339 with nanoseconds, as the engine gives it. With `id` it names one incarnation. */
  startedAt: string;
  attachments: Attachment[];
  /** `default`, `host`, `none`, `container:<id>` or a network's name. */
  networkMode: string;
  autoRemove: boolean;
  /** `no`, `always`, `unless-stopped`, `on-failure`. */
  restartPolicy: string;
  /** Host path of the container's /etc/resolv.conf and /etc/hosts; empty where the engine has none. */
  resolvConfPath: string;
  hostsPath: string;
}

/** A fault as written: its `type` and that kind's own parameters. */
export interface FaultSpec {
  type: string;
  [parameter: string]: Json | undefined;
}

export interface LabelExpression {
  key: string;
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  values?: string[];
}

export interface Selector {
  project?: string;
  services?: string[];
  /** Exact names, or /regular expressions/. */
  names?: string[];
  labels?: Record<string, string>;
  labelExpressions?: LabelExpression[];
  /** Globs: `*` stands for any run of characters. */
  images?: string[];
  networks?: string[];
}

export type Mode = 'all' | 'one' | { count: number } | { percent: number } | { maxPercent: number };

export interface BlastRadius {
  maxTargets?: number;
  maxPercent?: number;
  minHealthy?: number;
}

export interface ExperimentSpec {
  suspend?: boolean;
  duration: string;
  recoveryTimeout?: string;
  targets: { select: Selector; mode: Mode; seed?: number };
  faults: FaultSpec[];
  blastRadius?: BlastRadius;
}

/** Where a document stands. Lines and columns start at 1. */
export interface Source {
  file: string;
  line: number;
  column: number;
}

/** An Experiment as it is declared now. */
export type Declared = Manifest<'Experiment'>;

export const PHASES = [
  'Pending',
  'Denied',
  'Running',
  'Recovering',
  'Completed',
  'Halted',
  'Aborted',
  'Failed',
  'Suspended',
  'Invalid',
] as const;
export type Phase = (typeof PHASES)[number];

export const CONDITION_TYPES = [
  'Valid',
  'Selected',
  'Permitted',
  'Injected',
  'Recovered',
  'SteadyState',
] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export interface Condition {
  type: ConditionType;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  /** ms since the epoch, of the last change of `status`. */
  time: number;
  observedGeneration: number;
}

/** Held by a person: `suspended` by `squall suspend`, `halted` by `squall halt`; lifted by `squall resume`. */
export type Hold = 'suspended' | 'halted';

/** An experiment as the journal remembers it: accepted spec, generation, status. */
export interface ExperimentRecord {
  name: string;
  uid: string;
  generation: number;
  specHash: string;
  spec: ExperimentSpec;
  labels: Record<string, string>;
  source: Source;
  hold: Hold | null;
  phase: Phase;
  reason: string;
  message: string;
  conditions: Condition[];
  /** The run that stands for the current generation (running or ended). */
  runId: string | null;
  /** A second run asked for by a person, not yet started. */
  runRequested: string | null;
  /** Who made it, where no file declares it. */
  owner: Owner | null;
  /** The declared experiment that it is a copy of: a hold of that one holds it too. */
  copyOf: string | null;
  createdAt: number;
  updatedAt: number;
}

/** A fault of a run in its slot. The slot is its name in the world (chains) and outlives edits of its parameters. */
export interface SlottedFault {
  slot: number;
  fault: FaultSpec;
}

/** A container chosen for a run. */
export interface TargetRef {
  id: string;
  name: string;
  /** `project/service` of its labels, as it was chosen. */
  service?: string;
}

export type RunPhase = 'Running' | 'Recovering' | 'Completed' | 'Halted' | 'Aborted' | 'Failed';

export interface Run {
  id: string;
  experiment: string;
  generation: number;
  /** What started it: `manifest`, `manual`, `schedule/<name>`. */
  trigger: string;
  /** Asked for while the spec was suspended (a template): `suspend` does not hold it. */
  template: boolean;
  phase: RunPhase;
  reason: string;
  /** Why it ends, once it is Recovering: the phase it will have then. */
  outcome: RunPhase | null;
  startedAt: number;
  /** ms from the start to the deadline, as the spec has it now. What has run is this less what remains: no step of the wall clock counts. */
  duration: number;
  deadline: Deadline;
  /** ms. */
  recoveryTimeout: number;
  faults: SlottedFault[];
  targets: TargetRef[];
  endedAt: number | null;
  /** The commit that the manifest came from, as the run began; null outside a work tree, and until it is known. */
  provenance: Provenance | null;
}

/**
 * intended: durable, the world may or may not be changed; injected: the world was changed; recovering: claimed by someone who
 * is undoing it; recovered: undone, or the target is gone; failed: could not be undone in time (and is tried again at each resync).
 */
export type EffectPhase = 'intended' | 'injected' | 'recovering' | 'recovered' | 'failed';

/** One fault on one target: a row of the undo log. */
export interface Effect {
  id: number;
  runId: string;
  experiment: string;
  instance: string;
  target: TargetRef;
  /** `startedAt` of the container's incarnation that carries it. */
  incarnation: string;
  slot: number;
  fault: FaultSpec;
  /** What the parameters came to in this world (addresses of peers, say). */
  resolved: Json;
  /** What the fault needs to undo it; written before the change is made. */
  undo: Json;
  phase: EffectPhase;
  /** Raised by every claim: who holds the number may act. */
  epoch: number;
  /** What the world was told (a datestop, say); the run's own deadline is the one that counts. */
  deadline: Deadline;
  intendedAt: number;
  injectedAt: number | null;
  /** When recovery began. */
  recoveringAt: number | null;
  /** The same in boot time (ms): recoveryTimeout counts from here, so that a step of the wall clock fails no run. */
  recoveringBoot: number | null;
  recoveredAt: number | null;
  /** How often it was put in: strikes of a kill with `every`, and injections into restarted targets, edits and repairs. */
  strikes: number;
  error: string | null;
}

export type EventType = 'Normal' | 'Warning';

/** An entry of `squall events`. */
export interface SquallEvent {
  id: number;
  time: number;
  type: EventType;
  reason: string;
  experiment: string | null;
  run: string | null;
  target: string | null;
  message: string;
  /** What it is about where that is no experiment: `Schedule/nightly`. */
  object: ObjectId | null;
}
