import { type Clock, systemClock } from '../core/clock.ts';
import { describeError } from '../core/errors.ts';
import { allOf, createLog, type Log, type LogLevel, stderr } from '../core/log.ts';
import { createLogFile, type LogFile } from './log-file.ts';

export interface KeptLogOptions {
  file: string;
  level: LogLevel;
  clock?: Clock;
  /** False where stderr leads into the file already. Default true. */
  toStderr?: boolean;
}

/**
 * Runs `work` with a log that goes to stderr and, once `work` calls `keep`, to the file as well, with what was logged before: until
 * then somebody else may hold the lock that the file goes with. What `work` throws becomes the file's last line, and so does an
 * exception that nobody catches.
 */
export async function withKeptLog<T>(
  options: KeptLogOptions,
  work: (log: Log, keep: () => void) => Promise<T>,
): Promise<T> {
  const { file, level, clock = systemClock, toStderr = true } = options;
  const screen = stderr();
  const onTrouble = (error: Error) =>
    createLog(level, screen).error({ file, error: error.message }, 'the log file cannot be written');
  const kept = createLogFile({ file, clock, onTrouble });
  const unwatch = watchForDeath(kept, level);
  try {
    return await work(createLog(level, toStderr ? allOf(screen, kept) : kept), () => kept.start());
  } catch (error) {
    createLog(level, kept).fatal({ error: describeError(error) }, 'ended by an error');
    throw error;
  } finally {
    await kept.close();
    unwatch();
  }
}

/** Node itself tells stderr of an exception that nobody catches. Returns what takes the watch away. */
function watchForDeath(kept: LogFile, level: LogLevel): () => void {
  const onDeath = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    createLog(level, { write: (line) => kept.lastWords(line) }).fatal(
      { stack },
      'ended by a mistake of Squall',
    );
  };
  process.on('uncaughtExceptionMonitor', onDeath);
  return () => process.off('uncaughtExceptionMonitor', onDeath);
}
