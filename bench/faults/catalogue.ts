import { SquallError } from '../../src/core/errors.ts';
import type { Container, ExperimentSpec, FaultSpec } from '../../src/core/types.ts';
import type { FaultKind, World } from '../../src/faults/fault.ts';
import { FAULTS } from '../../src/faults/index.ts';

/** Bare commands: netfilter rules, or a device with a filter that leads there. */
export type FloorName = 'floor-rules' | 'floor-lane';

/** A kind of fault as it is measured. */
export interface Subject {
  /** The type; a second way of the same kind has a name of its own. */
  name: string;
  kind: FaultKind;
  /** Against one peer, in one direction where it can have one. */
  fault: FaultSpec;
  netem: boolean;
  /** The bare commands that it is held against. */
  floor: FloorName | undefined;
  /** Engine events of a target that is hit, and of one that is back where that is recovery's doing. */
  events: { hit: string; back: string | undefined } | undefined;
}

/** Ends the name of a kind that netfilter does where it can, done by netem. */
const NETEM = '-netem';

/** Parameters by name, so strong that the first packet shows them. What is not here is measured with its documented example. */
const PARAMETERS: Record<string, FaultSpec> = {
  'container-kill': { type: 'container-kill' },
  'network-bandwidth': { type: 'network-bandwidth', rate: '128kbit', burst: '1600B', limit: '1600B' },
  'network-block': { type: 'network-block' },
  'network-corrupt': { type: 'network-corrupt', percent: 100 },
  'network-duplicate': { type: 'network-duplicate', percent: 100 },
  'network-latency': { type: 'network-latency', delay: '100ms' },
  'network-loss': { type: 'network-loss', percent: 100 },
  [`network-loss${NETEM}`]: { type: 'network-loss', percent: 100, correlation: 0 },
  'network-reorder': { type: 'network-reorder', percent: 0.001, delay: '100ms' },
};

const EVENTS: Record<string, Subject['events']> = {
  'container-pause': { hit: 'pause', back: 'unpause' },
  'container-restart': { hit: 'die', back: undefined },
};

/** Every kind there is, those that end containers last: what they leave is not what the others should meet. */
export function subjects(address: string): Subject[] {
  const all = FAULTS.flatMap((kind) => {
    const others = Object.keys(PARAMETERS).filter(
      (name) => name !== kind.type && PARAMETERS[name]?.type === kind.type,
    );
    return [kind.type, ...others].map((name) => subject(name, kind, address));
  });
  return [...all.filter(({ events }) => !events), ...all.filter(({ events }) => events)];
}

function subject(name: string, kind: FaultKind, address: string): Subject {
  const fault = faultOf(name, kind, address);
  const netem = name.endsWith(NETEM) || (kind.needs?.includes('netem') ?? false);
  const shapes = kind.diverts?.(fault) ?? false;
  return {
    name,
    kind,
    fault,
    netem,
    floor: kind.entersNetwork ? (shapes ? 'floor-lane' : 'floor-rules') : undefined,
    events: kind.entersNetwork ? undefined : (EVENTS[kind.type] ?? { hit: 'die', back: 'start' }),
  };
}

function faultOf(name: string, kind: FaultKind, address: string): FaultSpec {
  const { ports, protocol, ...example } = kind.example;
  const { properties } = kind.schema;
  return {
    ...(PARAMETERS[name] ?? example),
    ...('to' in properties && { to: [{ cidr: `${address}/32` }] }),
    ...('direction' in properties && { direction: 'egress' }),
  };
}

/** Why it can't be measured here, in the kind's own words; undefined where it can. */
export function reasonAgainst(
  { kind, fault }: Pick<Subject, 'kind' | 'fault'>,
  target: Container,
  world: World,
  engine: boolean,
): string | undefined {
  if (!kind.entersNetwork && !engine) return 'there is no Docker engine here';
  try {
    kind.resolve(fault, target, { ...world, group: new Set([target.id]) });
    return undefined;
  } catch (error) {
    if (error instanceof SquallError) return error.message.replace(`${kind.type}: `, '');
    throw error;
  }
}

/** An experiment with one fault on exactly these. */
export function experiment(targets: readonly { name: string }[], fault: FaultSpec): ExperimentSpec {
  return {
    duration: '10m',
    targets: { select: { names: targets.map(({ name }) => name) }, mode: 'all' },
    faults: [fault],
  };
}
