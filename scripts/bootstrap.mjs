/**
 * Makes a machine that has only Node 20 and npm ready for the project's own commands: node_modules, the Node that they run on,
 * a Docker engine and the programs that engine tests call. Plain JavaScript without dependencies: it runs before there are any.
 * What is done is said on stderr.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const BIN = join(root, 'node_modules', '.bin');
const SYSTEM_BINS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];

/** Programs that a session on a Docker host calls, and the Debian package of each. */
const PROGRAMS = {
  iptables: 'iptables',
  nsenter: 'util-linux',
  ip: 'iproute2',
  git: 'git',
  'ssh-keygen': 'openssh-client',
};
/** What unit tests start, too. Shells that completion is made for are tested where they are; in CI they are wanted. */
const TOOLS = { git: 'git', 'ssh-keygen': 'openssh-client', openssl: 'openssl' };
const SHELLS = { zsh: 'zsh', fish: 'fish' };
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox', '/usr/sbin/busybox'];

/** The environment for what is started: the project's own programs (Node 24 among them) first, system programs last. */
export function environment(more = {}) {
  const path = [BIN, ...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_BINS];
  return { ...process.env, ...more, PATH: [...new Set(path)].join(delimiter) };
}

/** The Node that the project runs on; there once `ensureModules` has returned. */
export const node = join(BIN, 'node');

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** A problem that the person at the terminal has to solve: shown without a stack. */
export class SetupError extends Error {}

/** `npm ci` where node_modules is missing, was left half done, or is older than the lock file. */
export function ensureModules() {
  const done = join(root, 'node_modules', '.package-lock.json');
  const fresh =
    existsSync(done) && statSync(done).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
  if (fresh && existsSync(node)) return;
  say('setup: installing the packages of package-lock.json (npm ci)');
  const npm = process.env.npm_execpath;
  const [program, ...args] = npm?.endsWith('.js') ? [process.execPath, npm, 'ci'] : ['npm', 'ci'];
  run(program, [...args, '--no-audit', '--no-fund', '--loglevel=error']);
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout?.trim();
  if (!/^v(2[4-9]|[3-9]\d)\./.test(version ?? ''))
    throw new SetupError(
      `node_modules/.bin/node is ${version || 'missing'}, not Node 24 or newer: remove node_modules and try again`,
    );
}

function run(program, args, env = {}) {
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    env: environment(env),
    stdio: ['ignore', 2, 2], // stdout is for data
  });
  if (error || status !== 0)
    throw new SetupError(
      `${program} ${args.join(' ')} failed${error ? `: ${error.message}` : ` (exit code ${status})`}`,
    );
}

/**
 * Makes sure that an engine answers and that the programs are there. On Debian as root what is missing is installed and
 * dockerd started; elsewhere throws a SetupError that says what to install. `stop` ends the engine if, and only if, this call started it.
 */
export async function ensureEngine() {
  const answer = await askEngine();
  if (answer.problem === 'EACCES')
    throw new SetupError(
      `setup: ${answer.address} may not be opened by this user. Run as root (sudo), which entering network namespaces needs anyway`,
    );
  const packages = missingPackages(answer.ok);
  if (answer.ok && packages.length === 0) return { stop: async () => {} };

  const remote = !answer.ok && process.env.DOCKER_HOST;
  if (remote)
    throw new SetupError(
      `setup: the Docker engine at DOCKER_HOST=${remote} does not answer (${answer.problem})`,
    );
  install(packages, answer);
  // A package's own scripts may have started a service: give it a moment before starting a second engine.
  if (answer.ok || (await engineWithin(existsSync('/run/systemd/system') ? 20 : 1)))
    return { stop: async () => {} };
  return startEngine();
}

/** Makes sure that the programs are there which unit tests start; otherwise as `ensureKernel`. */
export function ensureTools() {
  const wanted = Object.entries({ ...TOOLS, ...(process.env.CI ? SHELLS : {}) });
  install(
    wanted.filter(([program]) => !onPath(program)).map(([, name]) => name),
    { ok: true },
  );
}

/**
 * Makes sure that User-Mode Linux is there: installed on Debian as root, elsewhere a SetupError says what is missing. The machine's own
 * programs run in it too, so those of an engine session are needed as well.
 */
export function ensureKernel() {
  const wanted = { 'linux.uml': 'user-mode-linux', modprobe: 'kmod', dockerd: 'docker.io', ...PROGRAMS };
  const packages = Object.entries(wanted)
    .filter(([program]) => !onPath(program))
    .map(([, name]) => name);
  if (!BUSYBOX.some(isStatic)) packages.push('busybox-static');
  install([...new Set(packages)], { ok: true });
}

function install(packages, answer) {
  if (packages.length === 0 && answer.ok) return;
  const missing = [
    ...(answer.ok ? [] : ['a running Docker engine']),
    ...packages.map((name) => `the package ${name}`),
  ];
  const debian = existsSync('/etc/debian_version') && onPath('apt-get');
  if (!debian || process.getuid?.() !== 0) {
    const all = `${Object.keys(PROGRAMS).join(', ')} and a static busybox`;
    const get = debian
      ? `apt-get install --no-install-recommends ${packages.join(' ')}`
      : `install Docker Engine 20.10 or newer, ${all}`;
    const how = `As root: ${packages.length > 0 ? get : 'systemctl start docker'}`;
    throw new SetupError(`setup: missing: ${missing.join(', ')}.\n${how}`);
  }
  if (packages.length === 0) return;
  say(`setup: missing: ${missing.join(', ')}. Installing from Debian: ${packages.join(' ')}`);
  // Without systemd, runlevel 1 keeps the package's script from starting a service that nobody would stop.
  const env = {
    DEBIAN_FRONTEND: 'noninteractive',
    ...(existsSync('/run/systemd/system') ? {} : { RUNLEVEL: '1' }),
  };
  run('apt-get', ['update', '-qq'], env);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], env);
}

function missingPackages(engineAnswers) {
  const packages = Object.entries(PROGRAMS)
    .filter(([program]) => !onPath(program))
    .map(([, name]) => name);
  if (!engineAnswers && !onPath('dockerd')) packages.unshift('docker.io'); // a client alone is no engine
  if (!BUSYBOX.some(isStatic)) packages.push('busybox-static');
  return packages;
}

/** A program that names no loader needs no libraries: it runs in an empty container. */
function isStatic(path) {
  if (!existsSync(path)) return false;
  const content = readFileSync(path);
  return !content.includes('/ld-linux') && !content.includes('/ld-musl');
}

function onPath(program) {
  return environment()
    .PATH.split(delimiter)
    .some((folder) => existsSync(join(folder, program)));
}

async function startEngine() {
  const log = join(tmpdir(), `squall-dockerd-${process.pid}.log`);
  say(`setup: starting dockerd (its log: ${log})`);
  const file = openSync(log, 'w');
  // In a session of its own: Ctrl-C ends the tests first, and the engine after they have cleaned up.
  const engine = spawn('dockerd', [], { detached: true, stdio: ['ignore', file, file], env: environment() });
  let ended;
  const exited = new Promise((resolve) => {
    engine.once('error', (error) => resolve(error.message));
    engine.once('exit', (code, signal) => resolve(`exit ${code ?? signal}`));
  }).then((how) => {
    ended = how;
  });
  engine.unref();
  for (const start = Date.now(); !(await askEngine()).ok; await sleep(100)) {
    if (!ended && Date.now() - start < 60_000) continue;
    if (!ended) await stopEngine(engine, exited);
    const tail = readFileSync(log, 'utf8').split('\n').slice(-15).join('\n');
    throw new SetupError(`setup: dockerd does not answer (${ended}). The end of its log:\n${tail}`);
  }
  return {
    stop: async () => {
      if (ended) return;
      say('setup: stopping the dockerd that was started');
      await stopEngine(engine, exited);
    },
  };
}

async function stopEngine(engine, exited) {
  engine.ref();
  engine.kill('SIGTERM');
  const limit = setTimeout(() => engine.kill('SIGKILL'), 30_000);
  await exited;
  clearTimeout(limit);
}

async function engineWithin(seconds) {
  for (let tries = seconds * 10; tries > 0; tries--) {
    if ((await askEngine()).ok) return true;
    await sleep(100);
  }
  return false;
}

/** GET /_ping where DOCKER_HOST says, or on the usual socket. */
export function askEngine() {
  const address = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const url = new URL(address.replace(/^tcp:/, process.env.DOCKER_TLS_VERIFY ? 'https:' : 'http:'));
  // ssh and TLS take the client's own settings: whoever set them knows that there is an engine.
  if (url.protocol !== 'unix:' && url.protocol !== 'http:') return Promise.resolve({ ok: true, address });
  const where =
    url.protocol === 'unix:' ? { socketPath: url.pathname } : { host: url.hostname, port: url.port || 2375 };
  return new Promise((resolve) => {
    const ask = request({ ...where, path: '/_ping', timeout: 2000 }, (reply) => {
      reply.resume();
      reply.once('end', () =>
        resolve({ ok: reply.statusCode === 200, address, problem: `HTTP ${reply.statusCode}` }),
      );
    });
    ask.once('timeout', () => ask.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    ask.once('error', (error) => resolve({ ok: false, address, problem: error.code ?? error.message }));
    ask.end();
  });
}

/** Runs a script's main function: its number is the exit code, and a SetupError is shown without a stack. */
export async function main(fn) {
  try {
    process.exitCode = await fn();
  } catch (error) {
    say(error instanceof SetupError ? error.message : error.stack);
    process.exitCode = 1;
  }
}
