import { statSync } from 'node:fs';
import { remaining } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log, LogLevel } from '../core/log.ts';
import { eachOf } from '../core/parallel.ts';
import type { Effect, Run } from '../core/types.ts';
import { isLocked, takeLock } from '../journal/lock.ts';
import { emit } from '../reconcile/events.ts';
import { recoverEffects } from '../reconcile/recovery.ts';
import { isDue, isEnding, LOOK_EVERY } from './due.ts';
import { withKeptLog } from './kept-log.ts';
import { statePaths } from './paths.ts';
import { untilSignal } from './signals.ts';
import { openState, type State } from './state.ts';

const AT_ONCE = 16;

export interface SentinelOptions {
  state: string;
  dockerHost: string | undefined;
  logLevel: LogLevel;
  /** One look, then return. */
  once?: boolean;
  /** Started by the daemon: ends by itself when the daemon is dead and nothing is left to end. */
  detached: boolean;
}

/**
 * The second process: it only reads the journal, and reverts what is past its deadline (or halted) when the daemon is dead or does
 * not get to it. Resolves after a signal, or when there is nothing left to watch.
 */
export function runSentinel(options: SentinelOptions): Promise<void> {
  const { sentinelLog: file } = statePaths(options.state);
  const { logLevel: level, detached } = options; // the stderr of a detached one is that file
  return withKeptLog({ file, level, toStderr: !detached }, (log, keep) =>
    watch(options, log.child({ role: 'sentinel' }), keep),
  );
}

async function watch(options: SentinelOptions, log: Log, keepLog: () => void): Promise<void> {
  const state = openState({ ...options, log, role: 'sentinel' });
  const lock = takeLock(state.paths.sentinelLock);
  if (!lock) {
    if (options.detached) return;
    throw new SquallError('SQ304', `another sentinel watches ${options.state}`, {
      hint: 'One for each state directory is enough',
    });
  }
  keepLog();
  const stopped = untilSignal();
  log.info({ state: options.state }, 'watching');
  let stop = false;
  void stopped.then(() => {
    stop = true;
  });
  const busy = new Set<string>();
  while (!stop) {
    const left = await look(state, busy, options.once ?? false);
    if (options.once || (options.detached && left === 0 && !isLocked(state.paths.lock))) break;
    await Promise.race([stopped, pause(state)]);
  }
  lock.release();
  state.close();
}

function pause({ clock }: State): Promise<void> {
  return new Promise((resolve) => clock.after(LOOK_EVERY, resolve));
}

/**
 * Recovers what is due, and waits for it no longer than for the next look (unless it is the only one): a target that hangs must not
 * keep the others past their deadlines. `busy`: ids of targets in work. Resolves with the number of effects that are not recovered.
 */
async function look(state: State, busy: Set<string>, once: boolean): Promise<number> {
  try {
    const daemon = isLocked(state.paths.lock);
    const { clock, journal, halt, paths } = state;
    const haltedAt = halt.read() ? statSync(paths.halt).mtimeMs : undefined;
    const due = journal.effects
      .live()
      .filter((effect) => isDue(effect, { clock, run: journal.runs.get(effect.runId), haltedAt, daemon }))
      .filter(({ target }) => !busy.has(target.id));
    const work = recover(state, due.reverse(), busy);
    await (once ? work : Promise.race([work, pause(state)]));
    if (!daemon) finishRuns(state);
    return journal.effects.live().length;
  } catch (error) {
    state.log.error({ error: describeError(error) }, 'look failed');
    return 1;
  }
}

/** Never rejects. */
async function recover({ recovery, journal, log }: State, due: Effect[], busy: Set<string>): Promise<void> {
  const targets = [...Map.groupBy(due, ({ target }) => target.id)];
  for (const [id] of targets) busy.add(id);
  await eachOf(targets, AT_ONCE, async ([id, effects]) => {
    try {
      await recoverEffects(recovery, effects, (effect) =>
        effect.phase === 'failed' ? 0 : (journal.runs.get(effect.runId)?.recoveryTimeout ?? 0),
      );
    } catch (error) {
      log.error({ target: id, error: describeError(error) }, 'recovery failed');
    } finally {
      busy.delete(id);
    }
  });
}

/** With the daemon dead, a run that is over and of which nothing is left ends here, so that what people see is true. */
function finishRuns(state: State): void {
  const { journal, clock } = state;
  for (const run of journal.runs.active()) {
    if (remaining(clock, run.deadline) > 0 && !isEnding(run)) continue;
    const effects = journal.effects.ofRun(run.id);
    if (effects.every(({ phase }) => phase === 'recovered' || phase === 'failed'))
      finish(state, run, effects);
  }
}

function finish(state: State, run: Run, effects: readonly Effect[]): void {
  const { journal, clock } = state;
  const now = clock.now();
  const failed = effects.some(({ phase }) => phase === 'failed');
  const phase = failed ? 'Failed' : (run.outcome ?? 'Completed');
  const reason = failed ? 'NotRecovered' : isEnding(run) ? run.reason : 'DeadlineReached';
  journal.transaction(() => {
    if (journal.runs.get(run.id)?.endedAt !== null) return;
    journal.runs.put({ ...run, phase, reason, endedAt: now });
    const record = journal.experiments.get(run.experiment);
    const message = `run ${run.id}, ended by the sentinel`;
    if (record?.runId === run.id)
      journal.experiments.put({ ...record, phase, reason, message, updatedAt: now });
    emit(state, {
      experiment: run.experiment,
      run: run.id,
      reason: phase,
      message: `ended by the sentinel: ${reason}`,
      warning: failed,
    });
  });
}
