import { durationMs } from '../core/duration.ts';
import type { ProbeSpec } from '../core/kinds.ts';
import type { JSONSchema, ManifestProbeKind } from '../manifests/schema.ts';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, type ProbeKind, SHORTEST_INTERVAL } from './probe.ts';

/** What every probe has. */
const COMMON: Record<string, JSONSchema> = {
  name: {
    type: 'string',
    pattern: '^[^\\p{C}\\s]([^\\p{C}]*[^\\p{C}\\s])?$',
    maxLength: 63,
    description: 'What it is called in messages and metrics. Without it: its type.',
  },
  interval: {
    type: 'string',
    format: 'duration',
    default: DEFAULT_INTERVAL,
    description: `Time from the end of a try to the beginning of the next; ${SHORTEST_INTERVAL}ms at least.`,
  },
  timeout: {
    type: 'string',
    format: 'duration',
    default: DEFAULT_TIMEOUT,
    description: 'How long a try may take. One that takes longer has failed.',
  },
  failureThreshold: {
    type: 'integer',
    minimum: 1,
    maximum: 1000,
    default: 1,
    description:
      'Tries in a row that must fail until the probe counts as failing. A single one that succeeds makes it hold again.',
  },
};

/** The whole schema of one probe of a kind. `more`: fields of the place where it stands, such as `when`. */
export function probeSchema(kind: ProbeKind, more: Record<string, JSONSchema> = {}): JSONSchema {
  const { properties, required = [], ...rest } = kind.schema;
  return {
    title: kind.type,
    description: kind.summary,
    ...rest,
    properties: {
      type: { const: kind.type, description: 'The kind of probe.' },
      ...properties,
      ...COMMON,
      ...more,
    },
    required: ['type', ...required],
    additionalProperties: false,
  };
}

/** Mistakes that the schema can't name, in what every probe has and in the kind's own parameters. */
export function probeProblems(kind: ProbeKind, spec: ProbeSpec): string[] {
  const own = kind.problems?.(spec) ?? [];
  const { interval } = spec;
  if (interval === undefined || durationMs(interval) >= SHORTEST_INTERVAL) return own;
  return [`interval: ${interval} is too often: give it ${SHORTEST_INTERVAL}ms at least`, ...own];
}

/** A kind as the manifests' schemas take it. */
export function manifestProbe(kind: ProbeKind, more: Record<string, JSONSchema> = {}): ManifestProbeKind {
  return {
    type: kind.type,
    schema: probeSchema(kind, more),
    problems: (spec) => probeProblems(kind, spec),
  };
}
