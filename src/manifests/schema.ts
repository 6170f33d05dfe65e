import type { Kind, ProbeSpec } from '../core/kinds.ts';
import type { FaultSpec } from '../core/types.ts';

/** JSON Schema, draft 2020-12, as far as this project writes it. */
export interface JSONSchema {
  [keyword: string]: unknown;
}

/** A kind of probe, as the schemas need it: `schema` is the whole one. */
export interface ManifestProbeKind {
  readonly type: string;
  readonly schema: JSONSchema;
  /** Mistakes that the schema can't name, one sentence each, in a probe that matches it. */
  problems?(probe: ProbeSpec): string[];
}

/** What the schemas need to know of a kind of fault; a FaultKind is one. Passed in: the registry stands above this room. */
export interface ManifestFaultKind {
  readonly type: string;
  /** One line. */
  readonly summary: string;
  /** Of the parameters beside `type`. */
  readonly schema: {
    type: 'object';
    properties: Record<string, Record<string, unknown>>;
    required?: string[];
    [keyword: string]: unknown;
  };
  /** Mistakes that the schema can't name, one sentence each, in a fault that matches it. */
  problems?(fault: FaultSpec): string[];
}

export const API_VERSION = 'squall/v1';

/** Default of spec.recoveryTimeout. */
export const DEFAULT_RECOVERY_TIMEOUT = '60s';

/** Characters of a name at most: Kubernetes' DNS label. */
export const LONGEST_NAME = 63;

export const NAME_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

const NAME: JSONSchema = { type: 'string', pattern: NAME_PATTERN };

/** The schema of one fault of a kind: its parameters, `type`, and nothing else. */
export function faultSchema(kind: ManifestFaultKind): JSONSchema {
  const { properties, required = [], ...rest } = kind.schema;
  return {
    title: kind.type,
    description: kind.summary,
    ...rest,
    properties: { type: { const: kind.type, description: 'The kind of fault.' }, ...properties },
    required: ['type', ...required],
    additionalProperties: false,
  };
}

/** The whole schema of an Experiment, for editors and the reference. */
export function experimentSchema(kinds: readonly ManifestFaultKind[]): JSONSchema {
  return experimentWith(anyFault(kinds));
}

/**
 * The same with faults that only need a `type`: the validator checks each against the schema of its own kind afterwards, so that what
 * it says is about that kind and not about all the others.
 */
export function experimentShell(): JSONSchema {
  return experimentWith(onlyTyped('fault'));
}

function experimentWith(fault: JSONSchema): JSONSchema {
  return documentSchema(
    'Experiment',
    'Faults that are wanted on a selection of containers for a time. While the manifest is there, so are they.',
    specSchema(fault),
  );
}

/** The schema of a document of one kind. `longest`: characters of its name, where others are made of it. */
export function documentSchema(
  kind: Kind,
  description: string,
  spec: JSONSchema,
  longest = LONGEST_NAME,
): JSONSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: kind,
    description,
    type: 'object',
    properties: {
      apiVersion: { const: API_VERSION, description: 'The version of this format.' },
      kind: { const: kind, description: 'The kind of document.' },
      metadata: metadataSchema(kind.toLowerCase(), longest),
      spec,
    },
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
  };
}

function metadataSchema(what: string, longest: number): JSONSchema {
  return {
    type: 'object',
    description: `What the ${what} is called.`,
    properties: {
      name: {
        ...NAME,
        maxLength: longest,
        description: `Identity, together with the kind: a file may be renamed, the name may not. Lower-case letters, digits and \`-\`, at most ${longest}.`,
      },
      labels: {
        type: 'object',
        description: `Labels of the ${what}, to select it by. They never reach a container.`,
        additionalProperties: { type: 'string' },
      },
      annotations: {
        type: 'object',
        description: 'Notes for people and other programs. Squall does not read them.',
        additionalProperties: { type: 'string' },
      },
    },
    required: ['name'],
    additionalProperties: false,
  };
}

/** A reference to a document by its name. */
export function reference(description: string, more: Record<string, JSONSchema> = {}): JSONSchema {
  return {
    type: 'object',
    description,
    properties: { name: { ...NAME, maxLength: LONGEST_NAME, description: 'Its name.' }, ...more },
    required: ['name'],
    additionalProperties: false,
  };
}

/** The spec of an experiment within another document. `fault`: the schema of one fault. */
export function nestedExperiment(fault: JSONSchema, description: string): JSONSchema {
  return { ...specSchema(fault), description };
}

/** One fault, of any of the kinds. */
export function anyFault(kinds: readonly ManifestFaultKind[]): JSONSchema {
  return { oneOf: kinds.map((kind) => faultSchema(kind)) };
}

/** One fault or probe that is checked against the schema of its own kind afterwards. */
export function onlyTyped(what: string): JSONSchema {
  return {
    type: 'object',
    properties: { type: { type: 'string', description: `The kind of ${what}.` } },
    required: ['type'],
  };
}

function specSchema(fault: JSONSchema): JSONSchema {
  return {
    type: 'object',
    description: 'What is wanted.',
    properties: {
      suspend: {
        type: 'boolean',
        default: false,
        description:
          'True: nothing is injected, and what is there is recovered. A template, then, for `squall run`.',
      },
      duration: {
        type: 'string',
        format: 'duration',
        description:
          'How long the faults hold, from the start of the run: `500ms`, `30s`, `1m30s`, `2h`. They end by themselves then.',
      },
      recoveryTimeout: {
        type: 'string',
        format: 'duration',
        default: DEFAULT_RECOVERY_TIMEOUT,
        description:
          'How long recovery may take before the run counts as Failed. Recovery is still tried after that.',
      },
      targets: TARGETS,
      faults: {
        type: 'array',
        minItems: 1,
        maxItems: 32,
        description: 'The faults: injected together, recovered in reverse order.',
        items: fault,
      },
      blastRadius: BLAST_RADIUS,
      probes: {
        type: 'array',
        maxItems: 0,
        description: 'Steady state. Not supported by this version: only an empty list is accepted.',
      },
    },
    required: ['duration', 'targets', 'faults'],
    additionalProperties: false,
  };
}

export const text = (description: string, more: JSONSchema = {}): JSONSchema => ({
  type: 'string',
  minLength: 1,
  maxLength: 255,
  description,
  ...more,
});

/** An empty list would select nothing, and a reader might take it for everything: refused. */
export const listOf = (items: JSONSchema, description: string): JSONSchema => ({
  type: 'array',
  minItems: 1,
  description,
  items,
});

const LABEL_EXPRESSION: JSONSchema = {
  type: 'object',
  properties: {
    key: text("The label's key."),
    operator: {
      enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
      description: '`NotIn` and `DoesNotExist` also match a container without the label.',
    },
    values: listOf({ type: 'string' }, 'For `In` and `NotIn`, and only for them.'),
  },
  required: ['key', 'operator'],
  additionalProperties: false,
  anyOf: [
    { properties: { operator: { enum: ['In', 'NotIn'] } }, required: ['values'] },
    {
      properties: { operator: { enum: ['Exists', 'DoesNotExist'] } },
      not: { required: ['values'] },
      description: '`values` goes with In and NotIn only',
    },
  ],
};

export const SELECT: JSONSchema = {
  type: 'object',
  minProperties: 1,
  description:
    'Which containers. All that is given must match; of a list, one entry must. An empty selector is refused: it never means everything.',
  properties: {
    project: text('The compose project (label `com.docker.compose.project`).'),
    services: listOf(text('A service.'), 'Compose services (label `com.docker.compose.service`).'),
    names: listOf(
      { type: 'string', format: 'regex-or-name', description: 'A name or a /regular expression/.' },
      'Names of containers: exact, or a `/regular expression/`, which is anchored only by its own `^` and `$`.',
    ),
    labels: {
      type: 'object',
      minProperties: 1,
      description: 'Labels with exactly these values.',
      additionalProperties: { type: 'string' },
    },
    labelExpressions: listOf(LABEL_EXPRESSION, 'Conditions on labels; all must hold.'),
    images: listOf(
      text('A glob.'),
      'Images, as the container names them. `*` stands for any run of characters: `visapi/*`.',
    ),
    networks: listOf(text('A network.'), 'Names of networks that the container is attached to.'),
  },
  additionalProperties: false,
};

const PERCENT: JSONSchema = { type: 'number', exclusiveMinimum: 0, maximum: 100 };

const MODE: JSONSchema = {
  description: 'How many of the selected containers, chosen at random once a run.',
  oneOf: [
    { const: 'all', description: 'Every one, also those that appear later.' },
    { const: 'one', description: 'A single one.' },
    branch('count', { type: 'integer', minimum: 1, description: 'This many.' }),
    branch('percent', { ...PERCENT, description: 'This share of them, rounded down.' }),
    branch('maxPercent', { ...PERCENT, description: 'A random share of them up to this one, rounded down.' }),
  ],
};

function branch(key: string, schema: JSONSchema): JSONSchema {
  return { type: 'object', properties: { [key]: schema }, required: [key], additionalProperties: false };
}

const TARGETS: JSONSchema = {
  type: 'object',
  description: 'The containers that the faults are for.',
  properties: {
    select: SELECT,
    mode: MODE,
    seed: {
      type: 'integer',
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The random choice comes out the same every time.',
    },
  },
  required: ['select', 'mode'],
  additionalProperties: false,
};

const BLAST_RADIUS: JSONSchema = {
  type: 'object',
  description: 'Limits. A selection over one of them is denied as a whole, never trimmed.',
  properties: {
    maxTargets: { type: 'integer', minimum: 1, description: 'At most this many containers.' },
    maxPercent: {
      type: 'number',
      minimum: 1,
      maximum: 100,
      description: 'At most this share of the containers of any one service.',
    },
    minHealthy: {
      type: 'integer',
      minimum: 0,
      description: 'At least this many containers of each service are left alone, running and not unhealthy.',
    },
  },
  additionalProperties: false,
};
