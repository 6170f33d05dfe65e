import { LABEL_ONE_OFF, LABEL_PROJECT, LABEL_SERVICE } from '../core/marks.ts';
import { namespaceOwner } from '../core/namespaces.ts';
import type { Container, Effect, FaultSpec, Run } from '../core/types.ts';
import { faultKind } from '../faults/index.ts';

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

/** All that these faults disturb on these targets: with faults of the network, what shares a namespace with a target too. */
export function hitBy(
  faults: readonly FaultSpec[],
  targets: readonly Container[],
  containers: readonly Container[],
): Container[] {
  const entersNetwork = faults.some((fault) => faultKind(fault.type).entersNetwork);
  return entersNetwork ? withSharers(targets, containers) : [...targets];
}

const hits = new WeakMap<readonly Container[], WeakMap<Run, Container[]>>();

/** What a run hits of the containers that there are. The answer for the same two is kept: every plan asks it of every run. */
export function hitByRun(run: Run, containers: readonly Container[]): Container[] {
  const known = hits.get(containers) ?? new WeakMap<Run, Container[]>();
  hits.set(containers, known);
  const hit = known.get(run) ?? lookUpHit(run, containers);
  known.set(run, hit);
  return hit;
}

function lookUpHit({ faults, targets }: Run, containers: readonly Container[]): Container[] {
  const ids = new Set(targets.map(({ id }) => id));
  return hitBy(
    faults.map(({ fault }) => fault),
    containers.filter(({ id }) => ids.has(id)),
    containers,
  );
}

/** What effects hit of the containers that there are. */
export function hitByEffects(effects: readonly Effect[], containers: readonly Container[]): Container[] {
  return effects.flatMap(({ target, fault }) =>
    hitBy(
      [fault],
      containers.filter(({ id }) => id === target.id),
      containers,
    ),
  );
}

/** `project/service`; undefined for a container of none, or a one-off of `docker compose run`. */
export function serviceKey({ labels }: Container): string | undefined {
  const service = labels[LABEL_ONE_OFF] === 'True' ? undefined : labels[LABEL_SERVICE];
  return service === undefined ? undefined : `${labels[LABEL_PROJECT] ?? ''}/${service}`;
}
