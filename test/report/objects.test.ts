import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectRecord, ScenarioSpec } from '../../src/core/kinds.ts';
import { formatPolicy, formatScenario, formatSchedule, wallTime } from '../../src/report/describe-objects.ts';
import { limitsText } from '../../src/report/policies.ts';
import type { ScenarioRow } from '../../src/report/rows.ts';
import { scenarioColumns } from '../../src/report/scenarios.ts';
import { ahead, scheduleColumns } from '../../src/report/schedules.ts';
import { createStyle } from '../../src/report/style.ts';
import { formatTable } from '../../src/report/table.ts';
import type { ScenarioRun, StepPhase, StepState } from '../../src/scenario/state.ts';
import { object, record } from '../cli/fixture.ts';

const style = createStyle(false);
const NOW = Date.UTC(2026, 0, 1, 12);
const SPEC: ScenarioSpec = { steps: [{ wait: '1s' }] };

function step(title: string, phase: StepPhase, more: Partial<StepState> = {}): StepState {
  return { kind: 'wait', title, phase, startedAt: NOW, endedAt: null, message: '', ...more };
}

function scenario(steps: Record<string, StepState>, more: Partial<ScenarioRun> = {}): ScenarioRow {
  const run: ScenarioRun = {
    number: 1,
    id: 'day-1',
    trigger: 'manifest',
    template: false,
    generation: 1,
    startedAt: NOW - 61_000,
    deadline: null,
    steps,
    failedStep: null,
    ending: null,
    endedAt: null,
    ...more,
  };
  const state = { runRequested: null, run, history: [] } as unknown as ObjectRecord['state'];
  return { record: object('Scenario', 'day', SPEC, { state }), spawned: undefined, now: NOW };
}

const stepCell = (row: ScenarioRow) => scenarioColumns(style, false)[2]?.value(row);

describe('the table of scenarios', () => {
  const frame = step('parallel', 'Running', { kind: 'parallel' });

  it('tells the step that it is at, and how many are beside it', () => {
    const steps = {
      'steps[0]': step('one', 'Succeeded'),
      'steps[1]': frame,
      'steps[1].parallel[0]': step('two', 'Succeeded'),
      'steps[1].parallel[1]': step('three', 'Running'),
      'steps[1].parallel[2]': step('four', 'Running'),
      'steps[2]': step('five', 'Pending'),
    };
    assert.equal(stepCell(scenario(steps)), '3/5 three +1');
  });

  it('tells the step that failed, though others ran', () => {
    const steps = { 'steps[0]': step('one', 'Failed'), 'steps[1]': step('two', 'Running') };
    assert.equal(stepCell(scenario(steps, { failedStep: 'steps[0]' })), '1/2 one');
  });

  it('tells how many are done at the end, and nothing without a run', () => {
    const steps = { 'steps[0]': step('one', 'Succeeded'), 'steps[1]': step('two', 'Succeeded') };
    assert.equal(stepCell(scenario(steps, { endedAt: NOW })), '2/2');
    const none = { record: object('Scenario', 'day', SPEC), spawned: undefined, now: NOW };
    assert.match(formatTable(scenarioColumns(style, false), [none]), /\nday +Active +- +-\n$/);
  });
});

describe('the table of schedules', () => {
  it('tells when the next time is, rounded up, or that one waits', () => {
    assert.equal(ahead(NOW + 192 * 60_000 - 500, NOW), 'in 3h12m');
    assert.equal(ahead(NOW + 200, NOW), 'in 1s');
    assert.equal(ahead(NOW, NOW), 'due');
    assert.equal(ahead(null, NOW), '-');
  });

  it('tells what each starts', () => {
    const starts = (spec: object) => {
      const row = { record: object('Schedule', 'x', { cron: '@daily', ...spec }), now: NOW };
      return scheduleColumns(style, true)
        .find(({ title }) => title === 'STARTS')
        ?.value(row);
    };
    assert.equal(starts({ experimentRef: { name: 'a' } }), 'experiment/a');
    assert.equal(starts({ scenarioRef: { name: 'b' } }), 'scenario/b');
    assert.equal(starts({ experiment: record('x').spec }), 'own');
  });
});

describe('the limits of a policy', () => {
  it('are numbers as they are, and the rest counted', () => {
    const windows = { allow: [{ days: ['mon'] }], deny: [{ from: '09:00' }] };
    assert.equal(
      limitsText({ maxTargets: 5, minHealthy: 1, windows }),
      'maxTargets 5, minHealthy 1, 2 windows',
    );
    const text = limitsText({
      optIn: { select: {} },
      protect: [{}],
      networks: ['a', 'b'],
      faults: { deny: ['container-kill'] },
      maxDuration: '15m',
      budget: [{ faultTime: '1h', window: '24h' }],
      healthGate: { probes: [{ type: 'tcp' }, { type: 'http' }] },
    });
    assert.equal(
      text,
      'optIn by selector, maxDuration 15m, 1 protected selector, 2 networks, no container-kill, 1 budget, 2 health probes',
    );
    assert.equal(limitsText({ optIn: 'none', faults: { allow: ['a', 'b'] } }), 'optIn none, only a b');
    assert.equal(limitsText({}), '');
  });
});

describe('a description', () => {
  it('tells times as the clock on the wall shows them, before and after it is changed', () => {
    assert.equal(
      wallTime(Date.UTC(2026, 2, 29, 0, 30), 'Europe/Zurich'),
      'Sun 2026-03-29 01:30:00 Europe/Zurich',
    );
    assert.equal(
      wallTime(Date.UTC(2026, 2, 29, 1, 0), 'Europe/Zurich'),
      'Sun 2026-03-29 03:00:00 Europe/Zurich',
    );
  });

  it('of a schedule tells jitter, and that there are no times while it rests', () => {
    const spec = { cron: '@daily', jitter: '5m', experimentRef: { name: 'a' } };
    const row = { record: object('Schedule', 'nightly', spec), now: NOW };
    const next = [NOW + 3_600_000];
    assert.match(formatSchedule(row, next, [], [], style), /13:00:00 UTC \(in 1h, and up to 5m later\)\n/);
    assert.match(formatSchedule(row, undefined, [], [], style), /Next times:\n {2}none while it rests\n/);
  });

  it('draws the steps of a scenario as a tree', () => {
    const frame = { kind: 'parallel' } as const;
    const steps = {
      'steps[0]': step('all', 'Running', frame),
      'steps[0].parallel[0]': step('chain', 'Running', { kind: 'serial' }),
      'steps[0].parallel[0].serial[0]': step('one', 'Running'),
      'steps[0].parallel[0].serial[1]': step('two', 'Pending'),
      'steps[0].parallel[1]': step('beside', 'Running'),
      'steps[1]': step('last', 'Pending'),
    };
    const text = formatScenario(scenario(steps), [], [], style);
    const drawn = text
      .match(/^ {4}(\S.*?) {2,}(Running|Pending) /gm)
      ?.map((line) => line.trim().split(/ {2,}/)[0]);
    assert.deepEqual(drawn, ['all', '├ chain', '│ ├ one', '│ └ two', '└ beside', 'last']);
  });

  it('lets nothing that steers a terminal through', () => {
    const evil = '\u001b]0;owned\u0007\u009b2J';
    const more = { labels: { a: evil }, message: evil, reason: evil };
    const cron = { cron: evil, experimentRef: { name: evil } };
    const started = {
      kind: 'experiment',
      name: evil,
      phase: evil,
      startedAt: null,
      endedAt: null,
      message: evil,
    } as const;
    const event = {
      id: 1,
      time: NOW,
      type: 'Normal',
      reason: evil,
      experiment: evil,
      run: evil,
      target: evil,
    } as const;
    const events = [{ ...event, object: null, message: evil }];
    const hostile = scenario({ 'steps[0]': step(evil, 'Failed', { message: evil, experiment: evil }) });
    const texts = [
      formatSchedule(
        { record: object('Schedule', evil, cron, more), now: NOW },
        undefined,
        [started],
        events,
        style,
      ),
      formatScenario({ ...hostile, record: { ...hostile.record, ...more } }, [started], events, style),
      formatPolicy(
        { record: object('Policy', evil, { networks: [evil] }, more), now: NOW },
        [record(evil, { message: evil })],
        events,
        style,
      ),
    ];
    for (const text of texts) assert.doesNotMatch(text, /[^\P{Cc}\n]/u);
  });
});
