import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { systemClock } from '../core/clock.ts';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { addRoutes, type RouteDeps } from './routes.ts';
import { listenOnSocket } from './socket.ts';
import { createStreams } from './streams.ts';
import { errorObject } from './views.ts';

export interface ServerOptions extends Omit<RouteDeps, 'streams'> {
  log: Log;
}

/** Health, metrics and the API over a unix socket. */
export interface SquallServer {
  /** Throws SQ304 where another process answers on the socket, SQ501 where the path can't be one. */
  listen(socketPath: string): Promise<void>;
  /** Answers what was asked, ends the streams, removes the socket. */
  close(): Promise<void>;
}

/** ms that a connection has to finish when the server closes. */
const CLOSE_GRACE = 1000;

export function createServer(options: ServerOptions): SquallServer {
  const streams = createStreams(options.journal, options.control);
  const app = createApp({ ...options, streams }, options.log);
  return {
    listen: async (path) => {
      await app.ready();
      await listenOnSocket(app.server, path);
      options.log.info({ socket: path }, 'listening');
    },
    close: async () => {
      streams.close();
      const cancel = systemClock.after(CLOSE_GRACE, () => app.server.closeAllConnections());
      app.server.closeIdleConnections();
      await app.close();
      cancel();
    },
  };
}

/** The routes without a socket. */
export function createApp(deps: RouteDeps, log: Log): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 64 * 1024, return503OnClosing: false });
  app.setErrorHandler<FastifyError | SquallError>((error, request, reply) => {
    const shown = toSquall(error);
    if (shown.status >= 500)
      log.error({ method: request.method, url: request.url, error: describeError(error) }, 'request failed');
    return reply.code(shown.status).send(errorObject(shown));
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new SquallError('SQ502', `there is no ${request.method} ${request.url.split('?')[0]}`);
    return reply.code(error.status).send(errorObject(error));
  });
  addRoutes(app, deps);
  return app;
}

/** What the framework refuses (a parameter, a body) is bad usage; what nobody foresaw is a failure here. */
function toSquall(error: FastifyError | SquallError): SquallError {
  if (error instanceof SquallError) return error;
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new SquallError('SQ501', error.message, { cause: error });
  return new SquallError('SQ303', `the daemon failed: ${error.message}`, { cause: error });
}
