import type { ExperimentPreview, ObjectChange, PlanCheck, Preview } from '../../src/report/plan-check.ts';

/** An experiment that hits two of three workers. */
export function hits(more: Partial<ExperimentPreview> = {}): ExperimentPreview {
  return {
    name: 'redis-slow',
    step: null,
    outcome: 'hits',
    code: null,
    reason: 'Injected',
    message: '',
    duration: '60s',
    faults: [{ type: 'network-latency', parameters: 'delay: 200ms' }],
    select: 'services: ["worker"]',
    mode: 'all',
    targets: ['worker-1', 'worker-2'],
    drawnFrom: null,
    sharers: [],
    services: [{ service: 'shop/worker', hit: 2, of: 3 }],
    ...more,
  };
}

export function refused(message: string, more: Partial<ExperimentPreview> = {}): ExperimentPreview {
  const nobody = { targets: [], services: [] };
  return hits({ outcome: 'refused', code: 'SQ214', reason: 'TooLong', message, ...nobody, ...more });
}

export function previewOf(experiments: ExperimentPreview[], more: Partial<Preview> = {}): Preview {
  const outcome = experiments[0]?.outcome ?? 'nothing';
  return { suspended: false, outcome, schedule: null, steps: [], experiments, refuses: [], ...more };
}

export function change(more: Partial<ObjectChange> = {}): ObjectChange {
  return {
    change: 'added',
    kind: 'Experiment',
    name: 'redis-slow',
    source: { file: 'experiments/slow.yaml', line: 3, column: 1 },
    fields: [],
    before: null,
    after: previewOf([hits()]),
    startedBy: [],
    active: [],
    ...more,
  };
}

export function checkOf(objects: ObjectChange[], more: Partial<PlanCheck> = {}): PlanCheck {
  const none = {
    added: 0,
    changed: 0,
    removed: 0,
    unchanged: 0,
    refused: 0,
    loosened: 0,
    hit: 0,
    unknown: 0,
  };
  return {
    base: { given: 'origin/main', commit: 'a'.repeat(40) },
    containers: { from: 'engine', count: 12 },
    summary: { ...none, ...more.summary },
    objects,
    affected: [],
    limits: [],
    problems: [],
    notes: [],
    ...more,
  };
}
