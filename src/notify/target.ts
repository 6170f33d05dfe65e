import type { Notice, NoticeKind } from './notice.ts';

/** Somewhere that is told. */
export interface NotifyTarget {
  /** What it is called in logs, metrics and health, and what its place in the journal is kept under: never the URL, which holds a secret. */
  name: string;
  kind: 'webhook' | 'slack';
  /** http or https. */
  url: string;
  /** HMAC-SHA256 key of a webhook's signature. */
  secret?: string;
  /** Only these kinds; all where it is not given. */
  only?: readonly NoticeKind[];
}

/** Who tells. */
export interface Origin {
  /** The host's name. */
  host: string;
  /** The id of the state directory. */
  instance: string;
}

/** What is told at once. */
export interface Batch {
  /** In order; not empty. */
  notices: readonly Notice[];
  /** How many before these were given up. */
  dropped: number;
}

/** The body of a POST, and its headers beside those that every one has. */
export interface Message {
  body: string;
  headers: Readonly<Record<string, string>>;
}

/** How a kind of target wants to be told. */
export interface Format {
  /** Notices of one message at most. */
  most: number;
  encode(batch: Batch, by: Origin, target: NotifyTarget): Message;
}
