import type { Clock } from '../core/clock.ts';
import type { AnyManifest, ObjectId } from '../core/kinds.ts';
import { type DesiredState, desiredState } from './desired.ts';
import { gitIsWriting } from './git-lock.ts';

/** ms that Git may hold a removal back. */
const LONGEST_GIT = 5_000;
/** ms that files which never stand still may hold a removal back. */
const LONGEST_MOVING = 500;
/** ms between two looks while something holds it back. */
const LOOK_AGAIN = 15;

/** A name that is not declared any more and still counts, for it may come back at once. */
interface Held {
  declared: AnyManifest;
  /** Wall clock, ms, of the first event. */
  at: number;
  settled: boolean;
  /** Git was at work when the scan began. */
  git: boolean;
  /** Waited for moving files, and for Git, as long as one may. */
  tiredOfFiles: boolean;
  tiredOfGit: boolean;
  timers: Map<string, () => void>;
}

/**
 * Holds removals back till they have settled: a rename, an editor's save by rename and a checkout all remove a file for a moment, and a
 * fault must not blink for that.
 */
export class Removals {
  readonly #clock: Clock;
  readonly #settleMs: number;
  readonly #wake: () => void;
  readonly #held = new Map<ObjectId, Held>();

  constructor(clock: Clock, settleMs: number, wake: () => void) {
    this.#clock = clock;
    this.#settleMs = settleMs;
    this.#wake = wake;
  }

  /**
   * To be called before each scan: what Git writes just before it takes its lock away is seen only by a scan that begins after that.
   */
  beforeScan(): void {
    for (const held of this.#held.values()) {
      held.git = !held.tiredOfGit && gitIsWriting(held.declared.source.file);
    }
  }

  /**
   * `merged` with the names of `before` that it lacks and that may still come back; and when (wall clock, ms) those that are given up
   * now were first seen to be gone. `unsettled`: files that may yet declare them.
   */
  hold(
    before: DesiredState,
    merged: DesiredState,
    seenAt: number,
    unsettled: number,
  ): { state: DesiredState; ended: number[] } {
    const ended: number[] = [];
    const kept: AnyManifest[] = [];
    for (const id of this.#held.keys()) if (merged.objects.has(id)) this.#release(id);
    for (const [id, declared] of before.objects) {
      if (merged.objects.has(id)) continue;
      const held = this.#held.get(id) ?? this.#begin(id, declared, seenAt);
      if (this.#mayComeBack(held, unsettled)) kept.push(held.declared);
      else {
        ended.push(held.at);
        this.#release(id);
      }
    }
    if (kept.length === 0) return { state: merged, ended };
    return { state: desiredState([...merged.objects.values(), ...kept], merged.problems), ended };
  }

  /** Nothing of what `merged` lacks comes back; returns when what was held was first seen to be gone. */
  giveUp(merged: DesiredState): number[] {
    const ended = [...this.#held].filter(([id]) => !merged.objects.has(id)).map(([, { at }]) => at);
    this.cancel();
    return ended;
  }

  /** How many names are held. */
  pending(): number {
    return this.#held.size;
  }

  cancel(): void {
    for (const id of this.#held.keys()) this.#release(id);
  }

  #begin(id: ObjectId, declared: AnyManifest, at: number): Held {
    const held: Held = {
      declared,
      at,
      settled: false,
      git: false,
      tiredOfFiles: false,
      tiredOfGit: false,
      timers: new Map(),
    };
    this.#held.set(id, held);
    this.#timer(held, 'settle', this.#settleMs, () => {
      held.settled = true;
    });
    this.#timer(held, 'files', this.#settleMs + LONGEST_MOVING, () => {
      held.tiredOfFiles = true;
    });
    this.#timer(held, 'git', LONGEST_GIT, () => {
      held.tiredOfGit = true;
    });
    return held;
  }

  #mayComeBack(held: Held, unsettled: number): boolean {
    if (!held.settled) return true;
    const files = unsettled > 0 && !held.tiredOfFiles;
    const git = held.git && !held.tiredOfGit;
    if (files || git) this.#timer(held, 'again', LOOK_AGAIN, () => {});
    return files || git;
  }

  #timer(held: Held, key: string, ms: number, fn: () => void): void {
    held.timers.get(key)?.();
    const cancel = this.#clock.after(ms, () => {
      fn();
      this.#wake();
    });
    held.timers.set(key, cancel);
  }

  #release(id: ObjectId): void {
    for (const cancel of this.#held.get(id)?.timers.values() ?? []) cancel();
    this.#held.delete(id);
  }
}
