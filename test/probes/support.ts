import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { hash } from '../../src/core/canonical.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { ProbeSpec } from '../../src/core/kinds.ts';
import { LABEL_EXEC, LABEL_ONE_OFF, LABEL_PROJECT, LABEL_SERVICE } from '../../src/core/marks.ts';
import type { Container } from '../../src/core/types.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { attemptProbe } from '../../src/probes/attempt.ts';
import { probeKind } from '../../src/probes/index.ts';
import type { ProbeContext, ProbeResult } from '../../src/probes/probe.ts';
import { probeProblems, probeSchema } from '../../src/probes/schema.ts';
import { exec } from '../../src/runtime/exec.ts';

/** A server on loopback that a test closes. */
export interface TestServer {
  readonly port: number;
  /** Connections that it took. */
  connections(): number;
  /** Connections that are open. */
  open(): number;
  close(): Promise<void>;
}

async function listen(server: Server): Promise<TestServer> {
  const open = new Set<Socket>();
  let count = 0;
  server.on('connection', (socket) => {
    count++;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => count,
    open: () => open.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

export function tcpServer(onConnection: (socket: Socket) => void): Promise<TestServer> {
  return listen(createServer(onConnection));
}

export function httpServer(answer: RequestListener): Promise<TestServer> {
  return listen(createHttp(answer));
}

export function httpsServer(certificate: Certificate, answer: RequestListener): Promise<TestServer> {
  return listen(createHttps({ key: certificate.key, cert: certificate.cert }, answer));
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await tcpServer(() => {});
  await server.close();
  return server.port;
}

export interface Certificate {
  key: Buffer;
  cert: Buffer;
  /** The certificate again, as a file. */
  file: string;
  remove(): void;
}

/** A self-signed certificate for the name (a DNS name), made by openssl. */
export async function certificateFor(name: string): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'squall-probe-tls-'));
  const [key, file] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = await exec('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-keyout', key, '-out', file, '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`],
  ]);
  if (made.code !== 0) throw new Error(`openssl: ${made.stderr}`);
  return {
    key: readFileSync(key),
    cert: readFileSync(file),
    file,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A context without containers, whose engine runs nothing. */
export function contextOf(change: Partial<ProbeContext> = {}): ProbeContext {
  return {
    clock: systemClock,
    containers: () => [],
    exec: () => Promise.reject(new Error('no engine here')),
    ...change,
  };
}

/** One try, after the manifest's checks. */
export async function probe(spec: ProbeSpec, change: Partial<ProbeContext> = {}): Promise<ProbeResult> {
  const problems = wrong(spec);
  if (problems.length > 0) throw new Error(`not a valid probe: ${problems.join('; ')}`);
  return attemptProbe(spec, contextOf(change));
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
for (const [name, { test }] of Object.entries(FORMATS))
  ajv.addFormat(name, { type: 'string', validate: test });

/** What is wrong with a probe, by schema (as manifests are validated) and by the kind's own word. */
export function wrong(spec: ProbeSpec): string[] {
  const kind = probeKind(spec.type);
  const check = ajv.compile(probeSchema(kind));
  if (check(spec)) return probeProblems(kind, spec);
  return (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

interface ContainerWords extends Partial<Container> {
  project?: string;
  service?: string;
  oneOff?: boolean;
}

/** A running container as the inventory has it. */
export function container(name: string, words: ContainerWords = {}): Container {
  const { project, service, oneOff, labels, ...change } = words;
  return {
    id: hash(name),
    name,
    image: 'box:1',
    labels: {
      [LABEL_EXEC]: 'true',
      ...(project ? { [LABEL_PROJECT]: project } : {}),
      ...(service ? { [LABEL_SERVICE]: service } : {}),
      ...(oneOff ? { [LABEL_ONE_OFF]: 'True' } : {}),
      ...labels,
    },
    state: 'running',
    health: 'none',
    pid: 4242,
    startedAt: '2030-01-01T00:00:00.000000001Z',
    attachments: [],
    networkMode: 'bridge',
    autoRemove: false,
    restartPolicy: 'no',
    resolvConfPath: '',
    hostsPath: '',
    ...change,
  };
}

/** A clock for tries, so that a test ends them when it wants to. */
export function contextAt(clock: Clock, change: Partial<ProbeContext> = {}): ProbeContext {
  return contextOf({ clock, ...change });
}
