import type { Clock } from '../core/clock.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import type { Container } from '../core/types.ts';
import type { ContainerExec } from '../runtime/docker-exec.ts';

/** What one try came to. */
export interface ProbeResult {
  up: boolean;
  /** What was seen: `status 503, expected 2xx`. One line, without control characters and without what the probe keeps secret. */
  message: string;
  /** ms, with fractions. */
  took: number;
}

/** What one try saw, before its time is measured. */
export type Seen = Omit<ProbeResult, 'took'>;

/** What a probe may use. */
export interface ProbeContext {
  clock: Clock;
  /** All containers, stopped ones too, as the inventory has them now. */
  containers(): readonly Container[];
  exec: ContainerExec;
}

/** One kind of probe. Time, repetition and thresholds are not its business. */
export interface ProbeKind {
  readonly type: string;
  /** One line for the reference. */
  readonly summary: string;
  /** Paragraphs for the reference (Markdown). */
  readonly description: string;
  /** JSON Schema (draft 2020-12) of its own parameters: those of every probe are added by `probeSchema`. */
  readonly schema: ProbeParameters;
  /** A valid probe, shown in the reference and checked by the contract test. */
  readonly example: ProbeSpec;
  /** What a JSON Schema can't say: one sentence for each mistake in a probe that matches the schema. No secrets in them either. */
  problems?(spec: ProbeSpec): string[];
  /**
   * One try. Never rejects for what the probed thing does: that is `up: false`. Once `signal` is aborted it settles at once, and lets go
   * of all that it opened; what it says then is what it had seen by that time, or nothing.
   */
  attempt(spec: ProbeSpec, context: ProbeContext, signal: AbortSignal): Promise<Seen>;
}

export interface ProbeParameters {
  type: 'object';
  properties: Record<string, Record<string, unknown>>;
  required?: string[];
  [keyword: string]: unknown;
}

/** Between the ends of two tries, and of one try, where a probe does not say. */
export const DEFAULT_INTERVAL = '5s';
export const DEFAULT_TIMEOUT = '5s';
/** ms: more often is an attack. */
export const SHORTEST_INTERVAL = 100;

export function up(message: string): Seen {
  return { up: true, message };
}

export function down(message: string): Seen {
  return { up: false, message };
}

/** What it is called in messages. */
export function probeName({ name, type }: ProbeSpec): string {
  return name ?? type;
}
