import { type BigIntStats, closeSync, constants, openSync, writeSync } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';

/** A file of lines that is put aside when it is full, written behind the back of those who log. */
export interface LogFile {
  /** Takes a line, with its line end. Never waits, never throws: what the file can't take in time is dropped, and counted. */
  write(line: string): void;
  /** Begins to write; what was taken before comes first. */
  start(): void;
  /** For a process that dies at this moment: writes what waits (some of it perhaps twice) and this, waiting for it. Never throws. */
  lastWords(line: string): void;
  /** Writes what waits, within `CLOSE_LIMIT`. */
  close(): Promise<void>;
}

export interface LogFileOptions {
  file: string;
  clock: Clock;
  /** Bytes that the file holds at most. */
  most?: number;
  /** How many full ones are kept beside it. */
  kept?: number;
  /** Bytes of lines that wait at most. */
  mostWaiting?: number;
  /** Told once for each time that the file can't be written, until it is whole again. */
  onTrouble: (error: Error) => void;
}

const MOST = 10 * 1024 ** 2;
const KEPT = 3;
const MOST_WAITING = 1 << 20;
const MOST_AT_ONCE = 1 << 16;
/** ms between tries of a file that can't be written. */
export const RETRY = 5000;
/** ms. */
const CLOSE_LIMIT = 1000;

/** Not waiting for a reader, should there be a FIFO: a thread that waits would keep the process from ending. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
const MODE = 0o600;

/** `squall.log`, `squall.log.1` ...: the newest first. */
export function logFileNames(file: string, kept = KEPT): string[] {
  return [file, ...Array.from({ length: kept }, (_, index) => `${file}.${index + 1}`)];
}

/** Opens nothing before `start`. One process writes one file: whoever holds the lock that stands for it. */
export function createLogFile(options: LogFileOptions): LogFile {
  return new Writer(options);
}

class Writer implements LogFile {
  readonly #options: Required<LogFileOptions>;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #started = false;
  #closed = false;
  #troubled = false;
  #working: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #handle: FileHandle | undefined;
  /** Of the file behind `#handle`. */
  #id = '';

  constructor(options: LogFileOptions) {
    this.#options = { most: MOST, kept: KEPT, mostWaiting: MOST_WAITING, ...options };
  }

  write(line: string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > this.#options.mostWaiting) this.#dropped += 1;
    else this.#take(bytes);
    this.#work();
  }

  #take(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  start(): void {
    this.#started = true;
    this.#work();
  }

  lastWords(line: string): void {
    if (!this.#started) return;
    try {
      const fd = openSync(this.#options.file, FLAGS, MODE);
      writeSync(fd, Buffer.concat([...this.#waiting, Buffer.from(line)]));
      closeSync(fd);
    } catch {
      // it was said on stderr too
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    let cancel = () => {};
    const limit = new Promise<'late'>((resolve) => {
      cancel = this.#options.clock.after(CLOSE_LIMIT, () => resolve('late'));
    });
    const how = await Promise.race([this.#working, limit]);
    cancel();
    this.#cancelRetry?.();
    this.#waiting = [];
    if (how !== 'late') await this.#handle?.close().catch(() => {});
  }

  /** One at a time; after a failure not before `RETRY`. */
  #work(): void {
    if (!this.#started || this.#working || this.#cancelRetry || this.#waiting.length === 0) return;
    this.#working = this.#writeAll()
      .then(
        () => {
          this.#troubled = false;
        },
        (error: Error) => this.#stumble(error),
      )
      .finally(() => {
        this.#working = undefined;
        this.#work(); // what came between the last look and now
      });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#writeSome();
      if (this.#waiting.length === 0 && this.#dropped > 0) this.#confess();
    }
  }

  #stumble(error: Error): void {
    if (!this.#troubled) this.#options.onTrouble(error);
    this.#troubled = true;
    if (this.#closed) return;
    this.#cancelRetry = this.#options.clock.after(RETRY, () => {
      this.#cancelRetry = undefined;
      this.#work();
    });
  }

  /** The line that stands where others are missing. */
  #confess(): void {
    const time = new Date(this.#options.clock.now()).toISOString();
    const line = { level: 40, time, dropped: this.#dropped, msg: 'lines of this log were dropped' };
    this.#dropped = 0;
    this.#take(Buffer.from(`${JSON.stringify(line)}\n`));
  }

  async #writeSome(): Promise<void> {
    let { handle, size } = await this.#open();
    const first = this.#waiting[0]?.length ?? 0;
    if (size > 0 && size + first > this.#options.most) {
      await putAside(this.#options.file, this.#options.kept);
      ({ handle, size } = await this.#open());
    }
    const room = Math.min(this.#options.most - size, MOST_AT_ONCE);
    const { bytesWritten } = await handle.write(Buffer.concat(this.#upTo(room)));
    this.#forget(bytesWritten);
  }

  /** What waits, as much as there is room for, and one line in any case. */
  #upTo(room: number): Buffer[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((line) => {
      bytes += line.length;
      return bytes > room;
    });
    return end < 0 ? [...this.#waiting] : this.#waiting.slice(0, Math.max(end, 1));
  }

  /** What was written goes. The rest of a line that was cut stays first: there was room for all of it in this file. */
  #forget(written: number): void {
    this.#waitingBytes -= written;
    let [lines, left] = [0, written];
    for (const { length } of this.#waiting) {
      if (length > left) break;
      left -= length;
      lines += 1;
    }
    this.#waiting.splice(0, lines);
    const [cut] = this.#waiting;
    if (cut && left > 0) this.#waiting[0] = cut.subarray(left);
  }

  /** The file that has the name now: somebody may have moved or removed the one that was open. */
  async #open(): Promise<{ handle: FileHandle; size: number }> {
    const { file } = this.#options;
    const there = await stat(file, { bigint: true }).catch(() => undefined);
    if (this.#handle && there && idOf(there) === this.#id)
      return { handle: this.#handle, size: Number(there.size) };
    await this.#handle?.close().catch(() => {});
    this.#handle = undefined;
    const handle = await open(file, FLAGS, MODE);
    const stats = await handle.stat({ bigint: true });
    this.#handle = handle;
    this.#id = idOf(stats);
    return { handle, size: Number(stats.size) };
  }
}

/** Tells one file from another, whatever they are called. */
export function idOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** Each file takes the next older name; the oldest goes. */
async function putAside(file: string, kept: number): Promise<void> {
  const names = logFileNames(file, kept);
  for (const [index, to] of [...names.entries()].reverse()) {
    const from = names[index - 1];
    if (from !== undefined) await rename(from, to).catch(unlessMissing);
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
