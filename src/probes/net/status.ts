/** A status code, or a class of them: `2xx`. */
export type Status = number | string;

const ONE = [
  { type: 'integer', minimum: 200, maximum: 599 },
  { type: 'string', enum: ['2xx', '3xx', '4xx', '5xx'] },
];

export const STATUS_SCHEMA = {
  description: 'The status: a number, a class such as `2xx`, or a list of them.',
  default: '2xx',
  anyOf: [...ONE, { type: 'array', minItems: 1, maxItems: 100, items: { anyOf: ONE } }],
};

export function statusFits(status: number, wanted: readonly Status[]): boolean {
  return wanted.some((one) => one === status || one === `${Math.floor(status / 100)}xx`);
}

export function showsStatuses(wanted: readonly Status[]): string {
  return wanted.join(' or ');
}
