import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that stands for engines of versions that are not here. */
export interface HttpStub {
  readonly host: string;
  /** What was asked for, in order. */
  readonly paths: string[];
  close(): Promise<void>;
}

/** `answer` gives the body for a path. */
export async function createHttpStub(answer: (path: string) => object): Promise<HttpStub> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/\?$/, '');
    paths.push(path);
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(answer(path)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
