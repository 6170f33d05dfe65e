import { randomBytes } from 'node:crypto';
import { type Lab, type LabContainer, openLab } from '../test/lab/lab.ts';
import { echoServer, type Pinger, pinger } from '../test/lab/traffic.ts';

/** Two containers on a network of their own, with datagrams going from `client` to `server` and back all the time. */
export interface Pair {
  lab: Lab;
  network: string;
  client: LabContainer;
  server: LabContainer;
  /** The server's address. */
  address: string;
  pings: Pinger;
  /** Removes all of it, and asserts that nothing is left. */
  close(): Promise<void>;
}

/** A Compose project that no other container on the engine has: manifests must not select those. */
export function uniqueProject(name: string): string {
  return `${name}-${randomBytes(3).toString('hex')}`;
}

/** Compose labels of the two, for manifests to select and name them by. */
export interface PairOptions {
  name: string;
  project: string;
  client: string;
  server: string;
  /** ms between two datagrams. */
  intervalMs: number;
}

/** Brings the two up; what was made is removed where that fails. */
export async function openPair({ name, project, client, server, intervalMs }: PairOptions): Promise<Pair> {
  const lab = await openLab(name);
  try {
    const network = await lab.network();
    const run = (service: string) => lab.run({ name: service, network, project, service });
    const [from, to] = await Promise.all([run(client), run(server)]);
    const address = await to.ip4();
    const echo = await echoServer(to);
    const pings = await pinger(from, address, { port: echo.port, intervalMs });
    await pings.waitForReply(5000);
    return { lab, network, client: from, server: to, address, pings, close: () => lab.close() };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** An Experiment that cuts the pair's client off from its server. `duration` as in a manifest. */
export function cutOff(name: string, duration: string, { project, client, server }: PairOptions): object {
  return {
    apiVersion: 'squall/v1',
    kind: 'Experiment',
    metadata: { name },
    spec: {
      duration,
      targets: { select: { project, services: [client] }, mode: 'all' },
      faults: [{ type: 'network-block', direction: 'egress', to: [{ service: server }] }],
    },
  };
}
