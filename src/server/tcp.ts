import { lookup } from 'node:dns/promises';
import { type AddressInfo, isIP, type Server } from 'node:net';
import { SquallError } from '../core/errors.ts';
import { type Address, parseAddress } from './address.ts';
import { checkToken, type TokenSource } from './token.ts';

/** What is asked of the TCP listener. */
export interface TcpOptions {
  address: Address;
  token: TokenSource;
}

/**
 * What the command line and the environment come to; undefined where no listener is asked for. A token's file counts before a token.
 * Throws SQ501 for an address that is none, and where a token that can be used is missing.
 */
export function tcpOptions(given: {
  listen: string | undefined;
  tokenFile: string | undefined;
  token: string | undefined;
}): TcpOptions | undefined {
  const { listen, tokenFile, token } = given;
  if (!listen) return undefined;
  const address = parseAddress(listen);
  const source = tokenFile ? { file: tokenFile } : token ? { text: token } : undefined;
  return { address, token: checkToken(source) };
}

/** Listens, and gives the URL under which it does. Throws SQ304 where somebody else listens there, SQ501 where nobody can. */
export async function listenOnTcp(server: Server, { host, port }: Address): Promise<string> {
  const at = host === undefined ? undefined : await addressOf(host);
  const where = `${host === undefined ? '' : shown(host)}:${port}`;
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(explain(error, where));
    server.once('error', fail);
    server.listen({ port, ...(at === undefined ? {} : { host: at }) }, () => {
      server.removeListener('error', fail);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  return `http://${shown(bound.address)}:${bound.port}`;
}

/** Whether only this host can reach it. */
export function isLoopback(url: string): boolean {
  return /^http:\/\/(127\.|\[::1\])/.test(url);
}

/** Names may have several: IPv4 first, as most clients of `localhost` expect. */
async function addressOf(host: string): Promise<string> {
  if (isIP(host)) return host;
  try {
    return (await lookup(host, { order: 'ipv4first' })).address;
  } catch (cause) {
    throw new SquallError('SQ501', `--listen: ${host} has no address`, {
      hint: 'Give an address of this host, or :PORT for all of them',
      cause,
    });
  }
}

function shown(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function explain(cause: NodeJS.ErrnoException, where: string): SquallError {
  switch (cause.code) {
    case 'EADDRINUSE':
      return new SquallError('SQ304', `another process listens on ${where}`, {
        hint: 'Stop it (`ss -ltnp` names it), or give another --listen',
        cause,
      });
    case 'EADDRNOTAVAIL':
      return new SquallError('SQ501', `--listen: ${where} is no address of this host`, {
        hint: '`ip address` lists those that are; :PORT means all of them',
        cause,
      });
    case 'EACCES':
      return new SquallError('SQ501', `--listen: this user may not listen on ${where}`, {
        hint: 'Give a port from 1024 up, or the capability CAP_NET_BIND_SERVICE',
        cause,
      });
    default:
      return new SquallError('SQ501', `--listen: nobody can listen on ${where}: ${cause.message}`, { cause });
  }
}
