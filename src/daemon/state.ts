import { chmodSync, mkdirSync } from 'node:fs';
import { type Clock, systemClock } from '../core/clock.ts';
import { SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { SquallEvent } from '../core/types.ts';
import { type HaltFile, openHaltFile } from '../journal/halt-file.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import type { RecoveryDeps } from '../reconcile/recovery.ts';
import { createDocker, type DockerEngine } from '../runtime/docker.ts';
import { createNetns } from '../runtime/netns.ts';
import { startSpawner } from '../runtime/spawner.ts';
import { crashAt } from './crash-test.ts';
import { type StatePaths, statePaths } from './paths.ts';

/** A state directory, opened, with the means to recover what it says. */
export interface State {
  paths: StatePaths;
  clock: Clock;
  log: Log;
  journal: Journal;
  halt: HaltFile;
  engine: DockerEngine;
  recovery: RecoveryDeps;
  close(): void;
}

export interface StateOptions {
  state: string;
  dockerHost: string | undefined;
  log: Log;
  role: 'daemon' | 'sentinel' | 'halt';
  onEvent?: (event: SquallEvent) => void;
}

/** Opens (and makes, mode 0700) the state directory. Throws SQ305 where it can't be written. */
export function openState({ state, dockerHost, log, role, onEvent }: StateOptions): State {
  const paths = statePaths(state);
  try {
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    chmodSync(paths.dir, 0o700);
  } catch (cause) {
    const hint = 'Give a directory you may write to: --state DIR, or SQUALL_STATE';
    throw new SquallError(
      'SQ305',
      `the state directory ${state} can't be made or used: ${(cause as Error).message}`,
      { hint, cause },
    );
  }
  const clock = systemClock;
  const rescue = role !== 'daemon'; // the daemon is to start nothing it can't write down
  const journal = openJournal(paths.journal, { rescue, ...(onEvent && { onEvent }) });
  const halt = openHaltFile(paths.halt);
  const engine = createDocker({ ...(dockerHost !== undefined && { host: dockerHost }), clock });
  const spawner = role === 'daemon' ? startSpawner() : undefined;
  const netns = createNetns(spawner ? { exec: spawner.exec } : {});
  const faults = { clock, log, docker: engine, netns, instance: journal.instance };
  const claimant = `${role}:${process.pid}`;
  const recovery = { journal, clock, log, claimant, faults, at: crashAt(process.env) };
  const close = () => {
    spawner?.close();
    engine.close();
    journal.close();
  };
  return { paths, clock, log, journal, halt, engine, recovery, close };
}
