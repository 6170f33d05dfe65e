import type { Container } from '../core/types.ts';
import type { ExecResult } from './exec.ts';

/** Entry into containers' network namespaces, by an open descriptor that was checked twice. */
export interface NetnsPort {
  /**
   * Opens the namespace of the container's init, checks that it is still that container's, calls `use`, closes it.
   * Throws SQ307 where the container is not running, SQ302 where the namespace is the host's, Squall's own or changed hands.
   */
  enter<T>(container: Pick<Container, 'id' | 'name' | 'pid'>, use: (ns: Netns) => Promise<T>): Promise<T>;
}

export interface Netns {
  /** The namespace's inode: its identity while it lives (namespaces(7)). */
  inode: number;
  /** Runs a program with its arguments inside the namespace (the host's file system, the target's network). */
  run(program: string, args: readonly string[], stdin?: string): Promise<ExecResult>;
}
