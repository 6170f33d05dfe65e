import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where lines go, each with its line end. */
export type LogDestination = DestinationStream;

/** Bytes of lines that wait for a log that takes none just now; what comes beyond is dropped. */
export const MOST_WAITING = 1 << 20;

/** stderr; a log that can't be written (its disk is full, say) must not end the one who recovers. */
export function stderr(): LogDestination {
  const destination = pino.destination({ fd: 2, sync: true, maxLength: MOST_WAITING });
  destination.on('error', () => {});
  return destination;
}

/** Every line goes to each of them, in their order. */
export function allOf(...destinations: readonly LogDestination[]): LogDestination {
  return {
    write: (line) => {
      for (const destination of destinations) destination.write(line);
    },
  };
}

/** Messages are static text, facts are fields. Goes to stderr: stdout is for data. */
export function createLog(level: LogLevel, destination: LogDestination = stderr()): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
