import {
  LABEL_ENABLED,
  LABEL_ONE_OFF,
  LABEL_PROJECT,
  LABEL_PROTECT,
  LABEL_SELF,
  LABEL_SERVICE,
} from '../../core/marks.ts';
import type { Container } from '../../core/types.ts';

/** Whom the example is for. */
export interface Suggestion {
  /** A compose project and its service, or a container by its name. */
  target: { project: string; service: string } | { container: string };
  /** To whom its packets are late. */
  peer: { service: string } | { container: string } | { any: true };
  /** False: the names are made up. */
  isReal: boolean;
  /** The target carries the label already. */
  hasOptedIn: boolean;
}

/** Names of a service, or of its image, that say: others depend on it. */
const STORE =
  /redis|valkey|postgres|mysql|maria|mongo|elastic|opensearch|rabbit|kafka|nats|memcache|minio|cassandra|\bdb\b|database|cache|queue/i;

/**
 * Pure: a real target among what runs. What has opted in comes first, then compose projects with the most services. Placeholders where
 * nothing suits, or where no container of the wanted project runs.
 */
export function suggest(containers: readonly Container[], project?: string): Suggestion {
  const suited = containers.filter(isSuited).sort(byName);
  const composed = suited.filter(
    ({ labels }) => labels[LABEL_SERVICE] && (!project || labels[LABEL_PROJECT] === project),
  );
  const groups = [...Map.groupBy(composed, ({ labels }) => labels[LABEL_PROJECT] ?? '')];
  const [best] = groups.filter(([name]) => name !== '').sort(([, a], [, b]) => score(b) - score(a));
  const alone = project ? undefined : suited.find((one) => !composed.includes(one) && hasOptedIn(one));
  if (alone && !best?.[1].some(hasOptedIn)) return aloneSuggestion(alone, suited);
  return best ? projectSuggestion(best[0], best[1]) : placeholders(project);
}

/** Names of the compose projects that run, sorted. */
export function projectsOf(containers: readonly Container[]): string[] {
  const names = containers.filter(isSuited).flatMap(({ labels }) => labels[LABEL_PROJECT] ?? []);
  return [...new Set(names)].sort();
}

export function placeholders(project = 'my-project'): Suggestion {
  const target = { project, service: 'backend' };
  return { target, peer: { service: 'redis' }, isReal: false, hasOptedIn: false };
}

/** What Squall would refuse in any case is no example, and what has a name that no manifest may hold. */
function isSuited({ state, labels, networkMode, name }: Container): boolean {
  const names = [name, labels[LABEL_PROJECT] ?? 'none', labels[LABEL_SERVICE] ?? 'none'];
  return (
    state === 'running' &&
    labels[LABEL_SELF] === undefined &&
    labels[LABEL_PROTECT] !== 'true' &&
    labels[LABEL_ONE_OFF] !== 'True' &&
    networkMode !== 'host' &&
    networkMode !== 'none' &&
    names.every((one) => one.length > 0 && one.length <= 255)
  );
}

function byName(a: Container, b: Container): number {
  return a.name < b.name ? -1 : 1;
}

function hasOptedIn({ labels }: Container): boolean {
  return labels[LABEL_ENABLED] === 'true';
}

function score(containers: readonly Container[]): number {
  const services = new Set(containers.map(({ labels }) => labels[LABEL_SERVICE])).size;
  return (containers.some(hasOptedIn) ? 1000 : 0) + services;
}

function projectSuggestion(project: string, containers: readonly Container[]): Suggestion {
  const willing = containers.filter(hasOptedIn);
  const candidates = willing.length > 0 ? willing : containers;
  const target = candidates.find((one) => !isStore(one)) ?? candidates[0];
  const service = target?.labels[LABEL_SERVICE] ?? '';
  const others = containers.filter(({ labels }) => labels[LABEL_SERVICE] !== service);
  const peer = (others.find(isStore) ?? others[0])?.labels[LABEL_SERVICE];
  return {
    target: { project, service },
    peer: peer === undefined ? { any: true } : { service: peer },
    isReal: true,
    hasOptedIn: willing.length > 0,
  };
}

function aloneSuggestion(target: Container, suited: readonly Container[]): Suggestion {
  const networks = new Set(target.attachments.map(({ network }) => network));
  const others = suited.filter(
    (one) => one !== target && one.attachments.some(({ network }) => networks.has(network)),
  );
  const peer = others.find(isStore) ?? others[0];
  return {
    target: { container: target.name },
    peer: peer ? { container: peer.name } : { any: true },
    isReal: true,
    hasOptedIn: true,
  };
}

function isStore({ name, image, labels }: Container): boolean {
  return STORE.test(labels[LABEL_SERVICE] ?? name) || STORE.test(image);
}
