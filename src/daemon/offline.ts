import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import type { Hold } from '../core/types.ts';
import { FAULTS } from '../faults/index.ts';
import { openHaltFile } from '../journal/halt-file.ts';
import { IN_MEMORY, openJournal } from '../journal/journal.ts';
import type { Problem } from '../manifests/problem.ts';
import { readManifests } from '../manifests/read.ts';
import { createValidator } from '../manifests/validate.ts';
import type { Plan } from '../plan/actions.ts';
import { planExperiment } from '../plan/plan.ts';
import { gather } from '../reconcile/gather.ts';
import { recoverEffects } from '../reconcile/recovery.ts';
import { createDocker } from '../runtime/docker.ts';
import { createNetns } from '../runtime/netns.ts';
import { ownContainerIds } from '../runtime/self.ts';
import type { HoldResult } from '../server/control.ts';
import { findExperiment } from '../server/views.ts';
import { holdResult, setHold } from './hold.ts';
import { statePaths } from './paths.ts';
import { openState, type State } from './state.ts';
import { hostFeatures, targetHosts } from './world.ts';

export interface OfflineOptions {
  state: string;
  dockerHost: string | undefined;
  name: string | 'all';
}

/** ms that an offline halt keeps trying. */
const HALT_LIMIT = 30_000;
const HALT_RETRY = 100;

/**
 * Halts without a daemon: sets the halt (the file before all else), then recovers what the journal says is in the world. Throws SQ305
 * after that where one experiment's halt could not be remembered: the next daemon would go on with it.
 */
export async function haltOffline(options: OfflineOptions): Promise<HoldResult> {
  const paths = statePaths(options.state);
  if (options.name === 'all' && existsSync(paths.journal)) openHaltFile(paths.halt).set(true);
  return withState(options, async (state) => {
    const held = tryHold(state, options.name);
    const left = await recoverUntil(state, options.name, state.clock.boot() + HALT_LIMIT);
    if (held instanceof SquallError && options.name !== 'all') throw held;
    const experiments =
      held instanceof SquallError ? state.journal.experiments.all().map(({ name }) => name) : held;
    return { experiments, left };
  });
}

function tryHold(state: State, name: string | 'all'): string[] | SquallError {
  try {
    return hold(state, name, 'halted');
  } catch (error) {
    if (error instanceof SquallError && error.code === 'SQ305') return error;
    throw error;
  }
}

/** Lifts a halt without a daemon: the next daemon goes on with what has time left. */
export async function resumeOffline(options: OfflineOptions): Promise<HoldResult> {
  return withState(options, async (state) =>
    holdResult(state.journal, options.name, hold(state, options.name, null), null),
  );
}

async function withState<T>(
  { state: dir, dockerHost, name }: OfflineOptions,
  use: (state: State) => Promise<T>,
): Promise<T> {
  if (!existsSync(statePaths(dir).journal)) {
    throw new SquallError('SQ502', `there is no journal in ${dir}`, {
      hint: 'Name the state directory of the daemon: --state DIR',
    });
  }
  if (name === 'all') openHaltFile(statePaths(dir).halt); // made where an older version did not make it
  const state = openState({ state: dir, dockerHost, log: createLog('warn'), role: 'halt' });
  try {
    return await use(state);
  } finally {
    state.close();
  }
}

function hold(state: State, name: string | 'all', kind: Hold | null): string[] {
  if (name !== 'all') findExperiment(state.journal, name);
  return setHold(state, name, kind);
}

/** Tries until all is recovered or given up, or the time (boot ms) is over. What is left is told by the tries, not by the journal. */
async function recoverUntil(state: State, name: string | 'all', until: number): Promise<HoldResult['left']> {
  const { journal, recovery, clock } = state;
  const live = journal.effects.live().filter(({ experiment }) => name === 'all' || experiment === name);
  const left: HoldResult['left'] = [];
  let open = live.reverse();
  while (open.length > 0) {
    const tried = await recoverEffects(
      recovery,
      open,
      ({ runId }) => journal.runs.get(runId)?.recoveryTimeout ?? 0,
    );
    const late = clock.boot() >= until;
    open = [];
    for (const { effect, outcome } of tried) {
      const now = journal.effects.get(effect.id) ?? effect;
      if (outcome.state === 'recovered' || now.phase === 'recovered') continue;
      const error = outcome.state === 'lost' ? 'somebody else is recovering it' : outcome.reason;
      if (late || outcome.state === 'failed')
        left.push({ target: effect.target.name, fault: effect.fault.type, error });
      else open.push(now);
    }
    if (open.length > 0) await new Promise<void>((resolve) => clock.after(HALT_RETRY, resolve));
  }
  return left;
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
    const desired = await readManifests(options.manifests, createValidator(FAULTS));
    const containers = await engine.list();
    const deps = {
      journal,
      clock,
      hosts,
      manifests: { state: () => desired },
      inventory: { containers: () => containers },
      host: await hostFeatures(),
      halt: { read: () => existsSync(paths.halt) && openHaltFile(paths.halt).read() },
      foreign: () => [],
      self: ownContainerIds(),
    };
    const names = new Set([
      ...desired.experiments.keys(),
      ...journal.experiments.all().map(({ name }) => name),
    ]);
    const plans: OfflinePlan['plans'] = [];
    const uid = randomUUID();
    for (const name of [...names].sort()) {
      let plan = planExperiment(gather(deps, name, uid));
      if (plan.lookups.length > 0) {
        await hosts.resolve(plan.lookups);
        plan = planExperiment(gather(deps, name, uid));
      }
      plans.push({ name, plan });
    }
    return { problems: desired.problems, plans };
  } finally {
    engine.close();
    journal.close();
  }
}
