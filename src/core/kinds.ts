import type { Json } from './canonical.ts';
import type { Condition, ExperimentSpec, Hold, Selector, Source } from './types.ts';

/** The kinds of document, in the order in which they are listed. */
export const KINDS = ['Experiment', 'Schedule', 'Scenario', 'Policy'] as const;
export type Kind = (typeof KINDS)[number];

/** `Kind/name`: what one document is known by, over all kinds. */
export type ObjectId = `${Kind}/${string}`;

export function objectId(kind: Kind, name: string): ObjectId {
  return `${kind}/${name}`;
}

export function parseObjectId(id: ObjectId): { kind: Kind; name: string } {
  const slash = id.indexOf('/');
  return { kind: id.slice(0, slash) as Kind, name: id.slice(slash + 1) };
}

/** A probe as written: its `type` and that kind's own parameters. Durations are Go-style texts. */
export interface ProbeSpec {
  type: string;
  /** How it is called in messages; the type where it is not given. */
  name?: string;
  /** Between the ends of two tries. Default 5s. */
  interval?: string;
  /** Of one try. Default 5s. */
  timeout?: string;
  /** Tries in a row that must fail until the probe counts as failing. Default 1. */
  failureThreshold?: number;
  [parameter: string]: unknown;
}

/** Times of the week, or whole days. All that is given must hold. */
export interface TimeWindow {
  /** `mon` ... `sun`, or spans of them (`mon-fri`). Without: every day. A window over midnight belongs to the day it begins on. */
  days?: string[];
  /** `HH:MM`, in the window's zone. Without: from midnight. */
  from?: string;
  /** `HH:MM`, exclusive; at or before `from` it is on the next day. `24:00` is midnight. Without: to midnight. */
  to?: string;
  /** `YYYY-MM-DD`, or spans (`2026-12-20/2027-01-03`): only on those days. */
  dates?: string[];
  /** IANA name; the windows' own, or UTC. */
  timeZone?: string;
}

export interface Budget {
  /** Seconds that containers spend under a fault, added up. A Go-style duration. */
  faultTime: string;
  /** The rolling time over which they are added up. */
  window: string;
  /** For all containers together, or for those of each service. Default `all`. */
  per?: 'all' | 'service';
}

/** What must hold for any chaos. What a Policy does not say, it has no opinion on. Of several the tightest wins. */
export interface PolicySpec {
  /** Who may be hit. `label`: what carries squall.enabled=true (what holds where no Policy says anything); `none`: everybody. */
  optIn?: 'label' | 'none' | { select: Selector };
  /** Never hit. */
  protect?: Selector[];
  /** Globs. A target may be on these networks only. */
  networks?: string[];
  /** Kinds of fault, where not all are wanted. */
  faults?: { allow?: string[]; deny?: string[] };
  maxDuration?: string;
  /** Runs at once, over all experiments. */
  maxConcurrentRuns?: number;
  /** Containers hit at once, over all experiments. */
  maxTargets?: number;
  /** Of the containers of any one service, what is already down included. */
  maxPercent?: number;
  /** Containers of each service that are left alone, running and not unhealthy. */
  minHealthy?: number;
  budget?: Budget[];
  windows?: { timeZone?: string; allow?: TimeWindow[]; deny?: TimeWindow[] };
  /** Probes that must hold for any chaos to start or go on. */
  healthGate?: { probes: ProbeSpec[] };
}

export type ConcurrencyPolicy = 'Forbid' | 'Replace' | 'Allow';

export interface ScheduleSpec {
  /** Five or six fields (seconds first), or @hourly and its like. */
  cron: string;
  /** IANA name. Default UTC. */
  timeZone?: string;
  /** Exactly one of these three. */
  experimentRef?: { name: string };
  experiment?: ExperimentSpec;
  scenarioRef?: { name: string };
  suspend?: boolean;
  /** Default Forbid. */
  concurrencyPolicy?: ConcurrencyPolicy;
  /** How late a missed time may still start. Default 1m. */
  startingDeadline?: string;
  /** A delay of each start between nothing and this, the same for the same time whoever computes it. */
  jitter?: string;
  /** How many ended runs are kept. Default 10. */
  historyLimit?: number;
}

/** One step of a Scenario: exactly one of the fields beside `name`. */
export interface StepSpec {
  name?: string;
  /** A declared experiment (a suspended one too), run to its end. */
  experimentRef?: { name: string; duration?: string };
  /** An experiment of the step's own. */
  experiment?: ExperimentSpec;
  /** Time that passes. */
  wait?: string;
  /** Holds when the probe holds, which is tried until `within` (default: its failureThreshold) is over. */
  probe?: ProbeSpec & { within?: string };
  serial?: StepSpec[];
  parallel?: StepSpec[];
}

export interface ScenarioSpec {
  suspend?: boolean;
  /** The whole of it: when it is over, what runs is ended, and the scenario is Failed. */
  timeout?: string;
  /** One after the other. */
  steps: StepSpec[];
  /** What follows a failed step: all is recovered (the default), or the next step. */
  onFailure?: 'abort' | 'continue';
}

export interface SpecOf {
  Experiment: ExperimentSpec;
  Schedule: ScheduleSpec;
  Scenario: ScenarioSpec;
  Policy: PolicySpec;
}

/** Who made an experiment that no file declares. */
export interface Owner {
  kind: 'Schedule' | 'Scenario';
  name: string;
  /** The owner's uid: a schedule that was deleted and added again owns nothing of its predecessor. */
  uid: string;
}

/** The commit that a manifest came from. */
export interface Provenance {
  /** 40 (or 64) hex digits. */
  commit: string;
  author: string;
  /** First line of the message. */
  subject: string;
  /** The work tree differs from that commit in this file, or the file is not in it. */
  dirty: boolean;
}

/** A document as it is declared now, by a file or by an owner. */
export interface Manifest<K extends Kind = Kind> {
  kind: K;
  name: string;
  labels: Record<string, string>;
  spec: SpecOf[K];
  /** SHA-256 of the canonical spec without `suspend`: what a generation is counted by. */
  specHash: string;
  source: Source;
  /** The file does not hold it any more, but it parsed last time: kept till its deadline. The problem says why. */
  stale?: string;
  /** Another file declares the same name with another spec: no new run, no end to a running one. */
  conflict?: string;
  /** A Policy that is there and was never right: what it wants is not known, and `spec` is empty. */
  unknown?: true;
  /** Who made it, where no file declares it. */
  owner?: Owner;
  /** The declared object whose spec it is a copy of. */
  copyOf?: string;
}

export type AnyManifest = { [K in Kind]: Manifest<K> }[Kind];

/** The kinds that are not experiments: these are remembered as objects. */
export type ObjectKind = Exclude<Kind, 'Experiment'>;

/** A Schedule, Scenario or Policy as the journal remembers it. */
export interface ObjectRecord<K extends ObjectKind = ObjectKind> {
  kind: K;
  name: string;
  uid: string;
  /** Raised when the hash of the spec differs. */
  generation: number;
  specHash: string;
  spec: SpecOf[K];
  labels: Record<string, string>;
  source: Source;
  hold: Hold | null;
  phase: string;
  reason: string;
  message: string;
  conditions: Condition[];
  /** What the kind itself remembers; null at first. */
  state: Json;
  /** Wall ms, as `updatedAt`. */
  createdAt: number;
  updatedAt: number;
}

/** An experiment or scenario that an owner wants: a row stands for a manifest. */
export interface Spawned {
  kind: 'Experiment' | 'Scenario';
  name: string;
  owner: Owner;
  /** The declared object whose spec it is a copy of; null where the owner holds the spec itself. */
  copyOf: string | null;
  spec: ExperimentSpec | ScenarioSpec;
  labels: Record<string, string>;
  source: Source;
  /** The time it was fired for, wall ms; null where it is not a Schedule's. */
  slot: number | null;
  /** Wall ms. */
  createdAt: number;
}
