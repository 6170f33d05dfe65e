import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A way to the engine that a test can cut, as a restart of the engine would. */
export interface SocketProxy {
  readonly path: string;
  /** Breaks what is open and refuses what comes. */
  cut(): Promise<void>;
  /** Takes connections (again). */
  open(): Promise<void>;
  /** Breaks what is open, and takes new connections on. */
  drop(): Promise<void>;
  /** Takes connections but hands nothing on: an engine that hangs. */
  hang(): void;
  close(): Promise<void>;
}

export function createSocketProxy(to = '/var/run/docker.sock'): SocketProxy {
  const folder = mkdtempSync(join(tmpdir(), 'squall-proxy-'));
  const path = join(folder, 'docker.sock');
  const open = new Set<Socket>();
  let server: Server | undefined;
  let hanging = false;

  const take = (client: Socket) => {
    const ends = hanging ? [client] : [client, connect(to)];
    const [, engine] = ends;
    if (engine) client.pipe(engine).pipe(client);
    for (const end of ends) {
      open.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        open.delete(end);
        for (const other of ends) other.destroy();
      });
    }
  };
  const cut = async () => {
    const closing = server;
    server = undefined;
    for (const socket of open) socket.destroy();
    if (closing) await new Promise((resolve) => closing.close(resolve));
  };
  return {
    path,
    cut,
    open: async () => {
      hanging = false;
      server ??= createServer(take);
      if (!server.listening) await new Promise<void>((resolve) => server?.listen(path, resolve));
    },
    drop: async () => {
      await Promise.all(
        [...open].map((socket) => new Promise((resolve) => socket.once('close', resolve).destroy())),
      );
    },
    hang: () => {
      hanging = true;
    },
    close: async () => {
      await cut();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
