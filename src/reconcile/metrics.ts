import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { PHASES } from '../core/types.ts';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export type Metrics = ReturnType<typeof createMetrics>;

/** Every metric, there from the start: a counter that has not counted yet reads 0. */
export function createMetrics(version: string, instance: string) {
  const registers = [new Registry()];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, labelNames: string[] = []) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers });
  const metrics = {
    registry: registers[0] as Registry,
    experiments: gauge('squall_experiments', 'Experiments by phase', ['phase']),
    runs: counter('squall_runs_total', 'Runs that ended, by experiment and result', ['experiment', 'result']),
    faultActive: gauge('squall_fault_active', '1 while a fault is on a target', [
      'experiment',
      'type',
      'target',
    ]),
    inject: histogram('squall_inject_seconds', 'From durable intent to the fault in place, one target', [
      'type',
    ]),
    recover: histogram('squall_recover_seconds', 'From claim to recovered, one target', ['type']),
    commitToEffect: histogram(
      'squall_commit_to_effect_seconds',
      'From the first file event to the last target injected',
    ),
    deleteToRecovered: histogram(
      'squall_delete_to_recovered_seconds',
      'From the first file event of a delete to the last target recovered',
    ),
    overrun: histogram('squall_deadline_overrun_seconds', 'From the deadline to recovered, one target'),
    reconcile: histogram('squall_reconcile_seconds', 'One reconcile pass'),
    reconcileErrors: counter(
      'squall_reconcile_errors_total',
      'Reconcile passes that failed and are tried again',
    ),
    queueDepth: gauge('squall_queue_depth', 'Experiments waiting for or in a reconcile pass'),
    driftRepairs: counter(
      'squall_drift_repairs_total',
      'Faults put back after somebody removed or changed them',
    ),
    swept: counter('squall_swept_chains_total', 'Orphaned chains removed'),
    denied: counter('squall_denied_total', 'Starts refused, by reason', ['reason']),
    scheduleMissed: counter('squall_schedule_missed_total', 'Times of a schedule that did not start', [
      'schedule',
    ]),
    probeSuccess: gauge('squall_probe_success', '1 where the last try of a probe succeeded', ['probe']),
    probeSeconds: histogram('squall_probe_seconds', 'One try of a probe', ['probe']),
    notifications: counter('squall_notifications_total', 'Notices by target and what became of them', [
      'target',
      'result',
    ]),
    runInfo: gauge(
      'squall_run_info',
      'Always 1, for each run under way: what started it, and the commit it came from',
      ['experiment', 'run', 'trigger', 'commit'],
    ),
    halted: gauge('squall_halted', '1 while everything is halted'),
    buildInfo: gauge('squall_build_info', 'Always 1', ['version', 'squall_instance']),
  };
  metrics.buildInfo.set({ version, squall_instance: instance }, 1);
  for (const phase of PHASES) metrics.experiments.set({ phase }, 0);
  return metrics;
}
