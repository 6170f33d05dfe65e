import type { FastifyInstance } from 'fastify';
import type { Resource, RouteDeps } from '../operation.ts';
import { events } from './events.ts';
import { experiments } from './experiments.ts';
import { git } from './git.ts';
import { halt } from './halt.ts';
import { health } from './health.ts';
import { openapi } from './openapi.ts';
import { policies } from './policies.ts';
import { runs } from './runs.ts';
import { scenarios } from './scenarios.ts';
import { schedules } from './schedules.ts';

/**
 * The table of resources; the OpenAPI document lists them in this order. To add one:
 *
 * 1. `routes/<things>.ts` exports a `Resource` called `things`: its tag, and `add`, which calls `app.get` or `app.post` with
 *    `operation({...})` as the options. Schemas name every field that is sent, the rest is left out; `named` makes one a component
 *    of the document. The handler returns what is sent; an error is thrown as a SquallError, whose status the table of errors knows.
 * 2. A line here.
 * 3. `npm run docs` writes schemas/openapi.json.
 * 4. Tests hold every answer that they get against the document, with `conforms` of test/server/document.ts.
 *
 * A stream goes through `deps.streams`, so that it ends with the daemon and with the token it was opened with. Over TCP everything
 * needs the token; `open: true` is not for more than /healthz.
 */
export const RESOURCES: readonly Resource[] = [
  health,
  experiments,
  runs,
  schedules,
  scenarios,
  policies,
  events,
  halt,
  git,
  openapi,
];

export function addRoutes(app: FastifyInstance, deps: RouteDeps): void {
  for (const resource of RESOURCES) resource.add(app, deps);
}
