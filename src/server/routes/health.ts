import type { Health } from '../control.ts';
import { arrayOf, named, object, text, words, yesOrNo } from '../json-schema.ts';
import { json, operation, plain, type Resource } from '../operation.ts';

const tag = 'Health';

const healthSchema = named(
  'Health',
  'Whether the daemon can act, and what keeps it from that.',
  object({
    ready: {
      ...yesOrNo,
      description: 'The journal can be written, the engine is connected, the manifests have been read.',
    },
    checks: arrayOf(
      object({
        name: words<Health['checks'][number]['name']>({
          journal: true,
          engine: true,
          manifests: true,
          git: true,
          notifications: true,
          sentinel: true,
        }),
        ok: yesOrNo,
        message: text,
      }),
    ),
    version: text,
    instance: { ...text, description: 'Of this state directory; chains and labels carry it.' },
    halted: { ...yesOrNo, description: 'All chaos is halted, until it is resumed.' },
  }),
);

const SCRAPE = `Metrics in Prometheus's text format. Over TCP a scrape needs the token:

    scrape_configs:
      - job_name: squall
        authorization: { credentials_file: /etc/prometheus/squall-token }
        static_configs: [{ targets: ["127.0.0.1:8080"] }]`;

export const health: Resource = {
  tag: { name: tag, description: 'Health, readiness and metrics.' },
  add: (app, { control, metrics }) => {
    app.get(
      '/healthz',
      operation({
        tag,
        id: 'getLiveness',
        summary: 'Whether the daemon lives',
        description: 'Answers as long as the daemon does. The only operation that never needs a token.',
        answers: { 200: plain('It lives: `ok`.') },
        open: true,
      }),
      (_, reply) => reply.type('text/plain').send('ok\n'),
    );
    app.get(
      '/readyz',
      operation({
        tag,
        id: 'getReadiness',
        summary: 'Whether the daemon can act',
        description:
          'A missing sentinel or a manifest that is wrong is told, and takes nothing away from being ready.',
        answers: { 200: json('It can.', healthSchema), 503: json('It can not, or not yet.', healthSchema) },
      }),
      (_, reply) => {
        const now = control.health();
        return reply.code(now.ready ? 200 : 503).send(now);
      },
    );
    app.get(
      '/metrics',
      operation({
        tag,
        id: 'getMetrics',
        summary: 'Metrics for Prometheus',
        description: SCRAPE,
        answers: { 200: plain("Prometheus's text format, version 0.0.4.") },
      }),
      async (_, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()),
    );
  },
};
