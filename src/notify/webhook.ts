import { createHmac } from 'node:crypto';
import { cut } from './cut.ts';
import type { Notice, NoticeKind } from './notice.ts';
import type { Format } from './target.ts';

/**
 * The body of a webhook's POST. Fields may be added; none changes its meaning. The same item may come twice (a receiver that took it
 * and did not answer is asked again): `id` tells.
 */
export interface Notification {
  apiVersion: 'squall/v1';
  kind: 'Notification';
  /** Name of the host that Squall runs on. */
  host: string;
  /** Id of the state directory, 8 hex digits. With an item's `id` it names one event of the world. */
  instance: string;
  /** Notices before these that were given up: they were refused, or waited too long. Not there where there are none. */
  dropped?: number;
  /** In the order in which it happened. */
  items: NotificationItem[];
}

export interface NotificationItem {
  /** Rises with each event of an instance. */
  id: number;
  /** RFC 3339, UTC. */
  time: string;
  kind: NoticeKind;
  /** One word for programs, as in `squall events`. */
  reason: string;
  /** Null where it is about all experiments, or about `object`. */
  experiment: string | null;
  /** What it is about where that is no experiment: `Schedule/nightly`. */
  object?: string;
  run: string | null;
  /** Names of the containers that it is about, 100 at most. */
  targets?: string[];
  /** One line for people, 4,000 characters at most. */
  message: string;
  /** The commit that the run's manifest came from, and true where the manifest differed from it. */
  commit?: string;
  dirty?: boolean;
}

/** Items of one body at most: what waited longer comes in several. */
const MOST_ITEMS = 100;
const MOST_TARGETS = 100;
const LONGEST_MESSAGE = 4000;

/**
 * Headers: `Idempotency-Key` is the same for the same body, `X-Squall-Signature` (where there is a secret) is `sha256=` and the
 * HMAC-SHA256 of the body's bytes in hex, as GitHub's webhooks have it.
 */
export const webhook: Format = {
  most: MOST_ITEMS,
  encode: ({ notices, dropped }, { host, instance }, { secret }) => {
    const notification: Notification = {
      apiVersion: 'squall/v1',
      kind: 'Notification',
      host,
      instance,
      ...(dropped > 0 && { dropped }),
      items: notices.map(itemOf),
    };
    const body = JSON.stringify(notification);
    return {
      body,
      headers: {
        'idempotency-key': `${instance}-${notices.at(-1)?.id}`,
        ...(secret !== undefined && { 'x-squall-signature': sign(body, secret) }),
      },
    };
  },
};

/** What `X-Squall-Signature` says of a body. */
export function sign(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

function itemOf(notice: Notice): NotificationItem {
  const { id, time, kind, reason, experiment, object, run, targets, message, commit, dirty } = notice;
  return {
    id,
    time: new Date(time).toISOString(),
    kind,
    reason,
    experiment,
    ...(object !== undefined && { object }),
    run,
    ...(targets && { targets: targets.slice(0, MOST_TARGETS) }),
    message: cut(message, LONGEST_MESSAGE),
    ...(commit !== undefined && { commit }),
    ...(dirty && { dirty }),
  };
}
