import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Io } from '../../src/cli/io.ts';
import { main } from '../../src/cli/program.ts';
import { systemClock } from '../../src/core/clock.ts';
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
  return { ...base, experiment: 'freeze', run: null, target: null, message, ...more };
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
