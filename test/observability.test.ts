import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { createMetrics } from '../src/reconcile/metrics.ts';

const root = new URL('../', import.meta.url);
const text = (file: string) => readFileSync(new URL(file, root), 'utf8');

/** Names of metrics in PromQL, without the suffixes that Prometheus gives histograms. */
function metricsIn(expressions: readonly string[]): Set<string> {
  const found = expressions.flatMap((expression) => expression.match(/\bsquall_[a-z_]+/g) ?? []);
  return new Set(found.map((name) => name.replace(/_(bucket|count|sum)$/, '')));
}

describe('what is shipped for Prometheus and Grafana', () => {
  const known = new Set(
    createMetrics('0', '0')
      .registry.getMetricsAsArray()
      .map(({ name }) => name),
  );

  test('alerts and recording rules use metrics that the daemon has', () => {
    const { groups } = parse(text('prometheus/squall.rules.yml')) as {
      groups: { rules: { expr: string }[] }[];
    };
    const used = metricsIn(groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)));
    assert.ok(used.size >= 6);
    assert.deepEqual(
      [...used].filter((name) => !known.has(name)),
      [],
    );
  });

  test('every panel of the dashboard asks for metrics that the daemon has', () => {
    const { panels } = JSON.parse(text('grafana/chaos-experiments.json')) as {
      panels: { title: string; targets: { expr: string }[] }[];
    };
    for (const { title, targets } of panels) {
      const used = metricsIn(targets.map(({ expr }) => expr));
      assert.ok(used.size > 0, title);
      assert.deepEqual(
        [...used].filter((name) => !known.has(name)),
        [],
        title,
      );
    }
  });

  test('the example for compose opts in by labels that are text', () => {
    const { services } = parse(text('docker/docker-compose.yml')) as {
      services: Record<string, { labels: Record<string, unknown> }>;
    };
    assert.equal(services.backend?.labels['squall.enabled'], 'true');
    assert.equal(services.metrics?.labels['squall.protect'], 'true');
  });
});
