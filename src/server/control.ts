import type { Json } from '../core/canonical.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../core/types.ts';

/** What a person can ask of a running daemon. Throws SquallError: SQ502 for an unknown name, SQ207 while halted, SQ206 while running. */
export interface Control {
  /** Starts another run of an experiment (of a suspended template too). Resolves with the run's id once it has started or was refused. */
  run(name: string): Promise<{ run: string }>;
  /** Recovers now and holds. Resolves when all of it is recovered, with what could not be. */
  halt(name: string | 'all'): Promise<HoldResult>;
  suspend(name: string): Promise<HoldResult>;
  /** Lifts halt and suspend; a run whose deadline has not passed goes on to it. */
  resume(name: string | 'all'): Promise<HoldResult>;
  health(): Health;
  /** Calls for each new event until the returned function is called. */
  onEvent(listener: (event: SquallEvent) => void): () => void;
}

export interface HoldResult {
  experiments: string[];
  /** Effects that are not recovered yet, with the reason. */
  left: { target: string; fault: string; error: string }[];
}

export interface Health {
  /** Alive and able to act: journal writable, first listing done, engine connected. */
  ready: boolean;
  checks: { name: 'journal' | 'engine' | 'manifests' | 'sentinel'; ok: boolean; message: string }[];
  version: string;
  instance: string;
  halted: boolean;
}

/** An experiment as the API and `squall get -o json` show it: stable, documented, Kubernetes-shaped. */
export interface ExperimentView {
  apiVersion: 'squall/v1';
  kind: 'Experiment';
  metadata: { name: string; uid: string; generation: number; labels: Record<string, string>; source: string };
  spec: Json;
  status: {
    phase: string;
    reason: string;
    message: string;
    conditions: Json[];
    run: RunView | null;
  };
}

/** Times are RFC 3339, UTC. */
export interface RunView {
  id: string;
  trigger: string;
  phase: string;
  startedAt: string;
  deadline: string;
  endedAt: string | null;
  targets: string[];
  effects: EffectView[];
}

export interface EffectView {
  target: string;
  fault: string;
  phase: string;
  injectedAt: string | null;
  recoveredAt: string | null;
  strikes: number;
  error: string | null;
}

/** Pure: the journal's rows as the stable view. */
export function viewExperiment(
  record: ExperimentRecord,
  run: Run | undefined,
  effects: readonly Effect[],
): ExperimentView {
  const { name, uid, generation, labels, source, spec, phase, reason, message, conditions } = record;
  return {
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: { name, uid, generation, labels, source: `${source.file}:${source.line}` },
    spec: spec as unknown as Json,
    status: {
      phase,
      reason,
      message,
      conditions: conditions.map((condition) => ({ ...condition, time: iso(condition.time) })),
      run: run ? viewRun(run, effects) : null,
    },
  };
}

export function viewRun(run: Run, effects: readonly Effect[]): RunView {
  return {
    id: run.id,
    trigger: run.trigger,
    phase: run.phase,
    startedAt: iso(run.startedAt),
    deadline: iso(run.deadline.wall),
    endedAt: run.endedAt === null ? null : iso(run.endedAt),
    targets: run.targets.map((target) => target.name),
    effects: effects.map((effect) => ({
      target: effect.target.name,
      fault: effect.fault.type,
      phase: effect.phase,
      injectedAt: effect.injectedAt === null ? null : iso(effect.injectedAt),
      recoveredAt: effect.recoveredAt === null ? null : iso(effect.recoveredAt),
      strikes: effect.strikes,
      error: effect.error,
    })),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
