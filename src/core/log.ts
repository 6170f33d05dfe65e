import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Bytes of lines that wait for a log that takes none just now; what comes beyond is dropped. */
const MOST_WAITING = 1 << 20;

/** stderr; a log that can't be written (its disk is full, say) must not end the one who recovers. */
function stderr(): DestinationStream {
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MOST_WAITING });
  destination.on('error', () => {});
  return destination;
}

/** Messages are static text, facts are fields. Goes to stderr: stdout is for data. */
export function createLog(level: LogLevel, destination: DestinationStream = stderr()): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
