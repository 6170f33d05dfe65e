import { connect } from 'node:net';
import { childOptions, endWithParent, tell } from './child-io.ts';

/** One TCP connection: `open`, `refused` (an answer said no) or `timeout` (none came). */
const options = childOptions<{ to: string; port: number; timeoutMs: number; family: 4 | 6 }>();

function finish(outcome: 'open' | 'refused' | 'timeout', code?: string): never {
  tell({ type: 'done', outcome, code });
  process.exit(0);
}

endWithParent();
const socket = connect({ host: options.to, port: options.port, family: options.family });
setTimeout(() => setImmediate(finish, 'timeout'), options.timeoutMs);
socket.on('connect', () => finish('open'));
socket.on('error', (error: NodeJS.ErrnoException) =>
  finish(error.code === 'ETIMEDOUT' ? 'timeout' : 'refused', error.code),
);
