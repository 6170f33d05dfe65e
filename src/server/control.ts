import type { SquallEvent } from '../core/types.ts';

/** What a person can ask of a running daemon. Throws SquallError: SQ502 for an unknown name, SQ207 while halted, SQ206 while running. */
export interface Control {
  /** Starts another run of an experiment (of a suspended template too). Resolves with the run's id once it has started or was refused. */
  run(name: string): Promise<{ run: string }>;
  /** Recovers now and holds. Resolves when all of it is recovered, with what could not be. */
  halt(name: string | 'all'): Promise<HoldResult>;
  suspend(name: string): Promise<HoldResult>;
  /** Lifts halt and suspend; a run whose deadline has not passed goes on to it. */
  resume(name: string | 'all'): Promise<HoldResult>;
  health(): Health;
  /** Calls for each new event until the returned function is called. */
  onEvent(listener: (event: SquallEvent) => void): () => void;
}

export interface HoldResult {
  experiments: string[];
  /** Effects that are not recovered yet, with the reason. */
  left: { target: string; fault: string; error: string }[];
}

export interface Health {
  /** Alive and able to act: journal writable, first listing done, engine connected. */
  ready: boolean;
  checks: { name: 'journal' | 'engine' | 'manifests' | 'sentinel'; ok: boolean; message: string }[];
  version: string;
  instance: string;
  halted: boolean;
}
