import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Journal } from '../journal/journal.ts';
import type { Control } from './control.ts';
import {
  eventSchema,
  eventsQuery,
  experimentSchema,
  healthSchema,
  holdSchema,
  listSchema,
  nameParams,
  runSchema,
  runsQuery,
  startedSchema,
} from './schemas.ts';
import type { Streams } from './streams.ts';
import { bundle, eventObject, experimentObject, findExperiment, listOf, runObject } from './views.ts';

export interface RouteDeps {
  journal: Journal;
  control: Control;
  streams: Streams;
  /** The text that Prometheus scrapes. */
  metrics: () => Promise<string>;
}

type Named = { Params: { name: string } };
type EventsQuery = { Querystring: { experiment?: string; after?: number; limit?: number } };

export function addRoutes(app: FastifyInstance, deps: RouteDeps): void {
  addHealth(app, deps);
  addReads(app, deps);
  addEvents(app, deps);
  addActs(app, deps);
}

function addHealth(app: FastifyInstance, { control, metrics }: RouteDeps): void {
  app.get('/healthz', (_, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', { schema: { response: { '2xx': healthSchema, 503: healthSchema } } }, (_, reply) => {
    const health = control.health();
    return reply.code(health.ready ? 200 : 503).send(health);
  });
  app.get('/metrics', async (_, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
  );
}

function addReads(app: FastifyInstance, { journal }: RouteDeps): void {
  app.get('/api/v1/experiments', { schema: { response: { 200: listSchema(experimentSchema) } } }, () =>
    listOf(journal.experiments.all().map((record) => experimentObject(bundle(journal, record)))),
  );
  app.get<Named>(
    '/api/v1/experiments/:name',
    { schema: { params: nameParams, response: { 200: experimentSchema } } },
    ({ params }) => experimentObject(bundle(journal, findExperiment(journal, params.name))),
  );
  app.get<{ Querystring: { experiment?: string } }>(
    '/api/v1/runs',
    { schema: { querystring: runsQuery, response: { 200: listSchema(runSchema) } } },
    ({ query }) =>
      listOf(journal.runs.list(query).map((run) => runObject(run, journal.effects.ofRun(run.id)))),
  );
}

function addEvents(app: FastifyInstance, { journal, streams }: RouteDeps): void {
  const stream = (request: FastifyRequest<EventsQuery>, reply: FastifyReply) => {
    const { experiment, after } = request.query;
    reply.hijack();
    streams.open(reply.raw, { after: lastEventId(request.headers['last-event-id']) ?? after, experiment });
  };
  app.get<EventsQuery>(
    '/api/v1/events',
    { schema: { querystring: eventsQuery, response: { 200: listSchema(eventSchema) } } },
    (request, reply) => {
      if (request.headers.accept?.includes('text/event-stream')) return stream(request, reply);
      return reply.send(listOf(journal.events.list(request.query).map(eventObject)));
    },
  );
  app.get<EventsQuery>('/api/v1/events/stream', { schema: { querystring: eventsQuery } }, stream);
}

/** What a reader that comes back has seen. Anything but a number means nothing. */
function lastEventId(header: string | string[] | undefined): number | undefined {
  return typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
}

function addActs(app: FastifyInstance, { control }: RouteDeps): void {
  const held = { schema: { params: nameParams, response: { 200: holdSchema } } };
  const started = { schema: { params: nameParams, response: { 200: startedSchema } } };
  app.post<Named>('/api/v1/experiments/:name/run', started, ({ params }) => control.run(params.name));
  app.post<Named>('/api/v1/experiments/:name/halt', held, ({ params }) => control.halt(params.name));
  app.post<Named>('/api/v1/experiments/:name/suspend', held, ({ params }) => control.suspend(params.name));
  app.post<Named>('/api/v1/experiments/:name/resume', held, ({ params }) => control.resume(params.name));
  const all = { schema: { response: { 200: holdSchema } } };
  app.post('/api/v1/halt', all, () => control.halt('all'));
  app.post('/api/v1/resume', all, () => control.resume('all'));
}
