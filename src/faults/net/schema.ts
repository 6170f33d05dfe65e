import type { FaultSchema } from '../fault.ts';

const PEERS = ['service', 'container', 'cidr', 'host', 'any'];

/** A container or host name; also keeps control characters and blanks out of rules and logs. */
const NAME = '^[^\\s\\p{Cc}/]+$';

const PEER = {
  type: 'object',
  description: 'Exactly one of service, container, cidr, host and any.',
  additionalProperties: false,
  properties: {
    service: {
      type: 'string',
      pattern: NAME,
      maxLength: 255,
      description:
        "A compose service: the addresses of all its containers, in the target's own project unless `project` is given. Where no container has such a label, a network alias of that name on a network shared with the target.",
    },
    project: {
      type: 'string',
      pattern: NAME,
      maxLength: 255,
      description: 'The compose project of `service`, where it is not that of the target.',
    },
    container: {
      type: 'string',
      pattern: NAME,
      maxLength: 255,
      description: 'The exact name of a container.',
    },
    cidr: {
      type: 'string',
      format: 'cidr',
      description: 'A network such as `10.0.0.0/8` or `fd00::/8`; one address is `192.0.2.7/32`.',
    },
    host: {
      type: 'string',
      pattern: NAME,
      maxLength: 253,
      description:
        "A host name, resolved with the target's own name servers inside its network: all its addresses, IPv4 and IPv6.",
    },
    any: {
      const: true,
      description: 'Everyone. Loopback, and with it Docker DNS (127.0.0.11), is left alone.',
    },
  },
  oneOf: PEERS.map((name) => ({ type: 'object', required: [name] })),
  dependentRequired: { project: ['service'] },
};

const PORTS = {
  type: 'array',
  minItems: 1,
  maxItems: 1000,
  items: {
    anyOf: [
      { type: 'integer', minimum: 1, maximum: 65_535 },
      { type: 'string', format: 'port-range' },
    ],
  },
};

/** A list of peers, as the schema of a parameter. */
export function peersSchema(description: string): Record<string, unknown> {
  return { type: 'array', minItems: 1, maxItems: 1000, items: PEER, description };
}

const FILTER = {
  direction: {
    type: 'string',
    enum: ['egress', 'ingress', 'both'],
    default: 'egress',
    description:
      'Which packets: those the target sends (egress), those it receives (ingress), or both. Packets, not connections: egress also cuts the answers to connections that a peer opened.',
  },
  to: peersSchema('The peers. Required, and never empty: a peer that is not found refuses the fault.'),
  from: peersSchema('The peers, under a better name for `direction: ingress`; not beside `to`.'),
  ports: {
    ...PORTS,
    description:
      "Destination ports of the packets, numbers or ranges like `8000-8010`, as in a Kubernetes NetworkPolicy: the peer's port for egress, the target's own for ingress. Without `protocol` they mean tcp and udp.",
  },
  sourcePorts: { ...PORTS, description: 'Source ports of the packets, likewise.' },
  protocol: {
    type: 'string',
    enum: ['tcp', 'udp', 'icmp', 'all'],
    default: 'all',
    description:
      'icmp also means ICMPv6, but never its neighbour discovery, without which IPv6 stops altogether.',
  },
};

/** `from` only stands for ingress, and instead of `to`. */
const PEER_RULES = {
  oneOf: ['to', 'from'].map((field) => ({ type: 'object', required: [field] })),
  dependentSchemas: {
    from: { type: 'object', required: ['direction'], properties: { direction: { const: 'ingress' } } },
  },
};

/** What does not go together. */
const EXCLUSIONS = [
  {
    type: 'object',
    description: 'protocol: icmp has no ports',
    not: {
      type: 'object',
      properties: { protocol: { const: 'icmp' } },
      required: ['protocol'],
      anyOf: ['ports', 'sourcePorts'].map((field) => ({ type: 'object', required: [field] })),
    },
  },
];

/** The schema of a network kind: the shared filter, then the kind's own parameters and keywords. */
export function filterSchema(
  own: Record<string, Record<string, unknown>>,
  keywords: Record<string, unknown> = {},
): FaultSchema {
  return {
    type: 'object',
    properties: { ...FILTER, ...own },
    ...PEER_RULES,
    allOf: EXCLUSIONS,
    ...keywords,
  };
}
