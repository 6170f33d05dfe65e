import { isIP, isIPv6 } from 'node:net';
import { SquallError } from '../core/errors.ts';

/** Where a TCP listener is wanted. */
export interface Address {
  /** An IP address or a name; undefined for every address of this host. */
  host: string | undefined;
  /** 0 lets the kernel choose one. */
  port: number;
}

const HIGHEST_PORT = 65_535;
/** `[::1]:8080`, `127.0.0.1:8080`, `localhost:8080`, `:8080`. */
const HOST_AND_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/;
/** RFC 1123, and the underscore that Docker's names have. */
const HOST_NAME = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i;

/** Throws SQ501 for what is not HOST:PORT. An IPv6 address stands in brackets, as in a URL. */
export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = HOST_AND_PORT.exec(text) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain;
  const known = bracketed === undefined ? isHost(plain ?? '') : isIPv6(bracketed);
  if (digits === undefined || port > HIGHEST_PORT || !known) {
    throw new SquallError('SQ501', `"${text}" is no address to listen on`, { hint: hintFor(text) });
  }
  return { host: host || undefined, port };
}

/** Empty, an IPv4 address or a name; what has digits and dots alone must be an address. */
function isHost(text: string): boolean {
  return text === '' || isIP(text) === 4 || (HOST_NAME.test(text) && !/^[\d.]+$/.test(text));
}

function hintFor(text: string): string {
  if (text.includes('://')) return 'Give it without a scheme: 127.0.0.1:8080';
  if (isIPv6(text) || isIPv6(text.replace(/:\d+$/, '')))
    return 'An IPv6 address stands in brackets: [::1]:8080';
  return 'Expected HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080, with a port up to 65535';
}
