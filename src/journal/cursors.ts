import type { Prepare } from './rows.ts';

/** How far a reader of the events has come. */
export interface Cursor {
  /** Id of the last event that is done with. */
  last: number;
  /** Events that were given up, and of which the reader's own audience has not been told yet. */
  dropped: number;
}

export interface CursorStore {
  /** Undefined for a reader that never was here. */
  get(reader: string): Cursor | undefined;
  put(reader: string, cursor: Cursor): void;
  /** Forgets all other readers: one that comes back begins anew. */
  keepOnly(readers: readonly string[]): void;
}

const KEY = 'cursor/';

export function cursorStore(prepare: Prepare): CursorStore {
  return {
    get: (reader) => {
      const row = prepare('SELECT value FROM meta WHERE key = ?').get(KEY + reader);
      return row && (JSON.parse((row as { value: string }).value) as Cursor);
    },
    put: (reader, { last, dropped }) => {
      prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value').run(
        KEY + reader,
        JSON.stringify({ last, dropped }),
      );
    },
    keepOnly: (readers) => {
      prepare(
        `DELETE FROM meta WHERE key GLOB '${KEY}*' AND key NOT IN (SELECT '${KEY}' || value FROM json_each(?))`,
      ).run(JSON.stringify(readers));
    },
  };
}
