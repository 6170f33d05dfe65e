import { VERSION } from '../core/version.ts';
import type { ManifestSource } from '../manifests/source.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { TargetStatus } from '../notify/sender.ts';
import type { Inventory } from '../runtime/inventory.ts';
import type { Health } from '../server/control.ts';
import type { GitSource } from './git-source.ts';
import type { SentinelKeeper } from './sentinel-keeper.ts';
import type { State } from './state.ts';

export interface HealthSources {
  state: State;
  inventory: Inventory;
  manifests: ManifestSource;
  git: GitSource | undefined;
  sentinel: SentinelKeeper;
  notifier: Pick<Notifier, 'status'>;
  /** The first listing and the first reading are done. */
  started: boolean;
}

/** Ready means: able to act. A missing sentinel or a broken manifest is told, and takes nothing away from that. */
export function healthOf(sources: HealthSources): Health {
  const { state, inventory, manifests, git, sentinel, notifier, started } = sources;
  const engine = inventory.connected();
  const journal = writable(state);
  const problems = manifests.state().problems.filter(({ severity }) => severity === 'error').length;
  const alive = sentinel.alive();
  return {
    ready: started && engine && journal === undefined,
    checks: [
      { name: 'journal', ok: journal === undefined, message: journal ?? 'writable' },
      { name: 'engine', ok: engine, message: engine ? 'connected' : 'not connected: trying again' },
      {
        name: 'manifests',
        ok: problems === 0,
        message: problems === 0 ? 'all valid' : `${problems} wrong: see \`squall validate\``,
      },
      ...(git ? [gitCheck(git)] : []),
      ...notifyCheck(notifier.status()),
      {
        name: 'sentinel',
        ok: alive,
        message: alive ? 'watching' : 'not running: paused and stopped containers have no dead-man switch',
      },
    ],
    version: VERSION,
    instance: state.journal.instance,
    halted: state.halt.read(),
  };
}

/** The last good commit stands while the remote fails. */
function gitCheck(git: GitSource): Health['checks'][number] {
  const { url, branch, commit, error } = git.status();
  const at = commit === undefined ? 'nothing yet' : `commit ${commit.slice(0, 8)}`;
  const message = `${at} of ${branch} at ${url}${error === undefined ? '' : `: ${error}`}`;
  return { name: 'git', ok: error === undefined, message };
}

/** One for all targets; none where there are none. */
function notifyCheck(targets: readonly TargetStatus[]): Health['checks'] {
  if (targets.length === 0) return [];
  const failing = targets.filter(({ problem, failures }) => problem !== undefined && failures > 0);
  const messages = failing.map(({ name, waiting, problem }) => `${name}: ${problem}, ${waiting} waiting`);
  const message = messages.length === 0 ? 'delivered' : messages.join('; ');
  return [{ name: 'notifications', ok: failing.length === 0, message }];
}

function writable({ journal }: State): string | undefined {
  try {
    journal.transaction(() => {});
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
