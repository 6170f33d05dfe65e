import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import Docker from 'dockerode';
import { until } from './until.ts';

const DIR = '/run/engine';
const LOG = join(DIR, 'log');
/** The engine's usual socket: labs and daemons find it by themselves. */
const SOCKET = '/var/run/docker.sock';
const STARTS_WITHIN = 60_000;

/**
 * Starts a Docker engine on the kernel that kernel tests run on, where none runs yet: test files share it, and it ends with that
 * kernel. Takes some 5 s, and each container some 8 s more. Throws on any other kernel: a machine's own engine is not a test's to start.
 * It keeps to the containers' namespaces and makes no rules of its own in the root namespace, which would cost 10 s: published ports
 * and masquerading are not there. Containers, their names (127.0.0.11), IPv6, several networks and exec are.
 */
export async function startKernelEngine(): Promise<Docker> {
  if (!/User Mode Linux/.test(readFileSync('/proc/cpuinfo', 'utf8')))
    throw new Error('an engine is started on User-Mode Linux only: name the file *.kernel.test.ts');
  const docker = new Docker({ socketPath: SOCKET });
  const answers = () =>
    docker.ping().then(
      () => true,
      () => false,
    );
  if (await answers()) return docker;
  launch();
  await until('the engine to answer', answers, STARTS_WITHIN, 50).catch((error: unknown) => {
    throw new Error(`${error}: ${readFileSync(LOG, 'utf8').slice(-2000)}`);
  });
  return docker;
}

function launch(): void {
  mkdirSync(DIR);
  const settings = join(DIR, 'daemon.json'); // not those of the machine's own engine
  writeFileSync(settings, '{}');
  const log = openSync(LOG, 'a');
  const args = [
    ...['--config-file', settings, '--data-root', join(DIR, 'data'), '--exec-root', join(DIR, 'exec')],
    ...['--pidfile', join(DIR, 'pid'), '--host', `unix://${SOCKET}`, '--iptables=false', '--ip6tables=false'],
  ];
  const path = [legacyTables(), process.env.PATH].join(delimiter);
  const engine = spawn('dockerd', args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: path },
  });
  engine.unref();
}

/** A folder in which iptables is the legacy one: that kernel has no nf_tables. The engine sets up its containers' DNS with it. */
function legacyTables(): string {
  const folder = join(DIR, 'bin');
  mkdirSync(folder);
  for (const name of ['iptables', 'ip6tables'])
    for (const suffix of ['', '-save', '-restore'])
      symlinkSync('/usr/sbin/xtables-legacy-multi', join(folder, `${name}${suffix}`));
  return folder;
}
