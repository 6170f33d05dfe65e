import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { SquallError } from '../core/errors.ts';
import { idOf, logFileNames } from '../daemon/log-file.ts';
import { type LogLine, parseLogLine } from '../report/log-lines.ts';
import { wait } from './reads.ts';

export interface ReadOptions {
  file: string;
  /** Which lines are shown. */
  wanted(line: LogLine): boolean;
  /** At most so many of those that are there already, the last ones. */
  tail?: number | undefined;
  /** Wall ms: none that is older. A line without a time is as old as the one before it. */
  since?: number | undefined;
  /** Then goes on with what is written, into new files too, until this is aborted. */
  follow?: AbortSignal | undefined;
  /** ms between looks, where it follows. */
  every?: number;
}

const BLOCK = 1 << 16;
/** Bytes; what is longer is no line of a log and is shown in pieces. */
const LONGEST = 1 << 20;
const NEWLINE = 10;
/** So many older lines in a row, read backwards, and no younger one is looked for: the wall clock may have been set back. */
const STALE_ENOUGH = 1000;

/**
 * Gives the lines of a log and of its older files, oldest first, some at a time. Where only the last are asked for, the rest is not
 * read. Throws SQ305 where a file can't be read.
 */
export async function* readLog(options: ReadOptions): AsyncGenerator<LogLine[]> {
  const { file, follow } = options;
  const pick = picker(options);
  const logs = await openLogs(file);
  try {
    const start = await findStart(logs, options);
    let cursor = startAt(0);
    for (const [index, log] of logs.entries()) {
      if (index < start.index) continue;
      cursor = startAt(index === start.index ? start.offset : 0);
      yield* picked(pick, read(log, cursor, follow ? Number.POSITIVE_INFINITY : log.size));
      if (!follow || log !== logs.at(-1)) yield pick(rest(cursor));
    }
    if (follow) yield* picked(pick, followOn(options, follow, logs, cursor));
  } finally {
    for (const { handle } of logs) await handle.close();
  }
}

async function* picked(
  pick: (texts: readonly string[]) => LogLine[],
  source: AsyncIterable<string[]>,
): AsyncGenerator<LogLine[]> {
  for await (const texts of source) yield pick(texts);
}

function picker({ wanted, since }: ReadOptions): (texts: readonly string[]) => LogLine[] {
  let time = Number.NEGATIVE_INFINITY;
  return (texts) =>
    texts
      .filter((text) => text !== '')
      .map(parseLogLine)
      .filter((line) => {
        time = line.time ?? time;
        return wanted(line) && (since === undefined || time >= since);
      });
}

interface OpenLog {
  handle: FileHandle;
  id: string;
  /** Bytes, when it was opened. */
  size: number;
}

/**
 * All files of a log that are there, oldest first. They are opened from the newest on: what is put aside meanwhile takes an older name,
 * so that it is met again and not missed.
 */
async function openLogs(file: string): Promise<OpenLog[]> {
  const logs: OpenLog[] = [];
  for (const name of logFileNames(file)) {
    const log = await openLog(name);
    if (log && logs.every(({ id }) => id !== log.id)) logs.unshift(log);
    else await log?.handle.close();
  }
  return logs;
}

async function openLog(file: string): Promise<OpenLog | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw new Error('it is no regular file');
    return { handle, id: idOf(stats), size: Number(stats.size) };
  } catch (cause) {
    await handle?.close();
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const hint = code === 'EACCES' ? { hint: 'Run this as the user that the daemon runs as' } : {};
    throw new SquallError('SQ305', `the log ${file} cannot be read: ${code ?? message}`, { ...hint, cause });
  }
}

interface Start {
  /** Of the file in the list. */
  index: number;
  offset: number;
}

/** Where the lines begin that are asked for, found from the end. */
async function findStart(logs: readonly OpenLog[], { tail, since, wanted }: ReadOptions): Promise<Start> {
  let start = { index: logs.length - 1, offset: logs.at(-1)?.size ?? 0 };
  if (tail === undefined && since === undefined) return { index: 0, offset: 0 };
  let [found, stale] = [0, 0];
  for (const [index, log] of [...logs.entries()].reverse()) {
    for await (const { text, offset } of linesBackwards(log)) {
      if (found === tail) return start;
      const line = parseLogLine(text);
      const isOld = since !== undefined && line.time !== undefined && line.time < since;
      stale = isOld ? stale + 1 : 0;
      if (stale === STALE_ENOUGH) return start;
      if (isOld || !wanted(line)) continue;
      found += 1;
      start = { index, offset };
    }
  }
  return start;
}

async function* linesBackwards({ handle, size }: OpenLog): AsyncGenerator<{ text: string; offset: number }> {
  let head = Buffer.alloc(0);
  for (let start = size; start > 0; ) {
    const length = Math.min(BLOCK, start);
    start -= length;
    const block = Buffer.concat([await readAt(handle, start, length), head]);
    let end = block.length;
    while (end > 0) {
      const at = block.lastIndexOf(NEWLINE, end - 1);
      if (at < 0) break;
      if (at + 1 < end) yield { text: block.toString('utf8', at + 1, end), offset: start + at + 1 };
      end = at;
    }
    head = block.subarray(0, end);
  }
  if (head.length > 0) yield { text: head.toString('utf8'), offset: 0 };
}

/** How far a file was read, and what of a line was read without its end. */
interface Cursor {
  offset: number;
  rest: Buffer;
}

function startAt(offset: number): Cursor {
  return { offset, rest: Buffer.alloc(0) };
}

/** Gives the lines up to `end`, or to where the file ends now. */
async function* read({ handle }: OpenLog, cursor: Cursor, end: number): AsyncGenerator<string[]> {
  while (cursor.offset < end) {
    const block = await readAt(handle, cursor.offset, Math.min(BLOCK, end - cursor.offset));
    if (block.length === 0) return;
    cursor.offset += block.length;
    const bytes = Buffer.concat([cursor.rest, block]);
    const last = bytes.lastIndexOf(NEWLINE);
    cursor.rest = bytes.subarray(last + 1);
    if (last >= 0) yield bytes.toString('utf8', 0, last).split('\n');
    if (cursor.rest.length > LONGEST) yield rest(cursor);
  }
}

function rest(cursor: Cursor): string[] {
  const text = cursor.rest.toString('utf8');
  cursor.rest = Buffer.alloc(0);
  return [text];
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** From the end of the last of `logs`, which stays open: deleted, it must not lend its inode to a newer file. */
async function* followOn(
  { file, every = 200 }: ReadOptions,
  signal: AbortSignal,
  logs: OpenLog[],
  cursor: Cursor,
): AsyncGenerator<string[]> {
  for (;;) {
    await wait(every, signal);
    if (signal.aborted) return;
    const log = logs.at(-1);
    const newer = await newerThan(file, log);
    if (log) yield* readOn(log, cursor); // after the look for newer ones: nobody writes to it any more where there are any
    for (const next of newer) {
      yield rest(cursor);
      logs.push(next);
      Object.assign(cursor, startAt(0));
      yield* readOn(next, cursor);
    }
    for (const old of logs.splice(0, logs.length - 1)) await old.handle.close();
  }
}

/** A file that was cut short is read from its beginning. */
async function* readOn(log: OpenLog, cursor: Cursor): AsyncGenerator<string[]> {
  const { size } = await log.handle.stat();
  if (size < cursor.offset) Object.assign(cursor, startAt(0));
  yield* read(log, cursor, Number.POSITIVE_INFINITY);
}

/** The files that came after this one, oldest first. */
async function newerThan(file: string, log: OpenLog | undefined): Promise<OpenLog[]> {
  const there = await stat(file, { bigint: true }).catch(() => undefined);
  if (there && log && idOf(there) === log.id) return [];
  const all = await openLogs(file);
  if (!log) return all;
  const known = all.findIndex(({ id }) => id === log.id);
  const last = await log.handle.stat({ bigint: true });
  const newer: OpenLog[] = [];
  for (const [index, one] of all.entries()) {
    if (known >= 0 ? index > known : await isAfter(one, last)) newer.push(one);
    else await one.handle.close();
  }
  return newer;
}

/** For where the last file is not in the list any more: it was removed, or many came after it. */
async function isAfter({ handle }: OpenLog, last: BigIntStats): Promise<boolean> {
  return (await handle.stat({ bigint: true })).mtimeNs > last.mtimeNs;
}
