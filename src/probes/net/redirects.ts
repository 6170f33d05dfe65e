import { printable } from '../text/excerpt.ts';
import type { Answer, Exchange, TlsOptions } from './exchange.ts';

/** Redirects that are followed, one after the other. */
export const MOST_REDIRECTS = 5;

const REDIRECTS = [301, 302, 303, 307, 308];

/** Whether the answer sends one somewhere else (RFC 9110, 15.4). */
export function isRedirect({ status, location }: Answer): boolean {
  return REDIRECTS.includes(status) && location !== undefined;
}

/**
 * The request that a redirect asks for, or why it is not made. Another origin gets none of the headers and no body: they may hold
 * secrets that are meant for the first.
 */
export function redirected(before: Exchange, { status, location = '' }: Answer): Exchange | string {
  const url = URL.parse(location, before.url.href);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    return `status ${status} leads to something that is neither http nor https`;
  const elsewhere = url.origin !== before.url.origin;
  const becomesGet = status === 303 || (status < 303 && before.method === 'POST');
  const keepsMethod = !becomesGet || before.method === 'HEAD';
  if (keepsMethod && elsewhere && before.body !== undefined)
    return `status ${status} leads to ${printable(url.host)}, and a body is not sent to another host`;
  return {
    ...before,
    url,
    headers: elsewhere ? {} : before.headers,
    tls: elsewhere ? withoutName(before.tls) : before.tls,
    method: keepsMethod ? before.method : 'GET',
    body: keepsMethod ? before.body : undefined,
  };
}

function withoutName({ servername: _, ...rest }: TlsOptions): TlsOptions {
  return rest;
}
