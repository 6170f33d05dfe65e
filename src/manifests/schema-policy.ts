import { documentSchema, type JSONSchema, listOf, SELECT, text } from './schema.ts';

/** The schema of a Policy. `probe`: the schema of one probe. */
export function policySchema(probe: JSONSchema): JSONSchema {
  return documentSchema(
    'Policy',
    'Limits on all chaos of this host. Several may stand side by side: the tightest wins. What a Policy does not say, it has no opinion on.',
    specSchema(probe),
  );
}

function specSchema(probe: JSONSchema): JSONSchema {
  return {
    type: 'object',
    minProperties: 1,
    description: 'What must hold for chaos to start, and to go on.',
    properties: {
      optIn: OPT_IN,
      protect: listOf(SELECT, 'Containers that are never hit, whatever they carry.'),
      networks: listOf(
        text('A glob.'),
        'A target may be on these networks only. `*` stands for any run of characters: `chaos-*`.',
      ),
      faults: FAULTS,
      maxDuration: {
        type: 'string',
        format: 'duration',
        description: 'No run may be longer.',
      },
      maxConcurrentRuns: {
        type: 'integer',
        minimum: 1,
        description: 'Runs at once, of all experiments together.',
      },
      maxTargets: {
        type: 'integer',
        minimum: 1,
        description: 'Containers under a fault at once, of all experiments together.',
      },
      maxPercent: {
        type: 'number',
        minimum: 1,
        maximum: 100,
        description:
          'At most this share of the containers of any one service is down at once: under a fault of any experiment, not running, or not healthy.',
      },
      minHealthy: {
        type: 'integer',
        minimum: 0,
        description:
          'At least this many containers of each service that is hit are under no fault, running and not unhealthy.',
      },
      budget: listOf(
        BUDGET,
        'Disruption budgets. A run that does not fit into what is left of one is denied.',
      ),
      windows: WINDOWS,
      healthGate: {
        type: 'object',
        description:
          'Probes that must hold for any chaos to start. Where one fails while chaos runs, all of it is recovered.',
        properties: { probes: listOf(probe, 'The probes; all must hold.') },
        required: ['probes'],
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

const OPT_IN: JSONSchema = {
  description:
    'Which containers may be hit. Where no Policy says anything: those with the label `squall.enabled=true`.',
  oneOf: [
    { const: 'label', description: 'Those with the label `squall.enabled=true`.' },
    { const: 'none', description: 'Every one that is not protected.' },
    {
      type: 'object',
      properties: {
        select: { ...SELECT, description: 'Those that match this, and those with the label.' },
      },
      required: ['select'],
      additionalProperties: false,
    },
  ],
};

const FAULTS: JSONSchema = {
  type: 'object',
  minProperties: 1,
  description: 'Which kinds of fault may be used.',
  properties: {
    allow: listOf(text('A kind of fault.'), 'Only these.'),
    deny: listOf(text('A kind of fault.'), 'None of these.'),
  },
  additionalProperties: false,
};

const BUDGET: JSONSchema = {
  type: 'object',
  properties: {
    faultTime: {
      type: 'string',
      format: 'duration',
      description:
        'The time that containers may spend under a fault, added up: two containers for 30s are 1m. A run reserves all of its time when it starts.',
    },
    window: {
      type: 'string',
      format: 'duration',
      description: 'Over how long it is added up: `24h`. The window rolls, it does not begin at midnight.',
    },
    per: {
      enum: ['all', 'service'],
      default: 'all',
      description:
        '`all`: every container together; `service`: the containers of each service by themselves.',
    },
  },
  required: ['faultTime', 'window'],
  additionalProperties: false,
};

const TIME_ZONE: JSONSchema = {
  type: 'string',
  format: 'time-zone',
  description: 'An IANA time zone such as `Europe/Zurich`.',
};

const WINDOW: JSONSchema = {
  type: 'object',
  minProperties: 1,
  properties: {
    days: listOf(
      { type: 'string', format: 'week-days', description: '`mon` or `mon-fri`.' },
      'Days of the week. Without them: every day. A window over midnight belongs to the day on which it begins.',
    ),
    from: { type: 'string', format: 'day-time', description: 'The time of day at which it begins: `09:00`.' },
    to: {
      type: 'string',
      format: 'day-time',
      description: 'The time of day at which it is over: `17:00`. At or before `from`: on the next day.',
    },
    dates: listOf(
      { type: 'string', format: 'dates', description: '`2026-12-24` or `2026-12-20/2027-01-03`.' },
      'Only on these days.',
    ),
    timeZone: { ...TIME_ZONE, description: 'Of this window, where it is another than that of all.' },
  },
  additionalProperties: false,
};

const WINDOWS: JSONSchema = {
  type: 'object',
  minProperties: 1,
  description:
    'When chaos may run. A run must fit into a window as a whole; what still runs when a window ends is recovered.',
  properties: {
    timeZone: { ...TIME_ZONE, default: 'UTC' },
    allow: listOf(WINDOW, 'Only within one of these.'),
    deny: listOf(WINDOW, 'Never within one of these: it wins over `allow`.'),
  },
  anyOf: [{ required: ['allow'] }, { required: ['deny'] }],
  additionalProperties: false,
};
