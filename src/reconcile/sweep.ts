import { describeError } from '../core/errors.ts';
import { chainBase } from '../core/marks.ts';
import { namespaceOwner } from '../core/namespaces.ts';
import { eachOf } from '../core/parallel.ts';
import type { Container, Effect } from '../core/types.ts';
import { readMarks, removeChains, type SeenMark } from '../faults/net/sweep.ts';
import type { ForeignFault } from '../plan/guard.ts';
import type { ReconcileDeps } from './deps.ts';
import { emit } from './events.ts';

const AT_ONCE = 8;
/** ms past its deadline until another instance's chain is taken for an orphan: its own daemon comes first. */
const FOREIGN_GRACE = 5000;

/**
 * Reads the marks in every running container's namespace. Chains of this instance that no live effect explains are removed, another
 * instance's only past their deadline; what others have running is returned. Chains that don't say whose they are stay.
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

async function sweepContainer(deps: ReconcileDeps, container: Container): Promise<ForeignFault[]> {
  const seen = await readMarks(deps.faults.netns, container);
  if (seen.length === 0) return [];
  // Read after the marks: what is injected meanwhile was written to the journal before it could be seen.
  const explained = explainedChains(deps, container);
  const now = deps.clock.now();
  const orphans = seen.filter(
    ({ chain, mark }) => mark && isOrphan(deps, mark, now) && !explained.has(baseOf(chain)),
  );
  if (orphans.length > 0) await remove(deps, container, orphans);
  return seen
    .filter(({ mark }) => mark && mark.instance !== deps.journal.instance && mark.deadline > now)
    .map(({ mark }) => ({
      containerId: container.id,
      instance: mark?.instance ?? '',
      experiment: mark?.experiment ?? '',
    }));
}

function isOrphan(deps: ReconcileDeps, mark: NonNullable<SeenMark['mark']>, now: number): boolean {
  return mark.instance === deps.journal.instance || mark.deadline + FOREIGN_GRACE < now;
}

async function remove(deps: ReconcileDeps, container: Container, orphans: SeenMark[]): Promise<void> {
  const removed = await removeChains(deps.faults.netns, container, orphans);
  deps.metrics.swept.inc(removed.length);
  for (const chain of removed) {
    const mark = orphans.find((orphan) => orphan.chain === chain)?.mark;
    const message = `removed chain ${chain} of experiment ${mark?.experiment}, run ${mark?.run}: no journal entry explains it`;
    emit(deps, {
      experiment: mark?.experiment ?? null,
      target: container.name,
      reason: 'Swept',
      message,
      warning: true,
    });
  }
}

/** Base names of the chains that live effects have in the container's namespace. */
function explainedChains({ journal, inventory }: ReconcileDeps, container: Container): Set<string> {
  const containers = inventory.containers();
  const owner = namespaceOwner(container, containers);
  const here = ({ target }: Effect) => {
    const known = inventory.get(target.id);
    return (known ? namespaceOwner(known, containers) : target.id) === owner;
  };
  return new Set(
    journal.effects
      .live()
      .filter(here)
      .map(({ instance, runId, slot }) => chainBase(instance, runId, slot)),
  );
}

/** Chain names are a base and `o` or `i`, and `v` on the verdict chain. */
function baseOf(chain: string): string {
  return chain.replace(/[oi]v?$/, '');
}
