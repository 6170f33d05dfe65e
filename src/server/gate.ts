import bearerAuth from '@fastify/bearer-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Token } from './token.ts';

/** Calls `done` without an error for a request that may pass, else with one of status 401. */
export type Check = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

/** Lets nothing into the app but what has the token (RFC 6750, in the header alone) and the operations that are `open`. */
export function addGate(app: FastifyInstance, token: Token): Check {
  const check = createCheck(app, token);
  // Before anything of the request's body is read.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.open) done();
    else check(request, reply, done);
  });
  return check;
}

function createCheck(app: FastifyInstance, token: Token): Check {
  app.register(bearerAuth, { keys: [], addHook: false });
  let held: string | undefined;
  let verify: Check | undefined;
  return (request, reply, done) => {
    const current = token.read();
    if (!verify || current !== held) {
      held = current;
      verify = app.verifyBearerAuthFactory?.({
        keys: current === undefined ? [] : [current],
        addHook: false,
        specCompliance: 'rfc6749', // the scheme in any case, as RFC 9110 has it
      });
    }
    if (verify) verify(request, reply, done);
    else done(new Error('nothing checks the token'));
  };
}
