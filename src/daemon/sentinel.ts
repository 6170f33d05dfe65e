import { statSync } from 'node:fs';
import { remaining } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import { createLog, type LogLevel } from '../core/log.ts';
import type { Effect, Run } from '../core/types.ts';
import { isLocked, takeLock } from '../journal/lock.ts';
import { recoverEffects } from '../reconcile/recovery.ts';
import { isDue, isEnding, LOOK_EVERY } from './due.ts';
import { untilSignal } from './signals.ts';
import { openState, type State } from './state.ts';

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
export async function runSentinel(options: SentinelOptions): Promise<void> {
  const log = createLog(options.logLevel).child({ role: 'sentinel' });
  const state = openState({ ...options, log, role: 'sentinel' });
  const lock = takeLock(state.paths.sentinelLock);
  if (!lock) {
    if (options.detached) return;
    throw new SquallError('SQ304', `another sentinel watches ${options.state}`, {
      hint: 'One for each state directory is enough',
    });
  }
  const stopped = untilSignal();
  log.info({ state: options.state }, 'watching');
  let stop = false;
  void stopped.then(() => {
    stop = true;
  });
  while (!stop) {
    const left = await look(state);
    if (options.once || (options.detached && left === 0 && !isLocked(state.paths.lock))) break;
    await Promise.race([stopped, new Promise<void>((resolve) => state.clock.after(LOOK_EVERY, resolve))]);
  }
  lock.release();
  state.close();
}

/** Recovers what is due. Resolves with the number of effects that are not recovered. */
async function look(state: State): Promise<number> {
  try {
    const daemon = isLocked(state.paths.lock);
    const { clock, journal, halt, paths } = state;
    const haltedAt = halt.read() ? statSync(paths.halt).mtimeMs : undefined;
    const due = journal.effects
      .live()
      .filter((effect) => isDue(effect, { clock, run: journal.runs.get(effect.runId), haltedAt, daemon }));
    await recoverEffects(state.recovery, due.reverse(), (effect) =>
      effect.phase === 'failed' ? 0 : (journal.runs.get(effect.runId)?.recoveryTimeout ?? 0),
    );
    if (!daemon) finishRuns(state);
    return journal.effects.live().length;
  } catch (error) {
    state.log.error({ error: describeError(error) }, 'look failed');
    return 1;
  }
}

/** With the daemon dead, a run that is over and of which nothing is left ends here, so that what people see is true. */
function finishRuns({ journal, clock }: State): void {
  for (const run of journal.runs.active()) {
    if (remaining(clock, run.deadline) > 0 && !isEnding(run)) continue;
    const effects = journal.effects.ofRun(run.id);
    if (effects.every(({ phase }) => phase === 'recovered' || phase === 'failed'))
      finish(journal, run, effects, clock.now());
  }
}

function finish(journal: State['journal'], run: Run, effects: readonly Effect[], now: number): void {
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
  });
}
