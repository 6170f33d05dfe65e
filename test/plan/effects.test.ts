import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Effect, FaultSpec } from '../../src/core/types.ts';
import type { Observation } from '../../src/faults/fault.ts';
import { faultKind } from '../../src/faults/index.ts';
import { diffEffects, type EffectInput } from '../../src/plan/effects.ts';
import {
  BLOCK,
  container,
  containers,
  deadline,
  effect,
  KILL,
  NOW,
  PAUSE,
  RESTART,
  STOP,
  world,
} from './build.ts';
import { word } from './model.ts';

const LATER = '2030-01-01T00:00:09.000000000Z';
const web = container('web-0');

function diff(
  targets: Container[],
  faults: FaultSpec[],
  effects: Effect[],
  change: Partial<EffectInput> = {},
) {
  return diffEffects({
    now: NOW,
    deadline: NOW + 60_000,
    targets,
    joined: new Set(),
    faults: faults.map((fault, slot) => ({ slot, fault })),
    effects,
    observations: new Map(),
    world: world(targets, { lenient: true }),
    ...change,
  });
}

const words = (...args: Parameters<typeof diff>) => diff(...args).map(word);
const restarted = (one: Container): Container => ({ ...one, startedAt: LATER });
const stopped = (one: Container): Container => ({ ...one, state: 'exited', pid: 0 });

/** A standing block, resolved as the world has it now. */
function standing(
  fault: FaultSpec,
  change: Partial<Effect> = {},
  found: readonly Container[] = [web],
): Effect {
  const resolved = faultKind(fault.type).resolve(fault, web, world(found));
  return effect(fault, web, { resolved, ...change });
}

describe('a state fault', () => {
  it('is put on every target', () => {
    assert.deepEqual(words(containers(2), [PAUSE], []), ['inject web-0 new', 'inject web-1 new']);
  });

  it('is put on a target that joined, saying so', () => {
    assert.deepEqual(words([web], [PAUSE], [], { joined: new Set([web.id]) }), ['inject web-0 matched']);
  });

  it('is left alone while it stands', () => {
    assert.deepEqual(words([web], [BLOCK], [standing(BLOCK)]), []);
  });

  it('goes into a restarted target again', () => {
    assert.deepEqual(words([restarted(web)], [PAUSE], [effect(PAUSE, web)]), ['inject web-0 restarted']);
  });

  it('waits for a target that is down', () => {
    assert.deepEqual(words([stopped(web)], [PAUSE], [effect(PAUSE, web)]), []);
    assert.deepEqual(words([stopped(web)], [PAUSE], []), []);
  });

  it('is changed in place when its parameters are', () => {
    const edited = { ...BLOCK, ports: [80] };
    const [action, ...rest] = diff([web], [edited], [standing(BLOCK)]);
    assert.deepEqual(rest, []);
    assert.ok(action?.kind === 'inject' && action.reason === 'edited');
    assert.deepEqual([action.slot, action.fault], [0, edited]);
  });

  it('follows a peer to its new address, and drops the old one when the peer dies', () => {
    const fault = { type: 'network-block', to: [{ container: 'redis' }] };
    const redis = container('redis');
    const moved = { ...redis, attachments: [{ network: 'net', ip4: '10.9.9.9', aliases: [] }] };
    const stands = [standing(fault, {}, [web, redis])];
    const at = (peer: Container) =>
      diff([web], [fault], stands, { world: world([web, peer], { lenient: true }) });
    assert.deepEqual(at(redis), []);
    const [action] = at(moved);
    assert.ok(action?.kind === 'inject' && action.reason === 'peers');
    assert.deepEqual((action.resolved as { v4: string[] }).v4, ['10.9.9.9']);
    const [dropped] = at(stopped(redis));
    assert.ok(dropped?.kind === 'inject' && dropped.reason === 'peers');
    const { v4, any } = dropped.resolved as { v4: string[]; any: boolean };
    assert.deepEqual([v4, any], [[], false], 'nobody, not everybody');
  });

  it('gets a deadline that moved, where the kernel ends it', () => {
    const at = (fault: FaultSpec, ms: number) =>
      words([web], [fault], [fault === BLOCK ? standing(fault) : effect(fault, web)], { deadline: NOW + ms });
    assert.deepEqual(at(BLOCK, 90_000), ['inject web-0 deadline']);
    assert.deepEqual(at(BLOCK, 30_000), ['inject web-0 deadline']);
    assert.deepEqual(at(BLOCK, 60_050), [], 'the boot clock counts in 10 ms');
    assert.deepEqual(at(PAUSE, 90_000), [], 'the sentinel reads the journal');
  });

  const seen: [Observation, string[]][] = [
    ['present', []],
    ['gone', []],
    ['drifted', ['inject web-0 drift']],
    ['absent', ['inject web-0 drift']],
  ];
  for (const [observation, expected] of seen)
    it(`that is found ${observation} ${expected.length > 0 ? 'is put back' : 'is left alone'}`, () => {
      const stands = effect(PAUSE, web);
      const observations = new Map([[stands.id, observation]]);
      assert.deepEqual(words([web], [PAUSE], [stands], { observations }), expected);
    });

  for (const phase of ['intended', 'recovering', 'recovered', 'failed'] as const)
    it(`that is ${phase} is put in again`, () => {
      assert.deepEqual(words([web], [PAUSE], [effect(PAUSE, web, { phase })]), ['inject web-0 resume']);
    });

  it('that is wanted no more goes', () => {
    assert.deepEqual(words([web], [], [effect(PAUSE, web)]), ['recover web-0 edited']);
  });

  it('on a target that was dropped, or is gone, goes there and stays on the others', () => {
    const two = containers(2) as [Container, Container];
    const stand = two.map((one) => effect(PAUSE, one));
    assert.deepEqual(words([two[1]], [PAUSE], stand), ['recover web-0 target-gone']);
  });

  it('that is recovered on a dropped target is not recovered again', () => {
    assert.deepEqual(words([], [PAUSE], [effect(PAUSE, web, { phase: 'recovered' })]), []);
  });
});

describe('an edit', () => {
  it('injects before it recovers, and recovers in reverse', () => {
    const effects = [effect(PAUSE, web), effect(KILL, web, { slot: 1 }), standing(BLOCK, { slot: 2 })];
    const faults = [{ slot: 3, fault: { ...BLOCK, ports: [80] } }];
    const actions = diff([web], [], effects, { faults });
    assert.deepEqual(actions.map(word), [
      'inject web-0 new',
      'recover web-0 edited',
      'recover web-0 edited',
      'recover web-0 edited',
    ]);
    const slots = actions.flatMap((action) => (action.kind === 'recover' ? [action.effect.slot] : []));
    assert.deepEqual(slots, [2, 1, 0]);
  });
});

describe('an act', () => {
  for (const fault of [STOP, RESTART, KILL]) {
    it(`${fault.type} strikes once`, () => {
      assert.deepEqual(words([web], [fault], []), ['inject web-0 new']);
      assert.deepEqual(words([web], [fault], [effect(fault, web)]), []);
    });

    it(`${fault.type} is over when its target was started after it, and does not strike again`, () => {
      const stands = effect(fault, web);
      assert.deepEqual(words([stopped(web)], [fault], [stands]), [], 'down');
      assert.deepEqual(words([restarted(web)], [fault], [stands]), ['recover web-0 target-started']);
      const over = { ...stands, phase: 'recovered' as const };
      assert.deepEqual(words([restarted(web)], [fault], [over]), []);
      assert.deepEqual(words([restarted({ ...web, startedAt: `${LATER}1` })], [fault], [over]), []);
    });

    it(`${fault.type} does not strike a target that is down`, () => {
      assert.deepEqual(words([stopped(web)], [fault], []), []);
    });

    it(`${fault.type} goes on with a recovery that waits for the health of a restarted target`, () => {
      const waits = effect(fault, web, { phase: 'recovering', recoveringAt: NOW });
      assert.deepEqual(words([restarted(web)], [fault], [waits]), ['recover web-0 target-started']);
    });
  }

  it('that may have happened before a crash is taken as done where its trace is seen', () => {
    const intended = effect(STOP, web, { phase: 'intended', injectedAt: null });
    assert.deepEqual(words([stopped(web)], [STOP], [intended]), ['adopt web-0']);
    assert.deepEqual(words([restarted(web)], [STOP], [intended]), ['adopt web-0']);
  });

  it('that did not happen before a crash is done', () => {
    const intended = effect(STOP, web, { phase: 'intended', injectedAt: null });
    assert.deepEqual(words([web], [STOP], [intended]), ['inject web-0 resume']);
  });

  it('strikes again when it was edited', () => {
    const edited = { ...KILL, signal: 'SIGTERM' };
    assert.deepEqual(words([web], [edited], [effect(KILL, web)]), ['inject web-0 edited']);
  });

  it('is no drift: what is seen of it does not bring it back', () => {
    const stands = effect(KILL, web);
    const observations = new Map<number, Observation>([[stands.id, 'absent']]);
    assert.deepEqual(words([web], [KILL], [stands], { observations }), []);
  });
});

describe('a repeating act', () => {
  const often = { ...KILL, every: '10s' };
  const struck = effect(often, web, { intendedAt: NOW });
  const at = (ms: number, target = restarted(web)) => words([target], [often], [struck], { now: NOW + ms });

  it('strikes again when it is due, and not before', () => {
    assert.deepEqual(at(9_999), []);
    assert.deepEqual(at(10_000), ['inject web-0 strike']);
  });

  it('passes over a target that is down', () => {
    assert.deepEqual(at(10_000, stopped(web)), []);
  });

  it('is not ended by the start that it causes', () => {
    assert.deepEqual(at(500), []);
  });
});

it('effects of other slots and targets are not taken for one of this', () => {
  const elsewhere = [effect(PAUSE, web, { slot: 5 }), effect(PAUSE, container('web-9'))];
  const actions = words([web], [PAUSE], elsewhere, { deadline: deadline(60_000).wall });
  assert.deepEqual(actions, ['inject web-0 new', 'recover web-9 target-gone', 'recover web-0 edited']);
});
