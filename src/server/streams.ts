import type { ServerResponse } from 'node:http';
import { systemClock } from '../core/clock.ts';
import type { ObjectId } from '../core/kinds.ts';
import type { Journal } from '../journal/journal.ts';
import type { Control } from './control.ts';
import { concerning } from './owned.ts';
import { eventObject, provenances } from './views.ts';

/** ms between looks at the journal (the sentinel and an offline halt write to it too), with a sign of life to the reader. */
const BEAT = 5000;
/** Bytes that may wait for a slow reader; past that it is cut off, and resumes with its Last-Event-ID. */
const MOST_WAITING = 1024 * 1024;

export interface StreamStart {
  /** Events with a greater id; undefined: only those to come. */
  after: number | undefined;
  experiment: string | undefined;
  /** What events are about, with what that has started. */
  object: ObjectId | undefined;
}

/** Open server-sent event streams (HTML standard, section 9.2). */
export interface Streams {
  /** Sends events until either side ends it. */
  open(response: ServerResponse, start: StreamStart): void;
  /** Ends all of them. */
  close(): void;
}

/**
 * The journal is the source, a call of `onEvent` only the sign to look: so the order is that of ids, and nothing is told twice.
 * `pass` is what opened the door: a stream ends once that is not what it was.
 */
export function createStreams(
  journal: Journal,
  control: Pick<Control, 'onEvent'>,
  pass: () => string | undefined = () => undefined,
): Streams {
  const open = new Set<ServerResponse>();
  return {
    open: (response, start) => {
      const opened = pass();
      const tell = sender(journal, response, start);
      const send = () => (pass() === opened ? tell() : response.end());
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

function sender(
  journal: Journal,
  response: ServerResponse,
  { after, experiment, object }: StreamStart,
): () => void {
  let last = after ?? journal.events.list({ limit: 1 }).at(-1)?.id ?? 0;
  return () => {
    const filter = experiment === undefined ? {} : { experiment };
    const events = journal.events.list({ after: last, ...filter });
    const concerns = object === undefined || events.length === 0 ? () => true : concerning(journal, object);
    const provenanceOf = provenances(journal);
    for (const event of events) {
      last = event.id;
      if (!concerns(event)) continue;
      const data = JSON.stringify(eventObject(event, provenanceOf(event)));
      response.write(`id: ${event.id}\ndata: ${data}\n\n`);
    }
    if (response.writableLength > MOST_WAITING) response.destroy();
  };
}

function follow(control: Pick<Control, 'onEvent'>, response: ServerResponse, send: () => void): () => void {
  const unlisten = control.onEvent(() => attempt(response, send));
  let cancel = () => {};
  const beat = () => {
    if (response.writableEnded) {
      response.destroy(); // its reader has not taken the end
      return;
    }
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
