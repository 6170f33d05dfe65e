import type { LogLevel } from '../core/log.ts';
import type { NotifyTarget } from '../notify/target.ts';
import type { TcpOptions } from '../server/tcp.ts';

/** The branch of a repository that manifests are taken from. */
export interface GitOptions {
  url: string;
  branch: string;
  /** Below the repository's root. */
  paths: string[];
  /** ms between fetches. */
  interval: number;
  allowedSigners: string | undefined;
}

export interface DaemonOptions {
  /** Directories that are watched. */
  manifests: string[];
  /** State directory; made where it is missing. */
  state: string;
  dockerHost: string | undefined;
  /** ms between passes over everything, events or not. */
  resync: number;
  logLevel: LogLevel;
  /** A name of its own for a second daemon on one engine. */
  instance: string | undefined;
  /** False where a supervisor runs the sentinel. */
  sentinel: boolean;
  /** Where the API is answered over TCP too, and with which token. */
  listen?: TcpOptions | undefined;
  /** Manifests come from here, too. */
  git?: GitOptions | undefined;
  /** Who is told what happens. */
  notify?: NotifyTarget[];
}
