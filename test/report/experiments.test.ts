import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect } from '../../src/core/types.ts';
import { formatDescription } from '../../src/report/describe.ts';
import { endsIn, experimentColumns } from '../../src/report/experiments.ts';
import type { ExperimentRow } from '../../src/report/rows.ts';
import { createStyle } from '../../src/report/style.ts';
import { formatTable } from '../../src/report/table.ts';
import { record, run } from '../cli/fixture.ts';

const style = createStyle(false);
const NOW = Date.UTC(2026, 0, 1, 12, 0, 42);

function row(more: Partial<ExperimentRow> = {}): ExperimentRow {
  const base = record('freeze', {
    phase: 'Running',
    reason: 'Injected',
    message: 'one',
    runId: 'freeze-1',
    createdAt: NOW - 42_300,
  });
  return {
    record: base,
    run: run('freeze', 1, { startedAt: NOW - 42_000 }),
    effects: [],
    inherited: undefined,
    left: 17_800,
    now: NOW,
    ...more,
  };
}

function effect(more: Partial<Effect> = {}): Effect {
  const { deadline } = run('freeze', 1);
  const base = {
    id: 1,
    runId: 'freeze-1',
    experiment: 'freeze',
    instance: 'i',
    incarnation: '',
    slot: 0,
    resolved: null,
    undo: null,
  };
  const times = {
    intendedAt: NOW,
    injectedAt: NOW,
    recoveringAt: null,
    recoveringBoot: null,
    recoveredAt: null,
  };
  const target = { id: 'a'.repeat(64), name: 'shop-worker-1' };
  return {
    ...base,
    ...times,
    target,
    fault: { type: 'network-block', to: [{ service: 'redis' }], direction: 'egress' },
    phase: 'injected',
    epoch: 1,
    deadline,
    strikes: 1,
    error: null,
    ...more,
  };
}

describe('the table of experiments', () => {
  it('tells phase, targets hit, faults, time left and age', () => {
    const text = formatTable(experimentColumns(style, false), [row({ effects: [effect()] })]);
    assert.equal(
      text,
      'NAME     PHASE     TARGETS   FAULTS            ENDS-IN   AGE   REASON\nfreeze   Running   1/1       container-pause   17s       42s   Injected\n',
    );
  });

  it('tells generation, run, source and message when wide', () => {
    const [header, line] = formatTable(experimentColumns(style, true), [row()]).split('\n');
    assert.match(header as string, /REASON +OWNER +COMMIT +GENERATION +RUN +SOURCE +MESSAGE$/);
    assert.match(line as string, /1 +freeze-1 +\/srv\/experiments\/freeze\.yaml:1 +one$/);
  });

  it('tells what became of the last run when wide', () => {
    const over = run('freeze', 1, { endedAt: NOW, phase: 'Completed' });
    const text = formatTable(experimentColumns(style, true), [row({ run: over, left: undefined })]);
    assert.match(text, /1 +freeze-1 Completed +\/srv/);
  });

  it('names each kind of fault once, and no targets where nothing ran', () => {
    const faults = [{ type: 'a' }, { type: 'b' }, { type: 'a' }];
    const idle = record('freeze', { spec: { ...record('x').spec, faults } });
    const text = formatTable(experimentColumns(style, false), [
      row({ record: idle, run: undefined, left: undefined }),
    ]);
    assert.match(text, /freeze +Pending +- +a,b +- /);
  });

  it('says when something should have ended', () => {
    assert.equal(endsIn(-1500), 'overdue 1.5s');
    assert.equal(endsIn(undefined), '-');
  });
});

describe('a description', () => {
  const events = [
    {
      id: 1,
      time: NOW,
      type: 'Normal',
      reason: 'Injected',
      experiment: 'freeze',
      run: null,
      target: null,
      object: null,
      message: 'hello',
    } as const,
  ];

  it('tells spec, conditions, run, effects and events', () => {
    const conditions = [
      {
        type: 'Injected',
        status: 'True',
        reason: 'Injected',
        message: '1 of 1',
        time: NOW - 5000,
        observedGeneration: 1,
      } as const,
    ];
    const described = row({ record: { ...row().record, conditions: [...conditions] }, effects: [effect()] });
    const text = formatDescription(described, [run('freeze', 2, { phase: 'Completed' })], events, style);
    assert.match(text, /^Name: +freeze\n/);
    assert.match(text, /Spec:\n {2}duration: 60s\n/);
    assert.match(text, /Injected +True +Injected +5s +1 of 1/);
    assert.match(
      text,
      /Effects:\n[^\n]+\n +shop-worker-1 +network-block +injected +12:00:42\.000Z +- +1 +to service redis, direction: egress/,
    );
    assert.match(text, /Other runs of freeze:\n[^\n]+\n {2}freeze-2 +Completed/);
    assert.match(text, /Events:\n[^\n]+\n.*hello\n$/);
  });

  it('lets nothing that steers a terminal through', () => {
    const evil = '\u001b]0;owned\u0007\u009b2J';
    const base = row().record;
    const hostile = row({
      record: {
        ...base,
        name: evil,
        message: evil,
        labels: { a: evil },
        spec: { ...base.spec, faults: [{ type: evil, x: evil }] },
      },
      effects: [
        effect({ error: evil, target: { id: '1', name: evil }, fault: { type: evil, [evil]: evil } }),
      ],
    });
    const text = formatDescription(
      hostile,
      [run(evil, 3)],
      events.map((one) => ({ ...one, message: evil })),
      style,
    );
    assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  });
});
