import { SquallError } from '../core/errors.ts';
import { objectId } from '../core/kinds.ts';
import type { Hold, SquallEvent } from '../core/types.ts';
import type { Controller } from '../reconcile/controller.ts';
import type { ReconcileDeps } from '../reconcile/deps.ts';
import type { Objects } from '../reconcile/objects.ts';
import type { ActId, Control, GitState, Health, HoldResult } from '../server/control.ts';
import { findHeld } from '../server/views.ts';
import type { GitSource } from './git-source.ts';
import { type Concerned, holdResult, leftOf, recoverHeld, recovers, setHold } from './hold.ts';
import { runNow } from './run-now.ts';

export interface ControlOptions {
  deps: ReconcileDeps;
  controller: Controller;
  objects: Objects;
  git: GitSource | undefined;
  health: () => Health;
  /** Containers are listed and manifests read. */
  started: () => boolean;
  events: Set<(event: SquallEvent) => void>;
}

/** ms that a halt which comes before the start is through keeps trying. */
const EARLY_LIMIT = 10_000;

/** What the socket's imperative requests come to. */
export function createControl(options: ControlOptions): Control {
  const { deps, controller, objects, git, health, started, events } = options;

  function ready(): void {
    if (started()) return;
    const hint = 'Try again in a moment';
    throw new SquallError('SQ503', 'the daemon is still starting', { hint, terminal: false });
  }

  async function run(id: ActId) {
    findHeld(deps.journal, id);
    ready();
    return runNow({ deps, controller, objects }, id);
  }

  async function hold(what: ActId | 'all', kind: Hold | null): Promise<HoldResult> {
    if (what !== 'all') findHeld(deps.journal, what);
    const concerned = setHold(deps, what, kind);
    const ends = recovers(what, kind);
    const experiments = what === 'all' ? undefined : concerned.experiments;
    if (!started()) {
      // Before the first reading a pass would take every manifest for gone; the start itself takes up what is held or resumed.
      const left = ends ? await recoverHeld(deps, experiments, EARLY_LIMIT) : [];
      return holdResult(what, kind, concerned, left);
    }
    await settle(controller, objects, concerned);
    return holdResult(what, kind, concerned, ends ? leftOf(deps.journal, experiments) : []);
  }

  async function sync(): Promise<GitState> {
    if (!git)
      throw new SquallError('SQ502', 'this daemon follows no repository', {
        hint: 'It takes its manifests from directories. `squall daemon --git URL` follows a branch',
      });
    ready();
    await git.sync();
    const { url, branch, commit = null, fetchedAt, error = null } = git.status();
    const at = fetchedAt === undefined ? null : new Date(fetchedAt).toISOString();
    return { url, branch, commit, fetchedAt: at, error };
  }

  return {
    run,
    halt: (what) => hold(what, 'halted'),
    suspend: (what) => hold(what, 'suspended'),
    resume: (what) => hold(what, null),
    sync,
    health,
    onEvent: (listener) => {
      events.add(listener);
      return () => events.delete(listener);
    },
  };
}

/** Resolves when there is nothing left to do for any of them but wait. */
async function settle(controller: Controller, objects: Objects, concerned: Concerned): Promise<void> {
  const { schedules, scenarios, experiments } = concerned;
  const add = () => {
    for (const name of schedules) objects.add(objectId('Schedule', name));
    for (const name of scenarios) objects.add(objectId('Scenario', name));
    return objects.idle();
  };
  await add();
  await Promise.all(experiments.map((name) => settled(controller, name)));
  await add(); // a scenario has ended when what it started has
}

async function settled(controller: Controller, name: string): Promise<void> {
  while ((await controller.pass(name)).again);
}
