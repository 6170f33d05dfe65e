import assert from 'node:assert/strict';
import type { Manifest } from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import type { Container, Declared, Effect, FaultSpec, Phase } from '../../src/core/types.ts';
import type { FaultContext, Observation } from '../../src/faults/fault.ts';
import { faultKind } from '../../src/faults/index.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { desiredState } from '../../src/manifests/desired.ts';
import type { Plan } from '../../src/plan/actions.ts';
import type { ForeignFault } from '../../src/plan/guard.ts';
import { type PlanInput, planExperiment } from '../../src/plan/plan.ts';
import { type Committed, commit } from '../../src/reconcile/commit.ts';
import type { ReconcileDeps } from '../../src/reconcile/deps.ts';
import { gather } from '../../src/reconcile/gather.ts';
import { createMetrics } from '../../src/reconcile/metrics.ts';
import { injectionsOf } from '../../src/reconcile/prepare.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { containers, declared, deepFreeze, idOf } from './build.ts';

const log = createLog('silent');
const PASSES = 6;

/**
 * A world that does at once, and without fail, what a plan says, with a real journal (in memory) to remember it. Every plan is made
 * twice on a frozen input, so that a plan that is not pure fails any test that uses this.
 */
export class Model {
  readonly clock = new FakeClock();
  readonly journal: Journal = openJournal(IN_MEMORY);
  halted = false;
  gate: PlanInput['gate'] = { holds: true, message: '' };
  /** What is declared, in the order of names. */
  policies: Manifest<'Policy'>[] = [];
  foreign: ForeignFault[] = [];
  observations = new Map<number, Observation>();
  /** Answers of the containers' own resolvers. */
  readonly hosts = new Map<string, readonly string[]>();
  /** Names of containers that can't be recovered just now. */
  readonly stuck = new Set<string>();
  readonly #manifests = new Map<string, Declared>();
  readonly #containers = new Map<string, Container>();
  readonly #deps: ReconcileDeps;
  #objects = 0;
  #starts = 1;

  constructor(...containers: Container[]) {
    for (const one of containers) this.put(one);
    this.#deps = {
      journal: this.journal,
      clock: this.clock,
      log,
      claimant: 'daemon:1',
      faults: {} as FaultContext, // nothing here enters the world
      at: () => {},
      metrics: createMetrics('0', this.journal.instance),
      manifests: { state: () => desiredState([...this.#manifests.values(), ...this.policies], []) },
      gate: () => this.gate,
      inventory: { containers: () => [...this.#containers.values()] },
      hosts: { answers: () => this.hosts },
      halt: { read: () => this.halted },
      host: WHOLE_HOST,
      foreign: () => this.foreign,
      self: new Set(),
    } as unknown as ReconcileDeps;
  }

  put(container: Container): void {
    this.#containers.set(container.id, container);
  }

  /** `squall halt --all`, or its end. */
  halt(halted: boolean): void {
    this.halted = halted;
  }

  remove(name: string): void {
    this.#containers.delete(idOf(name));
  }

  container(name: string): Container {
    const found = this.#containers.get(idOf(name));
    assert.ok(found, `no container is named ${name}`);
    return found;
  }

  get containers(): Container[] {
    return [...this.#containers.values()];
  }

  /** Somebody stops it. */
  stop(name: string): void {
    this.put({ ...this.container(name), state: 'exited', pid: 0 });
  }

  /** Somebody (re)starts it. */
  start(name: string): void {
    this.#starts += 1;
    const startedAt = `2030-01-01T00:00:00.${String(this.#starts).padStart(9, '0')}Z`;
    this.put({ ...this.container(name), state: 'running', pid: 4242 + this.#starts, startedAt });
  }

  declare(manifest: Declared): void {
    this.#manifests.set(manifest.name, manifest);
  }

  delete(name = 'exp'): void {
    this.#manifests.delete(name);
  }

  /** A pass over one experiment: plan, write, act. Returns the plan. */
  pass(name = 'exp'): Plan {
    this.#objects += 1;
    const { clock } = this;
    const [wall, boot, bootId] = [clock.now(), clock.boot(), clock.bootId()];
    const still = { now: () => wall, boot: () => boot, bootId: () => bootId };
    const input = gather(this.#deps, name, `uid-${this.#objects}`, this.observations);
    const frozen = deepFreeze({ ...input, clock: still } as PlanInput);
    const plan = planExperiment(frozen);
    assert.deepEqual(planExperiment(frozen), plan, 'a plan is a function of its input');
    this.observations = new Map();
    const now = { ...frozen, clock } as PlanInput;
    const prepared = injectionsOf(plan).map((injection) => ({ injection, undo: null }));
    for (const committed of commit(this.#deps, now, plan, prepared)) this.#inject(committed);
    for (const action of plan.actions) {
      if (action.kind === 'adopt') this.journal.effects.injected(action.effect, clock.now());
      if (action.kind === 'recover') this.#recover(action.effect);
    }
    return plan;
  }

  /** Passes until a plan has nothing to do; all that was done on the way. Fails where it never comes to rest. */
  settle(name = 'exp'): Plan['actions'] {
    const done: Plan['actions'] = [];
    for (let passes = 0; passes < PASSES; passes += 1) {
      const { actions } = this.pass(name);
      if (actions.length === 0) return done;
      done.push(...actions);
    }
    return assert.fail(`no rest after ${PASSES} passes: ${done.map(word).join(', ')}`);
  }

  phase(name = 'exp'): Phase | undefined {
    return this.journal.experiments.get(name)?.phase;
  }

  reason(name = 'exp'): string | undefined {
    return this.journal.experiments.get(name)?.reason;
  }

  /** Runs of an experiment, oldest first. */
  runs(name = 'exp') {
    return this.journal.runs.list({ experiment: name }).reverse();
  }

  /** What stands in the world: `web-0 container-pause`, sorted. */
  standing(): string[] {
    return this.journal.effects
      .live()
      .filter(({ phase }) => phase === 'injected')
      .map(({ target, fault }) => `${target.name} ${fault.type}`)
      .sort();
  }

  hold(hold: 'suspended' | 'halted' | null, name = 'exp'): void {
    const record = this.journal.experiments.get(name);
    assert.ok(record);
    this.journal.experiments.put({ ...record, hold });
  }

  request(trigger = 'manual', name = 'exp'): void {
    const record = this.journal.experiments.get(name);
    assert.ok(record);
    this.journal.experiments.put({ ...record, runRequested: trigger });
  }

  #inject({ effect, injection }: Committed): void {
    this.#strike(injection.fault, effect.target.name);
    assert.ok(this.journal.effects.injected(effect, this.clock.now()));
  }

  #strike({ type, via }: FaultSpec, name: string): void {
    if (faultKind(type).nature === 'state') return;
    this.stop(name);
    const policy = this.container(name).restartPolicy !== 'no';
    if (type === 'container-restart' || (type === 'container-kill' && via !== 'engine' && policy))
      this.start(name);
  }

  #recover(effect: Effect): void {
    const current = this.journal.effects.get(effect.id);
    assert.ok(current);
    const { effects } = this.journal;
    const claim = { claimant: 'daemon:1', now: this.clock.now(), boot: this.clock.boot() };
    const claimed = effects.claim(current, claim);
    assert.ok(claimed);
    if (this.stuck.has(effect.target.name)) {
      effects.failed(claimed, 'stuck');
      return;
    }
    const target = this.#containers.get(effect.target.id);
    const act = faultKind(effect.fault.type).nature === 'act';
    if (act && target?.state === 'exited') this.start(effect.target.name);
    effects.recovered(claimed, this.clock.now());
  }
}

/** A model with a manifest on two containers, running. */
export function running(
  change: Parameters<typeof declared>[0] = {},
  found: Container[] = containers(2),
): Model {
  const model = new Model(...found);
  model.declare(declared(change));
  model.settle();
  assert.equal(model.phase(), 'Running');
  return model;
}

/** A short word for each action: `inject web-0 new`, `recover web-0 edited`, `start`, `finish Completed`. */
export function word(action: Plan['actions'][number]): string {
  switch (action.kind) {
    case 'inject':
      return `inject ${action.target.name} ${action.reason}`;
    case 'recover':
      return `recover ${action.effect.target.name} ${action.reason}`;
    case 'adopt':
      return `adopt ${action.effect.target.name}`;
    case 'end':
      return `end ${action.outcome}`;
    case 'finish':
      return `finish ${action.phase}`;
    default:
      return action.kind;
  }
}
