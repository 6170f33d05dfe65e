/** JSON Schemas of what goes in and out. Answers hold nothing that is not named here, except where a value is free (`spec`). */
const text = { type: 'string' } as const;
const optionalText = { type: ['string', 'null'] } as const;
const whole = { type: 'integer' } as const;

function object(properties: Record<string, unknown>) {
  return { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
}

function arrayOf(items: unknown) {
  return { type: 'array', items };
}

const free = { type: 'object', additionalProperties: true } as const;
const texts = { type: 'object', additionalProperties: text } as const;

const effect = object({
  target: text,
  fault: text,
  phase: text,
  injectedAt: optionalText,
  recoveredAt: optionalText,
  strikes: whole,
  error: optionalText,
});

const run = {
  trigger: text,
  phase: text,
  startedAt: text,
  deadline: text,
  endedAt: optionalText,
  targets: arrayOf(text),
  effects: arrayOf(effect),
};

const condition = object({
  type: text,
  status: text,
  reason: text,
  message: text,
  time: text,
  observedGeneration: whole,
});

export const experimentSchema = object({
  apiVersion: text,
  kind: text,
  metadata: object({ name: text, uid: text, generation: whole, labels: texts, source: text }),
  spec: free,
  status: object({
    phase: text,
    reason: text,
    message: text,
    conditions: arrayOf(condition),
    run: { anyOf: [object({ id: text, ...run }), { type: 'null' }] },
  }),
});

export const runSchema = object({
  apiVersion: text,
  kind: text,
  metadata: object({ name: text, experiment: text, generation: whole }),
  status: object({ ...run, reason: text }),
});

export const eventSchema = object({
  apiVersion: text,
  kind: text,
  id: whole,
  time: text,
  type: text,
  reason: text,
  experiment: optionalText,
  run: optionalText,
  target: optionalText,
  message: text,
});

export function listSchema(items: unknown) {
  return object({ apiVersion: text, kind: text, items: arrayOf(items) });
}

export const holdSchema = object({
  experiments: arrayOf(text),
  left: arrayOf(object({ target: text, fault: text, error: text })),
});

export const startedSchema = object({ run: text });

export const healthSchema = object({
  ready: { type: 'boolean' },
  checks: arrayOf(object({ name: text, ok: { type: 'boolean' }, message: text })),
  version: text,
  instance: text,
  halted: { type: 'boolean' },
});

/** RFC 1123 labels, as manifests name experiments: anything else is found nowhere. */
export const nameParams = {
  type: 'object',
  properties: { name: { type: 'string', minLength: 1, maxLength: 253 } },
  required: ['name'],
};

export const runsQuery = { type: 'object', properties: { experiment: text }, additionalProperties: false };

export const eventsQuery = {
  type: 'object',
  properties: {
    experiment: text,
    after: { type: 'integer', minimum: 0 },
    limit: { type: 'integer', minimum: 1 },
  },
  additionalProperties: false,
};
