import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifyContextConfig } from 'fastify';
import { VERSION } from '../core/version.ts';
import type { Schema } from './json-schema.ts';
import type { RouteDeps } from './operation.ts';
import { addRoutes, RESOURCES } from './routes/index.ts';

const DESCRIPTION = `What a Squall daemon tells and takes.

The daemon answers on the unix socket in its state directory, without a token: who may open the socket may do all of this. With
\`squall daemon --listen\` it answers over TCP too, and there needs the token for everything but \`/healthz\`. There is no TLS: beyond
one host, put something that has it in front.

Errors are objects with a stable code, a message and a hint. Times are RFC 3339, in UTC. Fields may be added; none goes or changes
its meaning within \`/api/v1\`.`;

/**
 * The OpenAPI 3.1 document of the routes. Made from an app of its own that answers nothing, so that a daemon which is never asked for
 * it does without what makes it.
 */
export async function openapiDocument(): Promise<Schema> {
  const [{ fastify }, { default: swagger }] = await Promise.all([
    import('fastify'),
    import('@fastify/swagger'),
  ]);
  const app = fastify({ logger: false });
  await app.register(swagger, {
    convertConstToEnum: false,
    transform: ({ schema, url, route }) => ({ schema: { ...schema, ...told(route.config) }, url }),
    openapi: head(),
  });
  addRoutes(app, {} as RouteDeps);
  await app.ready();
  const document = JSON.parse(JSON.stringify(app.swagger())) as Document;
  await app.close();
  return withComponents(document);
}

/** All but the paths. */
function head(): NonNullable<FastifyDynamicSwaggerOptions['openapi']> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Squall',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The daemon that this document comes from.' }],
    tags: RESOURCES.map(({ tag }) => tag),
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'What stands in the file of `--token-file`, or in SQUALL_TOKEN.',
        },
      },
    },
    security: [{ bearer: [] }],
  };
}

function told(config: FastifyContextConfig | undefined): Schema {
  const { answers, headers } = config?.told ?? {};
  return { response: answers, ...(headers && { headers }) };
}

interface Document extends Schema {
  paths: Schema;
  components: { schemas: Record<string, Schema> };
}

/** Pure: each schema that has a title stands once, below components, and where it is used by reference. */
function withComponents({ paths, components, ...rest }: Document): Schema {
  const schemas = new Map<string, unknown>();
  const lift = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(lift);
    if (typeof node !== 'object' || node === null) return node;
    const { title, ...fields } = node as Schema;
    const lifted = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, lift(value)]));
    if (typeof title !== 'string') return title === undefined ? lifted : { ...lifted, title: lift(title) };
    hold(schemas, title, lifted);
    return { $ref: `#/components/schemas/${title}` };
  };
  const lifted = lift(paths);
  const sorted = [...schemas].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...rest, paths: lifted, components: { ...components, schemas: Object.fromEntries(sorted) } };
}

function hold(schemas: Map<string, unknown>, name: string, schema: unknown): void {
  const before = schemas.get(name);
  if (before !== undefined && JSON.stringify(before) !== JSON.stringify(schema))
    throw new Error(`two schemas of the API are called ${name}`);
  schemas.set(name, schema);
}
