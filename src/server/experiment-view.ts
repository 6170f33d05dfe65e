import type { Json } from '../core/canonical.ts';
import type { Owner, Provenance } from '../core/kinds.ts';
import type { Condition, Effect, ExperimentRecord, Run } from '../core/types.ts';

/** An experiment as the API and `squall get -o json` show it: stable, documented, Kubernetes-shaped. */
export interface ExperimentView {
  apiVersion: 'squall/v1';
  kind: 'Experiment';
  metadata: MetadataView;
  spec: Json;
  status: {
    phase: string;
    reason: string;
    message: string;
    conditions: Json[];
    run: RunView | null;
  };
}

export interface MetadataView {
  name: string;
  uid: string;
  generation: number;
  labels: Record<string, string>;
  /** `FILE:LINE` */
  source: string;
  /** The Schedule or Scenario that started it; null for what a file declares. */
  owner: Owner | null;
  /** Name of the declared object that it is a copy of. */
  copyOf: string | null;
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
  /** The commit that the manifest came from; null outside of a work tree, and in the first moments of a run. */
  provenance: Provenance | null;
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
  const { spec, phase, reason, message, conditions, owner, copyOf } = record;
  return {
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: viewMetadata(record, owner, copyOf),
    spec: spec as unknown as Json,
    status: {
      phase,
      reason,
      message,
      conditions: viewConditions(conditions),
      run: run ? viewRun(run, effects) : null,
    },
  };
}

export function viewMetadata(
  record: Pick<ExperimentRecord, 'name' | 'uid' | 'generation' | 'labels' | 'source'>,
  owner: Owner | null,
  copyOf: string | null,
): MetadataView {
  const { name, uid, generation, labels, source } = record;
  return { name, uid, generation, labels, source: `${source.file}:${source.line}`, owner, copyOf };
}

export function viewConditions(conditions: readonly Condition[]): Json[] {
  return conditions.map((condition) => ({ ...condition, time: iso(condition.time) }));
}

/** Pure: a run and its effects as the stable view. */
export function viewRun(run: Run, effects: readonly Effect[]): RunView {
  return {
    id: run.id,
    trigger: run.trigger,
    phase: run.phase,
    startedAt: iso(run.startedAt),
    deadline: iso(run.deadline.wall),
    endedAt: isoOr(run.endedAt),
    targets: run.targets.map((target) => target.name),
    effects: effects.map((effect) => ({
      target: effect.target.name,
      fault: effect.fault.type,
      phase: effect.phase,
      injectedAt: isoOr(effect.injectedAt),
      recoveredAt: isoOr(effect.recoveredAt),
      strikes: effect.strikes,
      error: effect.error,
    })),
    provenance: run.provenance,
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

export function isoOr(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : iso(ms);
}
