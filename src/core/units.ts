const RATE_UNITS: Record<string, number> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };
const SIZE_UNITS: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, KiB: 1024, MiB: 1024 ** 2 };

/** The kernel counts rates in bytes per second; with less than these bits tc rounds too much. */
const SLOWEST = 1000;
const FASTEST = 100e9;

/** Bits per second of `512kbit`, `10mbit`, `1.5gbit`; undefined for anything else and out of 1kbit to 100gbit. */
export function parseRate(text: unknown): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(bit|kbit|mbit|gbit)$/.exec(String(text)) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const rate = Number(amount) * (RATE_UNITS[unit] ?? 0);
  return rate >= SLOWEST && rate <= FASTEST ? Math.round(rate) : undefined;
}

/** Bytes of `1500B`, `32KiB`, `1MB`; undefined for anything else, for zero and for more than 1 GiB. */
export function parseSize(text: unknown): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(B|KB|MB|KiB|MiB)$/.exec(String(text)) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const bytes = Math.round(Number(amount) * (SIZE_UNITS[unit] ?? 0));
  return bytes > 0 && bytes <= 1024 ** 3 ? bytes : undefined;
}
