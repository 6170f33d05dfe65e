import type { SquallEvent } from '../core/types.ts';
import { type Prepare, type Row, toEvent } from './rows.ts';

export interface EventFilter {
  experiment?: string;
  /** Only events with a greater id. */
  after?: number;
  /** The newest so many. */
  limit?: number;
}

export interface EventStore {
  /** Oldest first. */
  list(filter?: EventFilter): SquallEvent[];
  add(event: Omit<SquallEvent, 'id'>): SquallEvent;
  /** Forgets all but the newest `keep`. */
  prune(keep: number): void;
}

export function eventStore(
  prepare: Prepare,
  onEvent: ((event: SquallEvent) => void) | undefined,
): EventStore {
  return {
    list: ({ experiment, after = 0, limit = -1 } = {}) => {
      const rows = prepare(
        'SELECT * FROM events WHERE id > ? AND (? IS NULL OR experiment = ?) ORDER BY id DESC LIMIT ?',
      ).all(after, experiment ?? null, experiment ?? null, limit);
      return (rows as Row[]).map(toEvent).reverse();
    },
    add: (e) => {
      const { lastInsertRowid } = prepare(
        'INSERT INTO events (time, type, reason, experiment, run, target, message, object) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ).run(e.time, e.type, e.reason, e.experiment, e.run, e.target, e.message, e.object);
      const event = { id: Number(lastInsertRowid), ...e };
      onEvent?.(event);
      return event;
    },
    prune: (keep) => {
      prepare('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?').run(keep);
    },
  };
}
