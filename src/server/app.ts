import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { describeError, SquallError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Check } from './gate.ts';
import type { RouteDeps } from './operation.ts';
import { addRoutes } from './routes/index.ts';
import { errorObject } from './views.ts';

/** What a client may take: it is told or cut off past that, so that it can't use up what recovery needs. */
export interface Limits {
  /** ms from the connection, or from the last answer, to the end of a request's headers. */
  headers: number;
  /** ms to the end of its body. */
  request: number;
  /** ms between looks at the two. */
  look: number;
  /** Open at once; more are closed as they come. TCP only. */
  connections: number;
}

export const LIMITS: Limits = { headers: 10_000, request: 20_000, look: 2000, connections: 128 };

/** Bytes. No operation takes much. */
const LARGEST_BODY = 64 * 1024;
/** As manifests name things, at most. */
const LONGEST_NAME = 253;

/**
 * The routes without a socket. `gate` adds what holds back every request that it does not let pass; an app without one belongs
 * on the unix socket alone, and each listener has its own app: what a request may do never hangs on what it says of itself.
 */
export function createApp(
  deps: RouteDeps,
  log: Log,
  limits: Limits = LIMITS,
  gate: (app: FastifyInstance) => Check = () => pass,
): FastifyInstance {
  let check: Check = pass;
  const app = fastify({
    logger: false,
    bodyLimit: LARGEST_BODY,
    return503OnClosing: false,
    requestTimeout: limits.request,
    http: { headersTimeout: limits.headers, connectionsCheckingInterval: limits.look },
    routerOptions: { maxParamLength: LONGEST_NAME },
    clientErrorHandler: refuseMalformed,
    // A path that can't be decoded reaches no hook and no route.
    frameworkErrors: (error, request, reply) => {
      check(request, reply, (refused) =>
        answerError(log, (refused as FastifyError) ?? error, request, reply),
      );
    },
  });
  check = gate(app);
  app.setErrorHandler<FastifyError | SquallError>((error, request, reply) =>
    answerError(log, error, request, reply),
  );
  app.setNotFoundHandler((request, reply) => {
    const error = new SquallError('SQ502', `there is no ${request.method} ${pathOf(request)}`);
    return answerError(log, error, request, reply);
  });
  addRoutes(app, deps);
  return app;
}

const pass: Check = (_, __, done) => done();

function answerError(
  log: Log,
  error: FastifyError | SquallError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const shown = toSquall(error);
  if (shown.status >= 500) {
    const { method } = request;
    log.error({ method, path: pathOf(request), error: describeError(error) }, 'request failed');
  }
  // Who has no token keeps no connection either.
  if (shown.status === 401)
    reply.headers({ 'www-authenticate': 'Bearer realm="squall"', connection: 'close' });
  return reply.code(shown.status).send(errorObject(shown));
}

/** Without the query: somebody may have put a secret there. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?')[0] ?? '';
}

/** What the framework refuses (a parameter, a body) is bad usage; what nobody foresaw is a failure here. */
function toSquall(error: FastifyError | SquallError): SquallError {
  if (error instanceof SquallError) return error;
  if (error.statusCode === 401) return notAllowed(error);
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new SquallError('SQ501', error.message, { cause: error });
  return new SquallError('SQ303', `the daemon failed: ${error.message}`, { cause: error });
}

function notAllowed(cause: FastifyError): SquallError {
  const missing = cause.code === 'FST_BEARER_AUTH_MISSING_AUTHORIZATION_HEADER';
  return new SquallError('SQ504', missing ? 'this needs a token' : 'this is not the token', {
    hint: "Send `Authorization: Bearer TOKEN`, with the token of the daemon's --token-file or SQUALL_TOKEN",
    cause,
  });
}

const MALFORMED: Record<string, { status: number; message: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the request took too long to come' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the headers are too long' },
};

/** What is no HTTP never becomes a request: the answer is written by hand, and the connection ends. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const { status, message } = MALFORMED[error.code ?? ''] ?? {
    status: 400,
    message: 'this is no HTTP request',
  };
  const body = JSON.stringify(errorObject(new SquallError('SQ501', message)));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
}
