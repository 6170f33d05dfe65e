import type { Kind, ObjectId } from '../core/kinds.ts';
import type { SquallEvent } from '../core/types.ts';

/** The id of something that can be run and held: `Experiment/redis-unreachable`, `Schedule/nightly`. */
export type ActId = `${ActKind}/${string}`;
export type ActKind = Exclude<Kind, 'Policy'>;

/** What a person can ask of a running daemon. Throws SquallError: SQ502 for an unknown name, SQ207 while halted, SQ206 while running. */
export interface Control {
  /**
   * Starts another run: of an experiment or scenario (of a suspended template too), or of what a schedule starts. Resolves once it has
   * started or was refused.
   */
  run(id: ActId): Promise<Started>;
  /** Recovers now and holds, with all that it has started. Resolves when all of it is recovered, with what could not be. */
  halt(what: ActId | 'all'): Promise<HoldResult>;
  /** The same, but for a schedule: it starts nothing more, and what runs goes on. */
  suspend(what: ActId | 'all'): Promise<HoldResult>;
  /** Lifts halt and suspend; a run whose deadline has not passed goes on to it. That of a scenario does not. */
  resume(what: ActId | 'all'): Promise<HoldResult>;
  /** Fetches the repository now. SQ502 where the daemon follows none. */
  sync(): Promise<GitState>;
  health(): Health;
  /** Calls for each new event until the returned function is called. */
  onEvent(listener: (event: SquallEvent) => void): () => void;
}

export interface Started {
  /** The run's id. */
  run: string;
  /** The experiment or scenario that runs: `Experiment/nightly-manual-1`. */
  object: ObjectId;
}

/** Names of what was held or let go; of what was started by a schedule or scenario, only what had not ended. */
export interface HoldResult {
  experiments: string[];
  schedules: string[];
  scenarios: string[];
  /** Effects that are not recovered yet, with the reason. */
  left: { target: string; fault: string; error: string }[];
}

/** The repository that manifests are taken from. */
export interface GitState {
  /** Without user and password. */
  url: string;
  branch: string;
  /** What is checked out. */
  commit: string | null;
  /** RFC 3339, UTC: when the remote last answered with the branch. */
  fetchedAt: string | null;
  /** What is wrong just now. */
  error: string | null;
}

export interface Health {
  /** Alive and able to act: journal writable, first listing done, engine connected. */
  ready: boolean;
  checks: {
    name: 'journal' | 'engine' | 'manifests' | 'git' | 'notifications' | 'sentinel';
    ok: boolean;
    message: string;
  }[];
  version: string;
  instance: string;
  halted: boolean;
}
