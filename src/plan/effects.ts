import { type Json, sameJson } from '../core/canonical.ts';
import { SquallError } from '../core/errors.ts';
import { namespaceOwner } from '../core/namespaces.ts';
import type { Container, Effect, FaultSpec, SlottedFault, TargetRef } from '../core/types.ts';
import { type FaultKind, hostKey, type Observation, type World } from '../faults/fault.ts';
import { faultKind } from '../faults/index.ts';
import type { Action, InjectReason } from './actions.ts';

/** Wall ms by which a datestop may differ from the deadline before it is rewritten: /proc/uptime counts in 10 ms. */
const DEADLINE_TOLERANCE = 100;

export interface EffectInput {
  /** Wall ms. */
  now: number;
  /** The run's deadline on today's wall clock. */
  deadline: number;
  targets: readonly Container[];
  /** Ids of targets that joined in this pass. */
  joined: ReadonlySet<string>;
  faults: readonly SlottedFault[];
  effects: readonly Effect[];
  observations: ReadonlyMap<number, Observation>;
  world: World;
}

/** What must change so that every target carries every fault and nothing else: injections first, so that an edit leaves no gap. */
export function diffEffects(input: EffectInput): Action[] {
  const { targets, faults, effects } = input;
  const world = { ...input.world, group: groupOf(targets) };
  const carries = carriers(targets, world.containers, effects);
  const injections = targets.flatMap((target) =>
    faults.flatMap((slotted) => {
      if (faultKind(slotted.fault.type).entersNetwork && !carries(target)) return [];
      const effect = effects.find(({ target: { id }, slot }) => id === target.id && slot === slotted.slot);
      return converge({ ...input, world }, target, slotted, effect);
    }),
  );
  return [...injections, ...unwanted(input)];
}

/** The targets of a run, as its faults see them. */
export function groupOf(targets: readonly TargetRef[]): ReadonlySet<string> {
  return new Set(targets.map(({ id }) => id));
}

/**
 * Whether a target carries the network faults itself. Of running targets in one network namespace one carries them for all: twice would
 * be a fault of another strength. It is the one that has them already (`effects` are the run's), or else the first.
 */
export function carriers(
  targets: readonly Container[],
  containers: readonly Container[],
  effects: readonly Effect[],
): (target: Container) => boolean {
  const laden = new Set(
    effects
      .filter((effect) => isOpen(effect) && faultKind(effect.fault.type).entersNetwork)
      .map(({ target }) => target.id),
  );
  const carrier = new Map<string, string>();
  const running = targets.filter(({ pid }) => pid > 0);
  for (const target of [...running.filter(({ id }) => laden.has(id)), ...running]) {
    const owner = namespaceOwner(target, containers);
    if (!carrier.has(owner)) carrier.set(owner, target.id);
  }
  return (target) => (carrier.get(namespaceOwner(target, containers)) ?? target.id) === target.id;
}

/** In the world, as far as is known. One that could not be undone is left to the resync, which tries it again. */
export function isOpen({ phase }: Effect): boolean {
  return phase !== 'recovered' && phase !== 'failed';
}

function unwanted({ targets, faults, effects, world }: EffectInput): Action[] {
  const known = ({ target }: Effect) => world.containers.some(({ id }) => id === target.id);
  return effects
    .filter(isOpen)
    .filter(
      ({ target, slot }) =>
        !targets.some(({ id }) => id === target.id) || !faults.some((fault) => fault.slot === slot),
    )
    .reverse()
    .map((effect) => ({ kind: 'recover', effect, reason: known(effect) ? 'edited' : 'target-gone' }));
}

function converge(
  input: EffectInput,
  target: Container,
  { slot, fault }: SlottedFault,
  effect: Effect | undefined,
): Action[] {
  const kind = faultKind(fault.type);
  if (kind.nature === 'act') return convergeAct(input, kind, target, slot, fault, effect);
  if (target.pid === 0) return []; // its next start brings us back
  const resolved = keptAnswer(input, kind, fault, target, effect) ?? resolveNow(input, kind, fault, target);
  if (resolved === undefined) return [];
  const reason = staleness(input, kind, target, fault, resolved, effect);
  return reason ? [{ kind: 'inject', target, slot, fault, resolved, reason }] : [];
}

/** What the fault came to before, while a host name of it has no answer: silence is no reason to let its peers go. */
function keptAnswer(
  { world }: EffectInput,
  kind: FaultKind,
  fault: FaultSpec,
  target: Container,
  effect: Effect | undefined,
): Json | undefined {
  if (!effect || !sameJson(effect.fault, fault)) return undefined;
  const silent = kind.lookups?.(fault).some((host) => !world.hosts.get(hostKey(target.id, host))?.length);
  return silent ? effect.resolved : undefined;
}

/** Undefined where the target can't take the fault any more: what stands there then stays till its deadline. */
function resolveNow(
  input: EffectInput,
  kind: FaultKind,
  fault: FaultSpec,
  target: Container,
): Json | undefined {
  try {
    return kind.resolve(fault, target, input.world);
  } catch (error) {
    if (error instanceof SquallError) return undefined;
    throw error;
  }
}

function staleness(
  input: EffectInput,
  kind: FaultKind,
  target: Container,
  fault: FaultSpec,
  resolved: unknown,
  effect: Effect | undefined,
): InjectReason | undefined {
  if (!effect) return input.joined.has(target.id) ? 'matched' : 'new';
  if (effect.incarnation !== target.startedAt) return 'restarted';
  if (!sameJson(effect.fault, fault)) return 'edited';
  if (effect.phase !== 'injected') return 'resume';
  if (!sameJson(effect.resolved, resolved)) return 'peers';
  if (kind.endedBy === 'kernel' && Math.abs(effect.deadline.wall - input.deadline) > DEADLINE_TOLERANCE)
    return 'deadline';
  const seen = input.observations.get(effect.id);
  return seen === 'drifted' || seen === 'absent' ? 'drift' : undefined;
}

/** An act strikes once (or every so often); the start that it causes never brings it back. */
function convergeAct(
  input: EffectInput,
  kind: FaultKind,
  target: Container,
  slot: number,
  fault: FaultSpec,
  effect: Effect | undefined,
): Action[] {
  const up = target.state === 'running';
  const strike = (reason: InjectReason): Action[] => {
    const resolved = up ? resolveNow(input, kind, fault, target) : undefined;
    return resolved === undefined ? [] : [{ kind: 'inject', target, slot, fault, resolved, reason }];
  };
  if (!effect) return strike(input.joined.has(target.id) ? 'matched' : 'new');
  const restarted = effect.incarnation !== target.startedAt;
  if (effect.phase === 'intended') return restarted || !up ? [{ kind: 'adopt', effect }] : strike('resume');
  if (!sameJson(effect.fault, fault)) return strike('edited');
  const due = nextStrike(kind, effect, input.now);
  if (due !== undefined) return input.now >= due ? strike('strike') : [];
  const open = effect.phase === 'injected' || effect.phase === 'recovering';
  return open && up && restarted ? [{ kind: 'recover', effect, reason: 'target-started' }] : [];
}

/** Wall ms of the next strike of a repeating act; undefined for the rest. At once where the clock was set back to before the last. */
export function nextStrike(kind: FaultKind, effect: Effect, now: number): number | undefined {
  const interval = kind.interval?.(effect.fault);
  if (interval === undefined) return undefined;
  return effect.intendedAt > now ? now : effect.intendedAt + interval;
}
