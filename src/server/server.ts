import type { FastifyInstance } from 'fastify';
import { systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { createApp, LIMITS, type Limits } from './app.ts';
import type { Check } from './gate.ts';
import type { Schema } from './json-schema.ts';
import type { RouteDeps } from './operation.ts';
import { listenOnSocket } from './socket.ts';
import { createStreams, type Streams } from './streams.ts';
import type { TcpOptions } from './tcp.ts';
import type { Token } from './token.ts';

export interface ServerOptions extends Omit<RouteDeps, 'streams' | 'document'> {
  log: Log;
  limits?: Limits;
}

/** Health, metrics and the API over a unix socket, and over TCP with a token where that is asked for. */
export interface SquallServer {
  /**
   * Gives the URL of the TCP listener, where there is one. Throws SQ304 where another process answers on the socket or listens on the
   * address, SQ501 where the path can't be a socket, the address can't be listened on or the token can't be used; then nothing listens.
   */
  listen(socketPath: string, tcp?: TcpOptions): Promise<string | undefined>;
  /** Answers what was asked, ends the streams, removes the socket. */
  close(): Promise<void>;
}

/** ms that a connection has to finish when the server closes. */
const CLOSE_GRACE = 1000;

interface Listener {
  app: FastifyInstance;
  streams: Streams;
}

export function createServer(options: ServerOptions): SquallServer {
  const { log } = options;
  const document = documentOnce();
  const onSocket = createListener(options, document);
  const listeners = [onSocket];
  const close = async () => {
    await Promise.all(listeners.map(closeListener));
  };
  return {
    listen: async (path, tcp) => {
      try {
        await onSocket.app.ready();
        await listenOnSocket(onSocket.app.server, path);
        log.info({ socket: path }, 'listening');
        return tcp && (await listenTcp(options, document, tcp, (onTcp) => listeners.push(onTcp)));
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}

type DocumentSource = RouteDeps['document'];

/** Made when it is first asked for. */
function documentOnce(): DocumentSource {
  let made: Promise<Schema> | undefined;
  return () => {
    made ??= import('./openapi.ts').then(({ openapiDocument }) => openapiDocument());
    return made;
  };
}

/** Under guard nobody is let in without the token, and streams end with it. */
interface Guard {
  token: Token;
  addGate(app: FastifyInstance, token: Token): Check;
}

function createListener(options: ServerOptions, document: DocumentSource, guard?: Guard): Listener {
  const { log, limits, journal, control } = options;
  const streams = createStreams(journal, control, guard?.token.read);
  const gate = guard && ((app: FastifyInstance) => guard.addGate(app, guard.token));
  return { app: createApp({ ...options, streams, document }, log, limits, gate), streams };
}

async function listenTcp(
  options: ServerOptions,
  document: DocumentSource,
  { address, token: source }: TcpOptions,
  opened: (listener: Listener) => void,
): Promise<string> {
  const { log, limits = LIMITS } = options;
  const [{ isLoopback, listenOnTcp }, { openToken }, { addGate }] = await tcpParts();
  const listener = createListener(options, document, { token: openToken(source, log), addGate });
  opened(listener);
  await listener.app.ready();
  listener.app.server.maxConnections = limits.connections;
  const url = await listenOnTcp(listener.app.server, address);
  log.info({ url }, 'listening');
  if (!isLoopback(url))
    log.warn({ url }, 'the token and all else go over the network as they are: there is no TLS');
  return url;
}

/** What most daemons do without. */
function tcpParts() {
  return Promise.all([import('./tcp.ts'), import('./token.ts'), import('./gate.ts')]);
}

async function closeListener({ app, streams }: Listener): Promise<void> {
  streams.close();
  const cancel = systemClock.after(CLOSE_GRACE, () => app.server.closeAllConnections());
  app.server.closeIdleConnections();
  await app.close();
  cancel();
}
