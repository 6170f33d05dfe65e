import type { Json } from '../core/canonical.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Container, Effect, FaultSpec } from '../core/types.ts';
import type { DockerPort } from '../runtime/docker.ts';
import type { CheckId } from '../runtime/doctor-check.ts';
import type { NetnsPort } from '../runtime/netns.ts';

/** The world as `resolve` may read it: already observed, so that resolving stays pure. */
export interface World {
  containers: readonly Container[];
  /** Answers of the target's own resolver: `hostKey(container.id, name)` -> addresses (empty: does not resolve). */
  hosts: ReadonlyMap<string, readonly string[]>;
  /** What this host can do; a kind refuses before anything starts instead of failing midway. */
  host: HostFeatures;
  /**
   * True while a run is active: a peer that is dead just now contributes no address instead of throwing SQ209. No address at all
   * comes to a fault that matches nothing, never everything.
   */
  lenient?: boolean;
  /** Ids of all containers chosen for the run that asks; undefined where no run does. */
  group?: ReadonlySet<string>;
  /** True where the group would get new members: if that leaves nobody to act against, it is refused, in a lenient world too. */
  growing?: boolean;
}

export interface HostFeatures {
  iptables: boolean;
  ip6tables: boolean;
  shaping: ShapingFeatures;
}

/** What packet-level faults need of the kernel and of iproute2, each as it was tried. */
export interface ShapingFeatures {
  /** ifb devices, which hold packets back. */
  ifb: boolean;
  /** clsact, eBPF classifiers and mirred, which pick packets until a deadline. */
  classifier: boolean;
  netem: boolean;
  tbf: boolean;
}

export function hostKey(containerId: string, name: string): string {
  return `${containerId}/${name}`;
}

/** What a fault may touch. */
export interface FaultContext {
  clock: Clock;
  log: Log;
  docker: DockerPort;
  netns: NetnsPort;
  /** This state directory's id, for marks. */
  instance: string;
}

/** `present`: as injected. `drifted`: someone changed it. `absent`: not there. `gone`: the target is not running any more. */
export type Observation = 'present' | 'drifted' | 'absent' | 'gone';

/**
 * done: the target is as it was, or gone. Not done: asked again after `retryAfter` ms, until the run's recoveryTimeout; `waiting`
 * says for what (a healthcheck, a restart policy).
 */
export type Recovery = { done: true; how: string } | { done: false; retryAfter: number; waiting: string };

/**
 * One kind of fault, on one target at a time: selection, order, time and the journal are the engine's business.
 * `resolve` is pure. `prepare` reads the world and changes nothing; what it returns is durable before `inject` runs.
 * `inject` converges: called again with new parameters, addresses or deadline it changes only what differs, without a gap.
 * `recover` needs nothing but the journal's effect, works from any half-done state, and does nothing the second time.
 */
export interface FaultKind {
  readonly type: string;
  /** One line for the reference. */
  readonly summary: string;
  /** Paragraphs for the reference (Markdown). */
  readonly description: string;
  /** JSON Schema (draft 2020-12) of the parameters beside `type`: `properties`, `required`, and `description` on each. */
  readonly schema: FaultSchema;
  /** A valid fault, shown in the reference and run by the contract test. */
  readonly example: FaultSpec;
  /** state: holds for the duration, put back into a restarted target. act: strikes, and its consequences are recovered. */
  readonly nature: 'state' | 'act';
  /** Who ends it when the daemon is dead. */
  readonly endedBy: 'kernel' | 'sentinel';
  /** True for what enters the target's network namespace: containers that share it are hit too, host networking is refused. */
  readonly entersNetwork: boolean;
  /** Checks of `squall doctor` that it can't do without, beyond those of the engine and, where it enters networks, of the way in. */
  readonly needs?: readonly CheckId[];
  /** Exclusive uses of a target, such as `freeze`: two effects that use one of the same name collide. */
  uses(fault: FaultSpec): string[];
  /** What a JSON Schema can't say: one sentence for each mistake in a fault that matches the schema. `resolve` refuses them too. */
  problems?(fault: FaultSpec): string[];
  /** True where the packets of its filter are taken out of their way: two such filters must not overlap in one network namespace. */
  diverts?(fault: FaultSpec): boolean;
  /** Host names that must be resolved in the target's namespace before `resolve`. */
  lookups?(fault: FaultSpec): string[];
  /** Names of services and containers that `resolve` looks for in the world: a change of one of them may change its answer. */
  peers?(fault: FaultSpec): string[];
  /** ms between strikes of a repeating act. */
  interval?(fault: FaultSpec): number | undefined;
  /** Pure. What the parameters come to for this target. Throws SquallError (SQ208, SQ209) where it must be refused. */
  resolve(fault: FaultSpec, target: Container, world: World): Json;
  /** Reads the world; returns what undoing will need. Throws SquallError where the target can't take the fault. */
  prepare(context: FaultContext, effect: Effect, target: Container): Promise<Json>;
  inject(context: FaultContext, effect: Effect): Promise<void>;
  /**
   * Reads back that what was injected stands; throws SQ401 where it does not. Called once all targets of a pass are injected, so that
   * reading back one does not hold up the next. It may mend what stands; it never brings back what is gone.
   */
  verify?(context: FaultContext, effect: Effect): Promise<void>;
  observe(context: FaultContext, effect: Effect): Promise<Observation>;
  recover(context: FaultContext, effect: Effect): Promise<Recovery>;
}

export interface FaultSchema {
  type: 'object';
  properties: Record<string, Record<string, unknown>>;
  required?: string[];
  [keyword: string]: unknown;
}
