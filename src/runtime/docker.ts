import type { Container } from '../core/types.ts';

/** What Squall asks of a Docker engine. Every call rejects with SQ301 (not terminal) where the engine does not answer. */
export interface DockerPort {
  /** Undefined where no such container exists. Always fresh. */
  inspect(id: string): Promise<Container | undefined>;
  kill(id: string, signal: string): Promise<void>;
  /** `graceSeconds`: SIGKILL after that; undefined takes the container's own StopTimeout. */
  stop(id: string, graceSeconds?: number): Promise<void>;
  start(id: string): Promise<void>;
  restart(id: string, graceSeconds?: number): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
}
