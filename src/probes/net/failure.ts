import { printable } from '../text/excerpt.ts';

/** What libuv's and OpenSSL's codes mean, for people. */
const WORDS: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve just now',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'the connection timed out',
  EPROTO: 'no TLS is spoken there',
};

interface NetworkError extends Error {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
  errors?: NetworkError[];
}

/** Why a connection failed, in a few words: `connection refused (127.0.0.1:8080)`. */
export function failureOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error));
  const { code = '', errors, hostname, address, port } = error as NetworkError;
  // each address of a name was tried (RFC 8305), and none would have us
  if (errors !== undefined && errors.length > 0) return [...new Set(errors.map(failureOf))].join(', ');
  const words = WORDS[code] ?? printable(error.message || code || error.name);
  const place = hostname ?? placeOf(address, port);
  return place === undefined || WORDS[code] === undefined ? words : `${words} (${printable(place)})`;
}

function placeOf(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined) return undefined;
  return port === undefined ? address : `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
