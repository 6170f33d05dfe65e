import { sep } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { AnyManifest } from '../core/kinds.ts';
import { type FileReading, withLastGood } from './desired.ts';
import { describeProblem, type Problem } from './problem.ts';
import { type Fingerprint, readDocuments, readStable, type Scan } from './scan.ts';
import type { Validator } from './validate.ts';

/**
 * ms that a file must stand still before it is read: more than the 10 ms that file times of older kernels are apart, so that a second
 * write always shows in them.
 */
const STILL_MS = 12;

/** A file as it was last read. */
interface Entry {
  /** Undefined for what only the journal remembers. */
  print: Fingerprint | undefined;
  documents: AnyManifest[];
  problems: Problem[];
}

/** A file that was seen to have changed and is watched standing still. */
interface Moving {
  print: Fingerprint;
  /** Wall clock, ms, of the first event. */
  at: number;
  still: boolean;
  cancel: () => void;
}

/** Every manifest file with its last good documents. A file is read only once it has stood still: half a manifest may be valid, and wider. */
export class FileTable {
  readonly #validator: Validator;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #entries = new Map<string, Entry>();
  readonly #moving = new Map<string, Moving>();
  /** Nobody writes: what is seen to have changed is whole. */
  still = false;

  constructor(validator: Validator, clock: Clock, wake: () => void, lastGood: readonly AnyManifest[]) {
    this.#validator = validator;
    this.#clock = clock;
    this.#wake = wake;
    for (const { stale: _, conflict: __, ...declared } of lastGood) {
      const entry = this.#entries.get(declared.source.file);
      if (entry) entry.documents.push(declared);
      else this.#entries.set(declared.source.file, { print: undefined, documents: [declared], problems: [] });
    }
  }

  /** Takes in what a scan found; returns when (wall clock, ms) the changes it applied were first seen. */
  async update(scan: Scan, seenAt: number): Promise<number[]> {
    const applied: number[] = [];
    for (const path of this.#entries.keys()) {
      if (scan.files.has(path) || unreadable(scan, path)) continue;
      this.#entries.delete(path);
    }
    for (const path of this.#moving.keys()) if (!scan.files.has(path)) this.#settle(path);
    await Promise.all(
      [...scan.files].map(async ([path, print]) => {
        const at = await this.#follow(path, print, seenAt);
        if (at !== undefined) applied.push(at);
      }),
    );
    return applied;
  }

  /** All documents as they count now, and what is wrong with files and directories. */
  contents(scan: Scan): { documents: AnyManifest[]; problems: Problem[] } {
    const problems = [...scan.problems];
    const documents: AnyManifest[] = [];
    for (const [path, entry] of this.#entries) {
      const blocked = scan.files.has(path) ? undefined : unreadable(scan, path);
      problems.push(...entry.problems);
      if (blocked === undefined) documents.push(...entry.documents);
      else
        documents.push(
          ...entry.documents.map(
            (document): AnyManifest => ({ ...document, stale: describeProblem(blocked) }),
          ),
        );
    }
    return { documents, problems };
  }

  /** How many files are not known to stand still. */
  unsettled(): number {
    return this.#moving.size;
  }

  cancel(): void {
    for (const path of this.#moving.keys()) this.#settle(path);
  }

  async #follow(path: string, print: Fingerprint, seenAt: number): Promise<number | undefined> {
    const moving = this.#moving.get(path);
    if (moving === undefined && this.#entries.get(path)?.print === print) return undefined;
    if (moving?.print !== print && !this.still) {
      this.#watchStill(path, print, moving?.at ?? seenAt);
      return undefined;
    }
    if (!moving?.still && !this.still) return undefined;
    const read = await readStable(path, print);
    if (read === 'changed') {
      // its new state is not known yet: the next pass sees it, and starts over
      this.#watchStill(path, '', moving?.at ?? seenAt);
      return undefined;
    }
    this.#settle(path);
    this.#apply(path, print, readDocuments(path, read, this.#validator));
    return moving?.at ?? seenAt;
  }

  #apply(path: string, print: Fingerprint, reading: FileReading): void {
    const before = this.#entries.get(path)?.documents ?? [];
    this.#entries.set(path, { print, documents: withLastGood(reading, before), problems: reading.problems });
  }

  #watchStill(path: string, print: Fingerprint, at: number): void {
    this.#settle(path);
    const moving: Moving = { print, at, still: false, cancel: () => {} };
    moving.cancel = this.#clock.after(STILL_MS, () => {
      moving.still = true;
      this.#wake();
    });
    this.#moving.set(path, moving);
  }

  #settle(path: string): void {
    this.#moving.get(path)?.cancel();
    this.#moving.delete(path);
  }
}

/** The problem of the unreadable directory that the file is in, if it is in one. */
function unreadable(scan: Scan, path: string): Problem | undefined {
  return scan.unreadable.find((dir) => path.startsWith(`${dir.path}${sep}`))?.problem;
}
