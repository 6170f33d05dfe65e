import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { SquallEvent } from '../core/types.ts';
import type { Journal } from '../journal/journal.ts';

/** What happened, as it is told to people; `warning` where somebody should look. */
export type NewEvent = Partial<Pick<SquallEvent, 'run' | 'target' | 'object'>> &
  Pick<SquallEvent, 'reason' | 'message' | 'experiment'> & { warning?: boolean };

/** Stores an event and logs it. An event that can't be stored is logged all the same: it never stands in the way of recovery. */
export function emit(
  { journal, clock, log }: { journal: Journal; clock: Clock; log: Log },
  event: NewEvent,
): void {
  const { warning, run = null, target = null, object = null, experiment, reason, message } = event;
  log[warning ? 'warn' : 'info'](
    { experiment, run, target, ...(object && { object }), reason, message },
    'event',
  );
  try {
    journal.events.add({
      time: clock.now(),
      type: warning ? 'Warning' : 'Normal',
      reason,
      experiment,
      run,
      target,
      message,
      object,
    });
  } catch (error) {
    log.error({ error: String(error) }, 'event not stored');
  }
}
