import type { SquallEvent } from '../core/types.ts';

/** What people are told of, in the order in which it may happen. */
export const NOTICE_KINDS = [
  'started',
  'denied',
  'missed',
  'aborted',
  'failed',
  'recovered',
  'halted',
  'resumed',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** One thing that people are told. */
export interface Notice {
  /** The event's id in the journal. */
  id: number;
  /** ms since the epoch. */
  time: number;
  kind: NoticeKind;
  /** The event's own. */
  reason: string;
  /** Null where it is about all of them, or about `object`. */
  experiment: string | null;
  /** What it is about where that is no experiment: `Schedule/nightly`. */
  object?: string;
  run: string | null;
  message: string;
  /** Names of the containers that it is about. */
  targets?: string[];
  /** The commit that the run's manifest came from. */
  commit?: string;
  /** The manifest differed from that commit. */
  dirty?: boolean;
}

/** What a run, of an experiment or a scenario, says of itself as a whole. Of its ends only `Failed` may leave something in the world. */
const BY_REASON: Readonly<Record<string, NoticeKind>> = {
  Started: 'started',
  Completed: 'recovered',
  Halted: 'recovered',
  Aborted: 'aborted',
  Failed: 'failed',
};

/** Warnings about a manifest that look as a refusal does. */
const INVALID = new Set(['NameTaken', 'Stale']);

/** What an event is to people; undefined for what they need not hear of. */
export function noticeOf(event: SquallEvent): Notice | undefined {
  const kind = kindOf(event);
  if (!kind) return undefined;
  const { id, time, reason, experiment, object, run, target, message } = event;
  const notice: Notice = { id, time, kind, reason, experiment, ...(object && { object }), run, message };
  return target === null ? notice : { ...notice, message: `${target}: ${message}`, targets: [target] };
}

/**
 * Most reasons tell. A refusal has reasons of its own, as many as there are guards, and is known by its shape: a warning about an
 * experiment that has neither run nor target. `HaltedAll` only follows from a halt of all, for each experiment.
 */
function kindOf({ type, reason, experiment, object, run, target }: SquallEvent): NoticeKind | undefined {
  if (reason === 'Missed') return 'missed';
  if (reason === 'RecoverFailed') return 'failed';
  if (target !== null) return undefined;
  if (run !== null) return Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason] : undefined;
  if (reason === 'Halted') return 'halted';
  if (reason === 'Resumed') return 'resumed';
  const refused = type === 'Warning' && experiment !== null && object === null && !INVALID.has(reason);
  return refused ? 'denied' : undefined;
}
