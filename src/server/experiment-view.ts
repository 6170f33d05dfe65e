import type { Json } from '../core/canonical.ts';
import type { Effect, ExperimentRecord, Run } from '../core/types.ts';

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

/** Pure: a run and its effects as the stable view. */
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
