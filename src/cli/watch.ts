import type { Journal } from '../journal/journal.ts';
import { formatJsonLine } from '../report/json.ts';
import { createTable, rowKey, type Table } from '../report/table.ts';
import { type Io, signalExit } from './io.ts';
import type { Listing } from './listings.ts';
import { formatObject, type ListFormat } from './print.ts';
import { readJournal, wait } from './reads.ts';

/** ms between looks at the journal. */
const EVERY = 200;

export interface WatchOptions<Row> {
  journalFile: string;
  listing: Listing<Row>;
  /** Which rows are shown. */
  keep(journal: Journal): (row: Row) => boolean;
  format: ListFormat;
}

/**
 * Prints every row, and from then on each one that is new or changed, until it is interrupted. It reads the journal, so that it goes
 * on whoever writes to it: daemon, sentinel, nobody. Resolves with the exit code.
 */
export async function watch<Row>(io: Io, options: WatchOptions<Row>): Promise<number> {
  const signal = io.interrupted();
  const print = printer(io, options);
  const changes = tracker(options);
  let journal: Journal | undefined;
  try {
    while (!signal.aborted) {
      journal ??= await readJournal(options.journalFile);
      if (journal) await print(changes(journal));
      await wait(EVERY, signal);
    }
  } finally {
    journal?.close();
  }
  return signalExit(signal);
}

interface Change<Row> {
  row: Row;
  gone: boolean;
}

/** Gives what changed since the last call. */
function tracker<Row>({ listing, keep, format }: WatchOptions<Row>): (journal: Journal) => Change<Row>[] {
  const columns = listing.columns(PLAIN, true);
  const isTable = format === 'table' || format === 'wide';
  const seen = new Map<string, { key: string; row: Row }>();
  let after = 0;
  return (journal) => {
    const loaded = listing.load(journal, after);
    after = listing.cursor?.(loaded) ?? after;
    const rows = loaded.filter(keep(journal));
    if (listing.cursor) return rows.map((row) => ({ row, gone: false }));
    const changed = rows.filter((row) => {
      const key = isTable ? rowKey(columns, row) : JSON.stringify(listing.object(row));
      const same = seen.get(listing.id(row))?.key === key;
      seen.set(listing.id(row), { key, row });
      return !same;
    });
    return [...goneRows(listing, seen, rows), ...changed.map((row) => ({ row, gone: false }))];
  };
}

function goneRows<Row>(
  listing: Listing<Row>,
  seen: Map<string, { row: Row }>,
  rows: readonly Row[],
): Change<Row>[] {
  const there = new Set(rows.map(listing.id));
  return [...seen]
    .filter(([id]) => !there.has(id))
    .flatMap(([id, { row }]) => {
      seen.delete(id);
      return listing.gone ? [{ row: listing.gone(row), gone: true }] : [];
    });
}

const same = (text: string) => text;
const PLAIN = { good: same, busy: same, bad: same, dim: same, bold: same };

function printer<Row>(
  io: Io,
  { listing, format }: WatchOptions<Row>,
): (changes: readonly Change<Row>[]) => Promise<void> {
  if (format === 'table' || format === 'wide') {
    const columns = listing.columns(io.style, format === 'wide');
    let table: Table<Row> | undefined;
    return async (changes) => {
      const rows = changes.map(({ row }) => row);
      if (rows.length === 0) return;
      if (!table) {
        table = createTable(columns, rows);
        io.out(`${table.header()}\n`);
      }
      io.out(
        table
          .lines(rows)
          .map((line) => `${line}\n`)
          .join(''),
      );
    };
  }
  return async (changes) => {
    for (const { row, gone } of changes) {
      if (format === 'json') io.out(formatJsonLine(listing.object(row)));
      else if (format === 'yaml') io.out(`---\n${await formatObject(listing.object(row), 'yaml')}`);
      else io.out(`${listing.kind}/${listing.id(row)}${gone ? ' deleted' : ''}\n`);
    }
  };
}
