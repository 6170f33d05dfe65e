import { systemClock } from '../../core/clock.ts';
import { describeError, SquallError } from '../../core/errors.ts';
import type { Container } from '../../core/types.ts';
import { statePaths } from '../../daemon/paths.ts';
import { manifestValidator } from '../../daemon/validator.ts';
import type { Journal } from '../../journal/journal.ts';
import type { ContainersInfo, PlanCheck } from '../../report/plan-check.ts';
import { countProblems, plural } from '../../report/problems.ts';
import { runGit } from '../../runtime/git.ts';
import { ownContainerIds } from '../../runtime/self.ts';
import { DEFAULT_MANIFESTS, manifestPaths } from '../context.ts';
import { readJournal } from '../reads.ts';
import { type BaseTree, NO_BASE, readBase } from './base.ts';
import { type ActiveOf, compareStates } from './compare.ts';
import { readInventory } from './inventory.ts';
import { readTree, stateOf, type TreeFiles } from './read.ts';

export interface CheckOptions {
  /** Files and directories of the new tree; empty: the usual ones. */
  paths: readonly string[];
  /** A revision or a directory; undefined: everything is new. */
  base: string | undefined;
  /** A file; undefined: the engine is asked. */
  inventory: string | undefined;
  /** False: the engine is not asked. */
  engine: boolean;
  dockerHost: string | undefined;
  /** The state directory of a daemon of this host. */
  state: string;
}

/**
 * Compares the manifests with a base: what the change would do on the containers of this host, or of an inventory. Writes nothing. Rejects
 * with SQ501 where base or inventory are none, SQ303 where git fails.
 */
export async function checkPlan(options: CheckOptions): Promise<PlanCheck> {
  const validator = manifestValidator();
  const { base, head } = await readTrees(options);
  const before = stateOf(base, validator);
  const after = stateOf(head, validator, before);
  const { containers, info, note } = await containersOf(options);
  const self = info.from === 'engine' ? ownContainerIds() : new Set<string>();
  const active = info.from === 'engine' ? await activeEffects(options.state) : () => [];
  const compared = compareStates(before, after, { clock: systemClock, containers, self }, active);
  const { errors } = countProblems(before.problems);
  const notes = [
    ...(note === undefined ? [] : [note]),
    ...(errors > 0 ? [`the base is wrong itself: ${plural(errors, 'error')}, which are left out here`] : []),
  ];
  return { base: base.info, containers: info, ...compared, problems: [...after.problems], notes };
}

/** The usual directories may be gone from the new tree, or be new in it. */
async function readTrees({ paths, base: given }: CheckOptions): Promise<{ base: BaseTree; head: TreeFiles }> {
  const usual = paths.length === 0 && !process.env.SQUALL_MANIFESTS && given !== undefined;
  const wanted = usual ? DEFAULT_MANIFESTS : manifestPaths(paths);
  const base = given === undefined ? NO_BASE : await readBase(given, wanted, runGit);
  if (usual && base.has.size === 0) manifestPaths(paths);
  const head = await readTree(wanted, { mayLack: (path) => usual || base.has.has(path) });
  return { base, head };
}

interface Known {
  containers: Container[] | undefined;
  info: ContainersInfo;
  note?: string;
}

async function containersOf({ inventory, engine, dockerHost }: CheckOptions): Promise<Known> {
  if (inventory !== undefined) {
    const containers = await readInventory(inventory);
    return { containers, info: { from: 'inventory', count: containers.length } };
  }
  const none = { containers: undefined, info: { from: 'none', count: 0 } } as const;
  if (!engine) return none;
  const { createDocker } = await import('../../runtime/docker.ts');
  const docker = createDocker(dockerHost === undefined ? {} : { host: dockerHost });
  try {
    const containers = await docker.list();
    return { containers, info: { from: 'engine', count: containers.length } };
  } catch (error) {
    if (!(error instanceof SquallError) || error.code !== 'SQ301') throw error;
    return { ...none, note: `no engine was asked: ${describeError(error)}` };
  } finally {
    docker.close();
  }
}

/** What a daemon of this host has in the world, as its journal says. One that may not be read says nothing. */
async function activeEffects(state: string): Promise<ActiveOf> {
  let journal: Journal | undefined;
  try {
    journal = await readJournal(statePaths(state).journal);
    const live = journal?.effects.live() ?? [];
    const owners = new Map(journal?.experiments.all().map(({ name, owner }) => [name, owner]));
    return (kind, name) =>
      live
        .filter(({ experiment }) => {
          const owner = owners.get(experiment);
          return kind === 'Experiment' ? experiment === name : owner?.kind === kind && owner.name === name;
        })
        .map(({ target, fault }) => ({ target: target.name, fault: fault.type }));
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ305') return () => [];
    throw error;
  } finally {
    journal?.close();
  }
}
