import type { ServerResponse } from 'node:http';
import { systemClock } from '../core/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { Control } from './control.ts';
import { eventObject } from './views.ts';

/** ms between looks at the journal (the sentinel and an offline halt write to it too), with a sign of life to the reader. */
const BEAT = 5000;
/** Bytes that may wait for a slow reader; past that it is cut off, and resumes with its Last-Event-ID. */
const MOST_WAITING = 1024 * 1024;

export interface StreamStart {
  /** Events with a greater id; undefined: only those to come. */
  after: number | undefined;
  experiment: string | undefined;
}

/** Open server-sent event streams (HTML standard, section 9.2). */
export interface Streams {
  /** Sends events until either side ends it. */
  open(response: ServerResponse, start: StreamStart): void;
  /** Ends all of them. */
  close(): void;
}

/** The journal is the source, a call of `onEvent` only the sign to look: so the order is that of ids, and nothing is told twice. */
export function createStreams(journal: Journal, control: Pick<Control, 'onEvent'>): Streams {
  const open = new Set<ServerResponse>();
  return {
    open: (response, start) => {
      const send = sender(journal, response, start);
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.write(': open\n\n');
      open.add(response);
      const stop = follow(control, response, send);
      response.once('close', () => {
        open.delete(response);
        stop();
      });
      attempt(response, send);
    },
    close: () => {
      for (const response of open) response.end();
    },
  };
}

function sender(journal: Journal, response: ServerResponse, { after, experiment }: StreamStart): () => void {
  let last = after ?? journal.events.list({ limit: 1 }).at(-1)?.id ?? 0;
  return () => {
    for (const event of journal.events.list({
      after: last,
      ...(experiment === undefined ? {} : { experiment }),
    })) {
      response.write(`id: ${event.id}\ndata: ${JSON.stringify(eventObject(event))}\n\n`);
      last = event.id;
    }
    if (response.writableLength > MOST_WAITING) response.destroy();
  };
}

function follow(control: Pick<Control, 'onEvent'>, response: ServerResponse, send: () => void): () => void {
  const unlisten = control.onEvent(() => attempt(response, send));
  let cancel = () => {};
  const beat = () => {
    response.write(': alive\n\n');
    attempt(response, send);
    cancel = systemClock.after(BEAT, beat);
  };
  cancel = systemClock.after(BEAT, beat);
  return () => {
    unlisten();
    cancel();
  };
}

/** A journal that can't be read ends the stream, never the daemon that called back. */
function attempt(response: ServerResponse, send: () => void): void {
  try {
    if (!response.writableEnded) send();
  } catch {
    response.destroy();
  }
}
