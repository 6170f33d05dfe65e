import { SquallError } from '../core/errors.ts';
import {
  LABEL_ENABLED,
  LABEL_ONE_OFF,
  LABEL_PROJECT,
  LABEL_PROTECT,
  LABEL_SELF,
  LABEL_SERVICE,
} from '../core/marks.ts';
import { namespaceOwner } from '../core/namespaces.ts';
import type { BlastRadius, Container, Effect, FaultSpec } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';
import type { Refusal } from './actions.ts';
import { refuseUses } from './collisions.ts';

/** Another instance's live fault on a container, as its marks tell. */
export interface ForeignFault {
  containerId: string;
  instance: string;
  experiment: string;
}

export interface GuardInput {
  experiment: string;
  faults: readonly FaultSpec[];
  blastRadius: BlastRadius | undefined;
  /** The whole selection: those already hit by this run and those to come. */
  chosen: readonly Container[];
  /** All that the selector matches and that could be hit. */
  candidates: readonly Container[];
  containers: readonly Container[];
  /** Live effects of other experiments of this instance. */
  others: readonly Effect[];
  foreign: readonly ForeignFault[];
  /** Ids of Squall's own containers. */
  self: ReadonlySet<string>;
}

/** Undefined where the whole selection is permitted. It is never trimmed. */
export function guard(input: GuardInput): Refusal | undefined {
  const entersNetwork = input.faults.some((fault) => faultKind(fault.type).entersNetwork);
  const hit = entersNetwork ? withSharers(input.chosen, input.containers) : [...input.chosen];
  return (
    refuseSharers(input.faults, input.chosen, input.containers, input.self) ??
    refuseUses(input.faults, input.chosen, input.others) ??
    refuseTotal(hit, input) ??
    refuseShares(hit, input)
  );
}

function first<T>(items: readonly T[], test: (item: T) => Refusal | undefined): Refusal | undefined {
  for (const item of items) {
    const refusal = test(item);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Whether the container said yes. */
export function optedIn(container: Container): boolean {
  return container.labels[LABEL_ENABLED] === 'true';
}

export function isProtected(container: Container, self: ReadonlySet<string>): boolean {
  return (
    self.has(container.id) ||
    container.labels[LABEL_SELF] !== undefined ||
    container.labels[LABEL_PROTECT] === 'true'
  );
}

/** Containers that would be hit only because they share a target's network namespace have a say too. */
export function refuseSharers(
  faults: readonly FaultSpec[],
  chosen: readonly Container[],
  containers: readonly Container[],
  self: ReadonlySet<string>,
): Refusal | undefined {
  if (!faults.some((fault) => faultKind(fault.type).entersNetwork)) return undefined;
  const sharers = withSharers(chosen, containers).slice(chosen.length);
  return first(sharers, (sharer) => refuseSharer(sharer, self));
}

function refuseSharer(container: Container, self: ReadonlySet<string>): Refusal | undefined {
  const refuses = isProtected(container, self)
    ? 'is protected'
    : optedIn(container)
      ? undefined
      : 'has not opted in';
  if (!refuses) return undefined;
  const message = `${container.name} shares a network namespace with a target and ${refuses}`;
  return { code: 'SQ205', reason: 'SharedNamespace', message };
}

/** The chosen and all running containers that live in one network namespace with one of them (`network_mode: container:ID`). */
export function withSharers(chosen: readonly Container[], containers: readonly Container[]): Container[] {
  const roots = new Set(chosen.map((container) => namespaceOwner(container, containers)));
  const ids = new Set(chosen.map(({ id }) => id));
  const sharers = containers.filter(
    (container) =>
      container.pid > 0 && !ids.has(container.id) && roots.has(namespaceOwner(container, containers)),
  );
  return [...chosen, ...sharers];
}

function refuseTotal(hit: readonly Container[], { blastRadius }: GuardInput): Refusal | undefined {
  const most = blastRadius?.maxTargets;
  if (most === undefined || hit.length <= most) return undefined;
  return over(`${plural(hit.length, 'container')} would be hit (${names(hit)}), maxTargets allows ${most}`);
}

/** maxPercent and minHealthy count per service, together with what is already down for any reason. */
function refuseShares(hit: readonly Container[], input: GuardInput): Refusal | undefined {
  const { maxPercent, minHealthy } = input.blastRadius ?? {};
  if (maxPercent === undefined && minHealthy === undefined) return undefined;
  const disturbed = new Set([
    ...hit.map(({ id }) => id),
    ...disturbedByOthers(input).map(({ id }) => id),
    ...input.foreign.map(({ containerId }) => containerId),
  ]);
  return first([...groupByService(hit, input)], ([service, members]) => {
    const down = members.filter((member) => disturbed.has(member.id) || !isHealthy(member)).length;
    if (maxPercent !== undefined && down * 100 > maxPercent * members.length) {
      return over(
        `${down} of ${members.length} containers of ${service} would be down, maxPercent allows ${maxPercent} %`,
      );
    }
    const left = members.length - down;
    if (minHealthy !== undefined && left < minHealthy) {
      return over(
        `${left} of ${members.length} containers of ${service} would stay healthy, minHealthy asks for ${minHealthy}`,
      );
    }
    return undefined;
  });
}

/** Targets of other experiments, and what shares a network namespace with them where the fault is one of the network. */
function disturbedByOthers({ others, containers }: GuardInput): Container[] {
  return others.flatMap(({ target, fault }) => {
    const hit = containers.filter(({ id }) => id === target.id);
    return faultKind(fault.type).entersNetwork ? withSharers(hit, containers) : hit;
  });
}

/** The services that are hit, each with all its containers; those without a service label stand together as the selection. */
function groupByService(
  hit: readonly Container[],
  { candidates, containers }: GuardInput,
): Map<string, Container[]> {
  const groups = new Map<string, Container[]>();
  for (const target of hit) {
    const service = serviceKey(target);
    if (service === undefined) groups.set('the selection', unlabelled(hit, candidates));
    else
      groups.set(
        service,
        containers.filter((container) => serviceKey(container) === service),
      );
  }
  return groups;
}

function unlabelled(...lists: (readonly Container[])[]): Container[] {
  const found = new Map<string, Container>();
  for (const container of lists.flat())
    if (serviceKey(container) === undefined) found.set(container.id, container);
  return [...found.values()];
}

function serviceKey({ labels }: Container): string | undefined {
  const service = labels[LABEL_ONE_OFF] === 'True' ? undefined : labels[LABEL_SERVICE];
  return service === undefined ? undefined : `${labels[LABEL_PROJECT] ?? ''}/${service}`;
}

function isHealthy({ state, health }: Container): boolean {
  return state === 'running' && health !== 'unhealthy' && health !== 'starting';
}

function over(message: string): Refusal {
  return { code: 'SQ204', reason: 'BlastRadius', message };
}

function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

function names(containers: readonly Container[]): string {
  const shown = containers.slice(0, 5).map(({ name }) => name);
  return containers.length > 5 ? `${shown.join(', ')}, ...` : shown.join(', ');
}

/** A fault's own word that it can't have this target. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof SquallError)) throw error;
  const reason = error.code === 'SQ209' ? 'PeerUnresolved' : 'FaultRefuses';
  return {
    code: error.code,
    reason,
    message: error.hint ? `${error.message}. ${error.hint}` : error.message,
  };
}
