import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, ConditionType } from '../../src/core/types.ts';
import { type PlanInput, planExperiment } from '../../src/plan/plan.ts';
import { accept } from '../../src/plan/status.ts';
import { container, containers, declared, effect, NOW, PAUSE, planInput, record, run } from './build.ts';
import { Model } from './model.ts';

/** `Permitted True Permitted`, in order. */
function conditions(input: PlanInput): string[] {
  const { record } = planExperiment(input);
  return (record?.conditions ?? []).map(({ type, status, reason }) => `${type} ${status} ${reason}`);
}

const web = container('web-0');

/** A run that goes on, with this effect. */
function active(phase: Parameters<typeof effect>[2] = {}, change: Partial<PlanInput> = {}): PlanInput {
  const manifest = declared();
  return planInput([web], {
    manifest,
    record: record(manifest, { runId: 'exp-1', phase: 'Running' }),
    run: run([PAUSE], [web]),
    effects: [effect(PAUSE, web, phase)],
    ...change,
  });
}

describe('what is accepted', () => {
  it('of a new manifest is generation 1', () => {
    const manifest = declared();
    assert.deepEqual(accept(planInput([], { manifest })), record(manifest));
  });

  it('of an edited one is the next generation, with its labels and place', () => {
    const old = declared();
    const manifest = declared(
      { duration: '5s' },
      { labels: { suite: 'a' }, source: { file: 'b', line: 2, column: 3 } },
    );
    const { generation, spec, labels, source } =
      accept(planInput([], { manifest, record: record(old) })) ?? assert.fail();
    assert.deepEqual(
      { generation, spec, labels, source },
      {
        generation: 2,
        spec: manifest.spec,
        labels: manifest.labels,
        source: manifest.source,
      },
    );
  });

  it('of the same spec is the same generation', () => {
    const manifest = declared();
    assert.equal(
      accept(planInput([], { manifest, record: record(manifest, { generation: 4 }) }))?.generation,
      4,
    );
  });

  it('of a deleted one is what it was', () => {
    const old = record(declared());
    assert.equal(accept(planInput([], { manifest: undefined, record: old })), old);
  });
});

describe('conditions', () => {
  it('of what waits say what it waits for', () => {
    assert.deepEqual(conditions(planInput([])), ['Valid True Accepted', 'Selected False NoMatch']);
  });

  it('of what has not opted in say that it is not permitted', () => {
    assert.deepEqual(conditions(planInput(containers(1, 'web', { optIn: false }))), [
      'Valid True Accepted',
      'Selected False NotOptedIn',
      'Permitted False NotOptedIn',
    ]);
  });

  it('of what the guard refuses say that it was selected', () => {
    const manifest = declared({ blastRadius: { maxTargets: 0 } });
    assert.deepEqual(conditions(planInput([web], { manifest })), [
      'Valid True Accepted',
      'Selected True Matched',
      'Permitted False BlastRadius',
    ]);
  });

  it('of what starts do not claim an injection yet', () => {
    assert.deepEqual(conditions(planInput([web])), [
      'Valid True Accepted',
      'Selected True Matched',
      'Permitted True Permitted',
      'Injected False Injecting',
    ]);
  });

  it('of what stands say so', () => {
    assert.deepEqual(conditions(active()), [
      'Valid True Accepted',
      'Selected True Matched',
      'Permitted True Permitted',
      'Injected True Injected',
      'Recovered False Active',
    ]);
  });

  it('of an intent do not claim that it stands', () => {
    assert.ok(conditions(active({ phase: 'intended' })).includes('Injected False NotInjected'));
  });

  it('of what could not be recovered name the error', () => {
    const input = active({ phase: 'failed', error: 'it hangs' }, { manifest: undefined });
    const found = planExperiment(input).record?.conditions.find(({ type }) => type === 'Recovered');
    assert.deepEqual([found?.status, found?.reason, found?.message], ['False', 'NotRecovered', 'it hangs']);
  });

  it('under a halt say that nothing is permitted', () => {
    assert.ok(conditions(planInput([web], { halted: true })).includes('Permitted False HaltedAll'));
    const manifest = declared();
    const input = planInput([web], { manifest, record: record(manifest, { hold: 'halted' }) });
    assert.ok(conditions(input).includes('Permitted False Halted'));
  });

  it('keep the time of the last change of their status, and follow the generation', () => {
    const model = new Model(web);
    const at = (type: ConditionType): Condition => {
      const found = model.journal.experiments.get('exp')?.conditions.find((one) => one.type === type);
      return found ?? assert.fail(`no condition ${type}`);
    };
    model.declare(declared());
    model.settle();
    const start = model.clock.now();
    assert.equal(start, NOW);
    model.clock.advance(10_000);
    model.declare(declared({ duration: '90s' }));
    model.settle();
    assert.deepEqual([at('Valid').time, at('Valid').observedGeneration], [start, 2]);
    model.clock.advance(80_000);
    model.settle();
    assert.deepEqual([at('Valid').time, at('Recovered').status], [start, 'True']);
    assert.deepEqual([at('Recovered').time, at('Injected').time], [start + 90_000, start + 90_000]);
  });
});

describe('the object', () => {
  it('is not written again while nothing about it changes', () => {
    const model = new Model(web);
    model.declare(declared());
    model.settle();
    const before = model.journal.experiments.get('exp');
    model.clock.advance(10_000);
    model.pass();
    assert.deepEqual(model.journal.experiments.get('exp'), before);
  });

  it('tells how many containers are under which faults', () => {
    const model = new Model(...containers(2));
    model.declare(declared());
    model.settle();
    assert.equal(model.journal.experiments.get('exp')?.message, 'container-pause on 2 containers');
  });
});
