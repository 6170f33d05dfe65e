import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve, sep } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import type { AnyManifest, Manifest, ObjectRecord } from '../core/kinds.ts';
import { createLog } from '../core/log.ts';
import { openHaltFile } from '../journal/halt-file.ts';
import { IN_MEMORY, type Journal, openJournal } from '../journal/journal.ts';
import { type DesiredState, desiredState } from '../manifests/desired.ts';
import type { Problem } from '../manifests/problem.ts';
import { readManifests } from '../manifests/read.ts';
import type { Plan } from '../plan/actions.ts';
import { type Drafted, draftedBy, withDrafted } from '../plan/drafts.ts';
import { planExperiment } from '../plan/plan.ts';
import { gather, type Sources } from '../reconcile/gather.ts';
import type { HostCache } from '../reconcile/hosts.ts';
import { createDocker } from '../runtime/docker.ts';
import { createNetns } from '../runtime/netns.ts';
import { ownContainerIds } from '../runtime/self.ts';
import type { ActId, HoldResult } from '../server/control.ts';
import { mergeHolds } from '../server/holds.ts';
import { findHeld } from '../server/views.ts';
import { type Concerned, concernedBy, holdResult, recoverHeld, setHold } from './hold.ts';
import { statePaths } from './paths.ts';
import { openState, type State } from './state.ts';
import { tryGate } from './try-gate.ts';
import { manifestValidator } from './validator.ts';
import { hostFeatures, targetHosts } from './world.ts';

export interface OfflineOptions {
  state: string;
  dockerHost: string | undefined;
  what: readonly ActId[] | 'all';
}

/** What became of each that was named, in one; `errors` of those that are not there. */
export interface OfflineHold {
  result: HoldResult;
  errors: SquallError[];
}

/** ms that an offline halt keeps trying. */
const HALT_LIMIT = 30_000;

/**
 * Halts without a daemon: sets the halt (the file before all else), then recovers what the journal says is in the world, of copies and of
 * what schedules and scenarios started too. Throws SQ305 after that where a halt of less than all could not be remembered: the next
 * daemon would go on with it.
 */
export async function haltOffline(options: OfflineOptions): Promise<OfflineHold> {
  const paths = statePaths(options.state);
  if (options.what === 'all' && existsSync(paths.journal)) openHaltFile(paths.halt).set(true);
  return withState(options, async (state) => {
    const { found, errors } = lookUp(state, options.what);
    const concerned = new Map(found.map((what) => [what, concernedBy(state.journal, what, 'halted')]));
    const unwritten = attempt(() => found.map((what) => setHold(state, what, 'halted')));
    const experiments = [...concerned.values()].flatMap((one) => one.experiments);
    const left = await recoverHeld(
      state.recovery,
      options.what === 'all' ? undefined : experiments,
      HALT_LIMIT,
    );
    if (unwritten && options.what !== 'all') throw unwritten;
    attempt(() => showHalted(state, concerned));
    const results = [...concerned].map(([what, whom]) => holdResult(what, 'halted', whom, []));
    return { result: { ...mergeHolds(results), left }, errors };
  });
}

/** What people see says so at once; the next daemon finds it out by itself. */
function showHalted(
  { journal, clock }: State,
  concerned: ReadonlyMap<ActId | 'all', Pick<Concerned, 'told'>>,
): void {
  journal.transaction(() => {
    for (const [what, { told }] of concerned) {
      const [reason, lift] = what === 'all' ? ['HaltedAll', '--all'] : ['Halted', what.toLowerCase()];
      const message = `halted by a person: \`squall resume ${lift}\` lifts it`;
      for (const record of told.map((name) => journal.experiments.get(name)))
        if (record)
          journal.experiments.put({ ...record, phase: 'Halted', reason, message, updatedAt: clock.now() });
    }
  });
}

/** Lifts a halt without a daemon: the next daemon goes on with what has time left. */
export async function resumeOffline(options: OfflineOptions): Promise<OfflineHold> {
  return withState(options, async (state) => {
    const { found, errors } = lookUp(state, options.what);
    return {
      result: mergeHolds(found.map((what) => holdResult(what, null, setHold(state, what, null), []))),
      errors,
    };
  });
}

/** The SQ305 of a journal that can't be written. */
function attempt(work: () => void): SquallError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ305') return error;
    throw error;
  }
}

/** One that is not there keeps the others from nothing. Throws where nothing is left. */
function lookUp(
  { journal }: State,
  what: OfflineOptions['what'],
): { found: (ActId | 'all')[]; errors: SquallError[] } {
  if (what === 'all') return { found: ['all'], errors: [] };
  const errors: SquallError[] = [];
  const found = what.filter((id) => {
    try {
      return findHeld(journal, id);
    } catch (error) {
      if (!(error instanceof SquallError)) throw error;
      errors.push(error);
      return false;
    }
  });
  if (found.length === 0) throw errors[0];
  return { found, errors };
}

async function withState<T>(
  { state: dir, dockerHost, what }: OfflineOptions,
  use: (state: State) => Promise<T>,
): Promise<T> {
  if (!existsSync(statePaths(dir).journal)) {
    throw new SquallError('SQ502', `there is no journal in ${dir}`, {
      hint: 'Name the state directory of the daemon: --state DIR',
    });
  }
  if (what === 'all') openHaltFile(statePaths(dir).halt); // made where an older version did not make it
  const state = openState({ state: dir, dockerHost, log: createLog('warn'), role: 'halt' });
  try {
    return await use(state);
  } finally {
    state.close();
  }
}

export interface OfflinePlan {
  problems: readonly Problem[];
  plans: { name: string; plan: Plan }[];
}

/** What a daemon would do with these manifests now. Reads the journal if there is one; writes nothing, changes nothing. */
export async function planOffline(options: {
  manifests: string[];
  state: string;
  dockerHost: string | undefined;
}): Promise<OfflinePlan> {
  const clock = systemClock;
  const log = createLog('error');
  const paths = statePaths(options.state);
  const known = existsSync(paths.journal);
  const journal = known ? openJournal(paths.journal, { readOnly: true }) : openJournal(IN_MEMORY);
  const engine = createDocker({
    ...(options.dockerHost !== undefined && { host: options.dockerHost }),
    clock,
  });
  const hosts = targetHosts(clock, log, createNetns());
  try {
    const read = await readManifests(options.manifests, manifestValidator());
    const desired = withKnownPolicies(read, journal, options.manifests);
    const containers = await engine.list();
    const gate = await tryGate(desired.policies, { clock, containers: () => containers, exec: engine.exec });
    const deps = {
      journal,
      clock,
      hosts,
      manifests: { state: () => desired },
      inventory: { containers: () => containers },
      host: await hostFeatures(),
      halt: { read: () => existsSync(paths.halt) && openHaltFile(paths.halt).read() },
      foreign: () => [],
      gate: () => gate,
      self: ownContainerIds(),
    };
    return { problems: desired.problems, plans: await planAll(deps) };
  } finally {
    engine.close();
    journal.close();
  }
}

type PlanDeps = Sources & { hosts: Pick<HostCache, 'answers' | 'resolve'> };

/** In the order of names, each as if those before it were carried out: what two of them may not do together is told of the second. */
async function planAll(deps: PlanDeps): Promise<OfflinePlan['plans']> {
  const { journal, manifests, hosts } = deps;
  const names = new Set([
    ...manifests.state().experiments.keys(),
    ...journal.experiments.all().map(({ name }) => name),
  ]);
  const plans: OfflinePlan['plans'] = [];
  const drafted: Drafted[] = [];
  const uid = randomUUID();
  for (const name of [...names].sort()) {
    let input = withDrafted(gather(deps, name, uid), drafted);
    let plan = planExperiment(input);
    if (plan.lookups.length > 0) {
      await hosts.resolve(plan.lookups);
      input = withDrafted(gather(deps, name, uid), drafted);
      plan = planExperiment(input);
    }
    const draft = draftedBy(input, plan);
    if (draft) drafted.push(draft);
    plans.push({ name, plan });
  }
  return plans;
}

/** Policies that these manifests say nothing of, in force all the same: those of other directories, and of files that are wrong now. */
function withKnownPolicies(
  read: DesiredState,
  { objects }: Pick<Journal, 'objects'>,
  paths: readonly string[],
): DesiredState {
  const folders = paths.map((path) => resolve(path));
  const errors = read.problems.filter(({ severity }) => severity === 'error');
  const wrong = new Set(errors.map(({ file }) => resolve(file)));
  const isGone = ({ source: { file } }: ObjectRecord) =>
    !wrong.has(file) && folders.some((folder) => file === folder || file.startsWith(folder + sep));
  const known = objects
    .all('Policy')
    .filter((record) => !read.policies.has(record.name) && !isGone(record))
    .map(({ kind, name, labels, spec, specHash, source, message }): Manifest<'Policy'> => {
      const policy = { kind, name, labels, spec, specHash, source };
      return specHash === '' ? { ...policy, stale: message, unknown: true } : policy;
    });
  return known.length === 0
    ? read
    : desiredState([...read.objects.values(), ...(known as AnyManifest[])], read.problems);
}
