import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Container, Effect, ExperimentSpec } from '../../../src/core/types.ts';
import type { RunDraft } from '../../../src/plan/actions.ts';
import { guard } from '../../../src/plan/guard.ts';
import { askedOf } from '../../../src/plan/permit.ts';
import { planExperiment } from '../../../src/plan/plan.ts';
import { consentOf } from '../../../src/plan/policy/consent.ts';
import { selectTargets } from '../../../src/plan/targets.ts';
import { container, declared, planInput, policy } from '../build.ts';
import { Model } from '../model.ts';
import { holds, pass, rest, type Step, say } from './history.ts';
import { box, EXPERIMENTS, experiment, NAMES, named, policies, someLimits, world } from './worlds.ts';

const step: fc.Arbitrary<Step & { toString(): string }> = fc
  .oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(fc.constantFrom(...EXPERIMENTS), experiment)
        .map(([name, spec]) =>
          say(`${name} = ${JSON.stringify(spec)}`, (model) => model.declare(declared(spec, { name }))),
        ),
    },
    fc.constantFrom(...EXPERIMENTS).map((name) => say(`delete ${name}`, (model) => model.delete(name))),
    policies.map((rules) =>
      say(
        `policies ${JSON.stringify(rules.map(({ spec }) => spec))}`,
        (model) => {
          model.policies = rules;
        },
        true,
      ),
    ),
    fc
      .constantFrom(...NAMES)
      .chain(box)
      .map((one) => say(`put ${JSON.stringify(one)}`, (model) => model.put(one), true)),
    fc.constantFrom(...NAMES).map((name) => say(`remove ${name}`, (model) => model.remove(name), true)),
    fc.tuple(fc.constantFrom(...EXPERIMENTS), fc.boolean()).map(([name, held]) =>
      say(`${held ? 'halt' : 'resume'} ${name}`, (model) => {
        if (model.phase(name)) model.hold(held ? 'halted' : null, name);
      }),
    ),
    fc.boolean().map((on) =>
      say(
        `gate ${on}`,
        (model) => {
          model.gate = { holds: on, message: 'up fails' };
        },
        true,
      ),
    ),
    fc.integer({ min: 1, max: 300_000 }).map((ms) => say(`advance ${ms}`, (model) => pass(model, ms))),
  )
  .map((one) => ({ ...one, toString: () => one.text }));

const order = fc.shuffledSubarray(EXPERIMENTS, { minLength: EXPERIMENTS.length });

describe('over any history of experiments, Policies and the world', () => {
  it('no limit is broken, by no pass', () => {
    let effects = 0;
    let denials = 0;
    let aborts = 0;
    fc.assert(
      fc.property(
        world,
        policies,
        fc.array(fc.tuple(step, order), { maxLength: 12 }),
        (found, rules, history) => {
          const model = new Model(...found);
          model.policies = rules;
          for (const [{ take, worse }, names] of history) {
            take(model);
            rest(model, names, worse);
            holds(model);
            if (!model.gate.holds) assert.deepEqual(model.journal.effects.live(), [], 'the gate is shut');
            effects += model.journal.effects.live().length;
            for (const name of names) {
              if (model.phase(name) === 'Denied') denials += 1;
              if (model.phase(name) === 'Aborted') aborts += 1;
            }
          }
        },
      ),
      { numRuns: 100 },
    );
    assert.ok(
      effects > 50 && denials > 50 && aborts > 0,
      `${effects} ${denials} ${aborts}: nothing happened`,
    );
  });
});

describe('another Policy', () => {
  it('never permits more than there was without it', () => {
    let permitted = 0;
    fc.assert(
      fc.property(world, experiment, policies, someLimits, (found, spec, rules, more) => {
        // Who may be hit at all is the one thing that a first word on it may widen.
        const { optIn, ...rest } = more;
        const says = rules.some((rule) => rule.spec.optIn !== undefined);
        const added = policy(says && optIn ? more : rest, { name: 'q' });
        const manifest = declared(spec);
        const strict = planExperiment(planInput(found, { manifest, policies: [...rules, added] }));
        const started = strict.actions.find(({ kind }) => kind === 'start');
        if (!started || !('run' in started)) return;
        permitted += 1;
        const input = planInput(found, { manifest, policies: rules });
        assert.equal(guard(input, askedAs(input, manifest.spec, started.run)), undefined);
      }),
      { numRuns: 2000 },
    );
    assert.ok(permitted > 100, `${permitted} starts`);
  });
});

function askedAs(input: Parameters<typeof guard>[0], spec: ExperimentSpec, run: RunDraft) {
  const selection = selectTargets(spec, consentOf(input), '');
  const chosen = input.world.containers.filter(({ id }) => run.targets.some((target) => target.id === id));
  return askedOf(run, { ...selection, chosen }, spec.blastRadius, run.duration);
}

describe('a budget', () => {
  const budget = fc.record({
    faultTime: fc.constantFrom('2m', '6m', '20m'),
    window: fc.constantFrom('5m', '15m'),
    per: fc.constantFrom<('all' | 'service')[]>('all', 'service'),
  });
  const MS: Record<string, number> = {
    '2m': 120_000,
    '5m': 300_000,
    '6m': 360_000,
    '15m': 900_000,
    '20m': 1_200_000,
  };

  /** ms of fault time that was really spent within any window, by the journal's own times. */
  function mostSpent(effects: readonly Effect[], now: number, window: number): number {
    const spans = [...Map.groupBy(effects, ({ runId, target }) => `${runId} ${target.id}`).values()].map(
      (all) => ({
        start: Math.min(...all.map(({ intendedAt }) => intendedAt)),
        end: Math.max(...all.map(({ recoveredAt }) => recoveredAt ?? now)),
      }),
    );
    const spent = (end: number) =>
      spans
        .map((span) => Math.max(0, Math.min(span.end, end) - Math.max(span.start, end - window)))
        .reduce((sum, ms) => sum + ms, 0);
    return Math.max(0, ...spans.flatMap(({ start, end }) => [spent(end), spent(start + window)]));
  }

  it('is never exceeded within any window, whatever starts, ends, grows and joins', () => {
    let starts = 0;
    const event = fc.oneof(
      fc.tuple(fc.constantFrom(...EXPERIMENTS), experiment).map(([name, spec]) =>
        say(`${name} = ${JSON.stringify(spec)}`, (model) => {
          // Targets of a run that an edit lets go take their time with them.
          const { targets = spec.targets } = model.journal.experiments.get(name)?.spec ?? {};
          if (targets) model.declare(declared({ ...spec, targets }, { name }));
        }),
      ),
      fc.constantFrom(...EXPERIMENTS).map((name) => say(`delete ${name}`, (model) => model.delete(name))),
      fc.constantFrom(...NAMES).map((name) => say(`put ${name}`, (model) => model.put(plain(name)))),
      fc.integer({ min: 1000, max: 400_000 }).map((ms) => say(`advance ${ms}`, (model) => pass(model, ms))),
    );
    fc.assert(
      fc.property(
        budget,
        fc.array(
          event.map((one) => ({ ...one, toString: () => one.text })),
          { minLength: 6, maxLength: 14 },
        ),
        (given, history) => {
          const model = new Model(...NAMES.slice(2).map(plain));
          model.policies = named([{ budget: [given] }]);
          const all = new Map<number, Effect>();
          for (const { take } of history) {
            take(model);
            rest(model, EXPERIMENTS, false);
            for (const run of model.journal.runs.list())
              for (const effect of model.journal.effects.ofRun(run.id)) all.set(effect.id, effect);
            const services = Map.groupBy(all.values(), ({ target }) =>
              given.per === 'all' ? '' : target.name.slice(0, -2),
            );
            for (const effects of services.values()) {
              const spent = mostSpent(effects, model.clock.now(), MS[given.window] ?? 0);
              assert.ok(
                spent <= (MS[given.faultTime] ?? 0),
                `${spent} of ${given.faultTime} in ${given.window}`,
              );
            }
          }
          starts += model.journal.runs.list().length;
        },
      ),
      { numRuns: 80 },
    );
    assert.ok(starts > 40, `${starts} starts`);
  });
});

function plain(name: string): Container {
  return container(name, { project: 'shop', service: name.slice(0, -2) });
}
