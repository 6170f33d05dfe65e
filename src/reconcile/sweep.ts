import { describeError } from '../core/errors.ts';
import { chainBase, DEVICE_PREFIX, type Mark } from '../core/marks.ts';
import { namespaceOwner } from '../core/namespaces.ts';
import { eachOf } from '../core/parallel.ts';
import type { Container, Effect } from '../core/types.ts';
import { readMarks, removeChains } from '../faults/net/sweep.ts';
import { deviceNamesOf } from '../faults/shape/lane.ts';
import { readDevices, removeDevices } from '../faults/shape/sweep.ts';
import type { ForeignFault } from '../plan/guard.ts';
import type { ReconcileDeps } from './deps.ts';
import { emit } from './events.ts';

const AT_ONCE = 8;
/** ms past its deadline until another instance's chain is taken for an orphan: its own daemon comes first. */
const FOREIGN_GRACE = 5000;

/**
 * Reads the marks in every running container's namespace. Chains and devices of this instance that no live effect explains are
 * removed, another instance's only past their deadline; what others have running is returned. What doesn't say whose it is stays.
 */
export async function sweep(deps: ReconcileDeps): Promise<ForeignFault[]> {
  const containers = deps.inventory
    .containers()
    .filter(({ pid, networkMode }) => pid > 0 && networkMode !== 'host');
  const foreign = await eachOf(containers, AT_ONCE, async (container) => {
    try {
      return await sweepContainer(deps, container);
    } catch (error) {
      deps.log.debug({ container: container.name, error: describeError(error) }, 'namespace not swept');
      return [];
    }
  });
  return foreign.flat();
}

/** Something of Squall's in a namespace: a chain or a device. */
interface Trace {
  name: string;
  mark: Mark | undefined;
}

async function sweepContainer(deps: ReconcileDeps, container: Container): Promise<ForeignFault[]> {
  const { netns } = deps.faults;
  const [chains, devices] = await Promise.all([readMarks(netns, container), readDevices(netns, container)]);
  const traces: Trace[] = [
    ...chains.map(({ chain, mark }) => ({ name: chain, mark })),
    ...devices.map(({ device, mark }) => ({ name: device, mark })),
  ];
  if (traces.length === 0) return [];
  // Read after the marks: what is injected meanwhile was written to the journal before it could be seen.
  const isExplained = explains(deps, container);
  const now = deps.clock.now();
  const orphans = traces.filter(({ name, mark }) => mark && isOrphan(deps, mark, now) && !isExplained(name));
  const isOrphaned = (name: string) => orphans.some((orphan) => orphan.name === name);
  const removed = [
    ...(await removeChains(
      netns,
      container,
      chains.filter(({ chain }) => isOrphaned(chain)),
    )),
    ...(await removeDevices(netns, container, devices.map(({ device }) => device).filter(isOrphaned))),
  ];
  report(deps, container, orphans, removed);
  return traces
    .filter(({ mark }) => mark && mark.instance !== deps.journal.instance && mark.deadline > now)
    .map(({ mark }) => ({
      containerId: container.id,
      instance: mark?.instance ?? '',
      experiment: mark?.experiment ?? '',
    }));
}

function isOrphan(deps: ReconcileDeps, mark: Mark, now: number): boolean {
  return mark.instance === deps.journal.instance || mark.deadline + FOREIGN_GRACE < now;
}

function report(
  deps: ReconcileDeps,
  container: Container,
  orphans: readonly Trace[],
  removed: readonly string[],
): void {
  deps.metrics.swept.inc(removed.length);
  for (const name of removed) {
    const mark = orphans.find((orphan) => orphan.name === name)?.mark;
    const what = name.startsWith(DEVICE_PREFIX) ? 'device' : 'chain';
    const message = `removed ${what} ${name} of experiment ${mark?.experiment}, run ${mark?.run}: no journal entry explains it`;
    emit(deps, {
      experiment: mark?.experiment ?? null,
      target: container.name,
      reason: 'Swept',
      message,
      warning: true,
    });
  }
}

/** Whether a chain or device is one that a live effect has in the container's namespace. */
function explains({ journal, inventory }: ReconcileDeps, container: Container): (name: string) => boolean {
  const containers = inventory.containers();
  const owner = namespaceOwner(container, containers);
  const here = ({ target }: Effect) => {
    const known = inventory.get(target.id);
    return (known ? namespaceOwner(known, containers) : target.id) === owner;
  };
  const live = journal.effects.live().filter(here);
  const bases = new Set(live.map(({ instance, runId, slot }) => chainBase(instance, runId, slot)));
  const devices = new Set(live.flatMap(deviceNamesOf));
  return (name) => devices.has(name) || bases.has(baseOf(name));
}

/** Chain names are a base and `o` or `i`, and `v` on the verdict chain. */
function baseOf(chain: string): string {
  return chain.replace(/[oi]v?$/, '');
}
