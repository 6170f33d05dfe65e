import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../../src/cli/io.ts';
import { main } from '../../src/cli/program.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { ObjectKind, ObjectRecord, SpecOf } from '../../src/core/kinds.ts';
import type { Effect, ExperimentRecord, Run, SquallEvent } from '../../src/core/types.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { createStyle } from '../../src/report/style.ts';

/** A temporary directory that goes with the test. */
export interface Scratch {
  dir: string;
  remove(): void;
}

export function scratch(): Scratch {
  const dir = mkdtempSync(join(tmpdir(), 'squall-cli-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function record(name: string, more: Partial<ExperimentRecord> = {}): ExperimentRecord {
  return {
    name,
    uid: `uid-${name}`,
    generation: 1,
    specHash: 'hash',
    spec: {
      duration: '60s',
      targets: { select: { services: ['worker'] }, mode: 'all' },
      faults: [{ type: 'container-pause' }],
    },
    labels: {},
    source: { file: `/srv/experiments/${name}.yaml`, line: 1, column: 1 },
    hold: null,
    phase: 'Pending',
    reason: '',
    message: '',
    conditions: [],
    runId: null,
    runRequested: null,
    owner: null,
    copyOf: null,
    createdAt: systemClock.now(),
    updatedAt: systemClock.now(),
    ...more,
  };
}

export function run(experiment: string, number: number, more: Partial<Run> = {}): Run {
  const [now, boot, bootId] = [systemClock.now(), systemClock.boot(), systemClock.bootId()];
  return {
    id: `${experiment}-${number}`,
    experiment,
    generation: 1,
    trigger: 'manifest',
    phase: 'Running',
    reason: 'Injected',
    outcome: null,
    startedAt: now,
    deadline: { wall: now + 60_000, boot: boot + 60_000, bootId },
    recoveryTimeout: 60_000,
    duration: 60_000,
    template: false,
    faults: [{ slot: 0, fault: { type: 'container-pause' } }],
    targets: [{ id: 'a'.repeat(64), name: 'shop-worker-1' }],
    endedAt: null,
    provenance: null,
    ...more,
  };
}

/** An effect of the run on its first target, injected. */
export function injected(journal: Journal, one: Run): Effect {
  const [target, slotted] = [one.targets[0], one.faults[0]];
  if (!target || !slotted) throw new Error('a run with a target and a fault');
  const effect = journal.effects.intend({
    runId: one.id,
    experiment: one.experiment,
    instance: journal.instance,
    target,
    incarnation: '2026-01-01T00:00:00Z',
    slot: slotted.slot,
    fault: slotted.fault,
    resolved: null,
    undo: null,
    deadline: one.deadline,
    at: one.startedAt,
  });
  journal.effects.injected(effect, one.startedAt);
  return effect;
}

export function event(message: string, more: Partial<SquallEvent> = {}): Omit<SquallEvent, 'id'> {
  const base = { time: systemClock.now(), type: 'Normal', reason: 'Injected' } as const;
  return { ...base, experiment: 'freeze', run: null, target: null, message, object: null, ...more };
}

/** A state directory with a journal: `freeze` runs on one container, `rest` is suspended. */
export function fillState(dir: string): Journal {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const journal = openJournal(statePaths(dir).journal);
  const running = run('freeze', 1);
  journal.experiments.put(
    record('freeze', {
      phase: 'Running',
      reason: 'Injected',
      message: '1 target',
      runId: running.id,
      labels: { suite: 'nightly' },
    }),
  );
  journal.experiments.put(record('rest', { phase: 'Suspended', reason: 'Suspended' }));
  journal.runs.put(running);
  injected(journal, running);
  journal.events.add(event('paused shop-worker-1', { run: running.id, target: 'shop-worker-1' }));
  return journal;
}

export function object<K extends ObjectKind>(
  kind: K,
  name: string,
  spec: SpecOf[K],
  more: Partial<ObjectRecord<K>> = {},
): ObjectRecord<K> {
  return {
    kind,
    name,
    uid: `uid-${name}`,
    generation: 1,
    specHash: 'hash',
    spec,
    labels: {},
    source: { file: `/srv/schedules/${name}.yaml`, line: 1, column: 1 },
    hold: null,
    phase: 'Active',
    reason: 'Accepted',
    message: '',
    conditions: [],
    state: null,
    createdAt: systemClock.now(),
    updatedAt: systemClock.now(),
    ...more,
  };
}

const MINUTE = 60_000;

/**
 * Adds one of each other kind: the schedule `nightly`, which has started `nightly-1`, a copy of `rest`; the scenario `game-day`, in its
 * second step; and the policy `default`, which denies `greedy`.
 */
export function fillObjects(journal: Journal): void {
  const now = systemClock.now();
  const owner = { kind: 'Schedule', name: 'nightly', uid: 'uid-nightly' } as const;
  const memory = { timing: '', doneUntil: 0, held: false, active: ['nightly-1'] };
  const state = { ...memory, lastSlot: now - 5 * MINUTE, next: now + 192 * MINUTE };
  const cron = { cron: '0 2 * * *', timeZone: 'Europe/Zurich', experimentRef: { name: 'rest' } };
  journal.objects.put(object('Schedule', 'nightly', cron, { state, labels: { suite: 'nightly' } }));
  const nightly = run('nightly-1', 1, {
    trigger: 'schedule/nightly',
    provenance: {
      commit: '1f3a9c20'.repeat(5),
      author: 'Ada <ada@example.org>',
      subject: 'Rest',
      dirty: true,
    },
  });
  const started = record('nightly-1', { phase: 'Running', runId: nightly.id, owner, copyOf: 'rest' });
  journal.runs.put(nightly);
  journal.experiments.put(started);
  const { spec, source } = started;
  journal.spawned.add({
    kind: 'Experiment',
    name: 'nightly-1',
    owner,
    copyOf: 'rest',
    spec,
    labels: {},
    source,
    slot: now,
    createdAt: now,
  });
  journal.events.add(
    event('experiment nightly-1', { experiment: null, object: 'Schedule/nightly', reason: 'Fired' }),
  );
  journal.events.add(event('paused', { experiment: 'nightly-1', run: nightly.id }));
  const steps = [
    { wait: '5s', name: 'warm up' },
    { parallel: [{ experimentRef: { name: 'freeze' } }, { wait: '1m' }] },
    { wait: '1h' },
  ];
  journal.objects.put(
    object(
      'Scenario',
      'game-day',
      { steps },
      { phase: 'Running', reason: 'Started', state: inSecondStep(now) },
    ),
  );
  journal.objects.put(object('Policy', 'default', { maxTargets: 5, minHealthy: 1, budget: [] }));
  const message = 'Policy default: 7 containers would be hit at once, maxTargets allows 5';
  journal.experiments.put(record('greedy', { phase: 'Denied', reason: 'TooManyTargets', message }));
}

function inSecondStep(now: number): ObjectRecord['state'] {
  const running = { phase: 'Running', startedAt: now, endedAt: null, message: '' };
  const deadline = { wall: now + 60 * MINUTE, boot: systemClock.boot(), bootId: systemClock.bootId() };
  const states = {
    'steps[0]': { ...running, kind: 'wait', title: 'warm up', phase: 'Succeeded', endedAt: now },
    'steps[1]': { ...running, kind: 'parallel', title: 'parallel' },
    'steps[1].parallel[0]': {
      ...running,
      kind: 'experiment',
      title: 'experiment freeze',
      experiment: 'game-day-3-3',
    },
    'steps[1].parallel[1]': { ...running, kind: 'wait', title: 'wait 1m' },
    'steps[2]': { ...running, kind: 'wait', title: 'wait 1h', phase: 'Pending', startedAt: null },
  };
  const run = { number: 3, id: 'game-day-3', trigger: 'manual', template: false, generation: 1 };
  const ended = { phase: 'Completed', reason: 'Completed', message: 'all 4 steps succeeded', endedAt: now };
  return {
    runRequested: null,
    run: { ...run, startedAt: now, deadline, steps: states, failedStep: null, ending: null, endedAt: null },
    history: [{ ...run, id: 'game-day-2', startedAt: now, failedStep: null, ...ended }],
  };
}

export interface Told {
  code: number;
  out: string;
  err: string;
}

/** The command line within this process. `interrupt` stands for Ctrl-C. */
export async function squall(args: readonly string[], interrupt?: AbortSignal): Promise<Told> {
  const told = { out: '', err: '' };
  const code = await main(args, collector(told, interrupt));
  return { code, ...told };
}

export function collector(told: { out: string; err: string }, interrupt?: AbortSignal): Io {
  return {
    out: (text) => {
      told.out += text;
    },
    err: (text) => {
      told.err += text;
    },
    style: createStyle(false),
    interrupted: () => interrupt ?? new AbortController().signal,
  };
}
