import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { SquallError } from '../core/errors.ts';

/** Bytes that sun_path of unix(7) holds, without its closing zero. */
export const LONGEST_SOCKET_PATH = 107;

/**
 * Listens on a unix socket that only its owner may use (mode 0600) from the moment it is there. A file that a dead process left is
 * removed; one that somebody answers on is not: SQ304. Throws SQ501 where the path is too long for the kernel.
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
    throw new SquallError('SQ501', `the socket path ${path} is longer than ${LONGEST_SOCKET_PATH} bytes`, {
      hint: 'Give --state a shorter directory',
    });
  }
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The file is made within this call: nothing else of this process runs under the umask.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
  chmodSync(path, 0o600);
}

async function removeStale(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (!there) return;
  if (!there.isSocket()) {
    throw new SquallError('SQ501', `${path} is there and is no socket`, {
      hint: 'Move it away, or give another --state',
    });
  }
  if (await answers(path)) {
    throw new SquallError('SQ304', `another process answers on ${path}`, {
      hint: 'One daemon a state directory: stop it, or give another --state',
    });
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const say = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => say(true));
    // Only a refused connection tells that nobody listens: a full backlog (EAGAIN) or a missing permission do not.
    socket.once('error', (error: NodeJS.ErrnoException) =>
      say(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')),
    );
  });
}
