import type { Container } from './types.ts';

const PREFIX = 'container:';

/** Whose network namespace the container lives in: the id at the end of its chain of `network_mode: container:ID`. */
export function namespaceOwner(container: Container, containers: readonly Container[]): string {
  const seen = new Set<string>();
  let current = container;
  while (current.networkMode.startsWith(PREFIX) && !seen.has(current.id)) {
    seen.add(current.id);
    const owner = current.networkMode.slice(PREFIX.length);
    const next = containers.find(({ id }) => id === owner);
    if (!next) return owner;
    current = next;
  }
  return current.id;
}
