import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SquallError } from '../../core/errors.ts';
import type { ObjectId } from '../../core/kinds.ts';
import type { EventType, SquallEvent } from '../../core/types.ts';
import type { Journal } from '../../journal/journal.ts';
import { described, listOf, named, ofKind, optionalText, text, time, whole, words } from '../json-schema.ts';
import { json, operation, queryOf, type Resource, type RouteDeps } from '../operation.ts';
import { concerning, readObjectId } from '../owned.ts';
import { eventObject, listOf as list, provenances } from '../views.ts';

const tag = 'Events';

type Query = { experiment?: string; object?: string; after?: number; limit?: number };
type EventsQuery = { Querystring: Query };

const eventSchema = named(
  'Event',
  'Something that happened.',
  ofKind('Event', {
    id: described('Rises from event to event.', whole),
    time,
    type: words<EventType>({ Normal: true, Warning: true }),
    reason: text,
    experiment: optionalText,
    run: optionalText,
    target: optionalText,
    message: text,
    object: described('What it is about where that is no experiment: `Schedule/nightly`.', optionalText),
    commit: described('The commit that the manifest of its run came from.', optionalText),
  }),
);

const streamSchema = {
  type: 'string',
  description:
    'Server-sent events: `id` is that of the event, `data` an Event as JSON on one line. Comments are signs of life.',
  examples: ['id: 7\ndata: {"apiVersion":"squall/v1","kind":"Event","id":7}\n\n'],
};
const streamContent = { 'text/event-stream': { schema: streamSchema } };

const experiment = described('Only events of this experiment.', text);
const object = {
  type: 'string',
  description:
    'Only events of this object, `schedule/nightly` say, and of what it has started, as long as that is remembered.',
};
const after = { type: 'integer', minimum: 0, description: 'Only events with a greater id.' };
const lastSeen = {
  type: 'object',
  properties: {
    'Last-Event-ID': described('What a reader that comes back has seen; counts before `after`.', text),
  },
};

export const events: Resource = {
  tag: { name: tag, description: 'What happened. Old ones are forgotten in the end.' },
  add: (app, deps) => {
    const stream = streamer(deps);
    addList(app, deps, stream);
    app.get<EventsQuery>(
      '/api/v1/events/stream',
      {
        ...operation({
          tag,
          id: 'streamEvents',
          summary: 'Follow events',
          description:
            'Events as they happen, until either side ends it; with `after` or `Last-Event-ID`, first those that were missed. ' +
            'A reader that takes too little is cut off, and resumes with its `Last-Event-ID`. ' +
            'Over TCP a stream ends when the token that it was opened with is changed.',
          query: queryOf({ experiment, object, after }),
          headers: lastSeen,
          answers: { 200: { description: 'The stream.', content: streamContent } },
        }),
        exposeHeadRoute: false,
      },
      stream,
    );
  },
};

type Stream = (request: FastifyRequest<EventsQuery>, reply: FastifyReply) => void;

function streamer({ streams }: RouteDeps): Stream {
  return (request, reply) => {
    const { experiment, after } = request.query;
    const id = asked(request.query);
    reply.hijack();
    const from = lastEventId(request.headers['last-event-id']) ?? after;
    streams.open(reply.raw, { after: from, experiment, object: id });
  };
}

function addList(app: FastifyInstance, { journal }: RouteDeps, stream: Stream): void {
  app.get<EventsQuery>(
    '/api/v1/events',
    {
      ...operation({
        tag,
        id: 'listEvents',
        summary: 'List events',
        description:
          'Oldest first; with `limit` the newest ones. `Accept: text/event-stream` follows them, as /api/v1/events/stream does.',
        query: queryOf({
          experiment,
          object,
          after,
          limit: { type: 'integer', minimum: 1, description: 'How many at most.' },
        }),
        headers: lastSeen,
        answers: {
          200: {
            description: 'The events, or the stream of them.',
            content: { ...json('', listOf(eventSchema)).content, ...streamContent },
          },
        },
      }),
      exposeHeadRoute: false,
    },
    (request, reply) => {
      if (request.headers.accept?.includes('text/event-stream')) return stream(request, reply);
      const provenanceOf = provenances(journal);
      const found = eventsOf(journal, request.query);
      return reply.send(list(found.map((event) => eventObject(event, provenanceOf(event)))));
    },
  );
}

function eventsOf({ events, ...journal }: Journal, query: Query): SquallEvent[] {
  const id = asked(query);
  if (id === undefined) return events.list(query);
  const { limit, ...filter } = query;
  const found = events.list(filter).filter(concerning(journal, id));
  return limit === undefined ? found : found.slice(-limit);
}

function asked({ object: given }: Query): ObjectId | undefined {
  const id = given === undefined ? undefined : readObjectId(given);
  if (given !== undefined && id === undefined)
    throw new SquallError('SQ501', `"${given}" names no object`, {
      hint: 'Expected KIND/NAME: schedule/nightly',
    });
  return id;
}

/** Anything but a number means nothing. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}
