/**
 * Runs test files on a Linux of their own: Debian's User-Mode Linux, a kernel that is an ordinary process, with this machine's file system
 * as its root. What is done there to clocks, modules and network namespaces is done to that kernel only.
 *
 * node scripts/kernel.mjs COUNTS FILE... ; COUNTS: where the numbers of tests are written (see lane-reporter.mjs).
 */
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setPriority } from 'node:os';
import { basename, join } from 'node:path';
import { environment, main, node, root, SetupError } from './bootstrap.mjs';

const MODULES = '/usr/lib/uml/modules';
/** What the tests need and Debian builds as modules, each with its parameters. */
const NEEDED = [
  'xt_time',
  'xt_comment',
  'xt_multiport',
  'xt_statistic',
  'ipt_REJECT',
  'iptable_filter',
  'ip6table_filter',
  'ipv6',
  'veth',
  'bridge',
  'ifb numifbs=0', // by itself it would put two devices into the root namespace
  'sch_ingress',
  'sch_netem',
  'sch_tbf',
  'sch_htb',
  'cls_bpf',
  'act_mirred',
];
/** Bytes a socket may ask for: a test that looks away for a moment must not lose what it counts. */
const SOCKET_BUFFER = 16 * 1024 * 1024;

main(async () => {
  const [counts, ...files] = process.argv.slice(2);
  if (!counts || files.length === 0) throw new SetupError('usage: node scripts/kernel.mjs COUNTS FILE...');
  const cache = join(root, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'kernel-'));
  try {
    const init = join(dir, 'init');
    writeFileSync(init, initScript(dir, counts, files), { mode: 0o755 });
    await boot(init);
    const missing = read(join(dir, 'missing')).trim();
    if (missing) throw new SetupError(`User-Mode Linux could not load what the tests need: ${missing}`);
    const code = Number(read(join(dir, 'code')) || 1);
    if (Number.isNaN(code)) throw new SetupError('the kernel ended before its tests did');
    return code;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** What the kernel has left in a file; empty where there is none. */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The first process of that kernel. Its arguments are this file's own paths and names of test files: no one else's words. */
function initScript(dir, counts, files) {
  const [version] = readdirSync(MODULES);
  mkdirSync(join(dir, 'lib', 'modules'), { recursive: true });
  symlinkSync(join(MODULES, version), join(dir, 'lib', 'modules', version));
  const reporters = [
    ['--test-reporter=spec', '--test-reporter-destination=stdout'],
    [
      `--test-reporter=${join(root, 'scripts', 'lane-reporter.mjs')}`,
      `--test-reporter-destination=${counts}`,
    ],
  ].flat();
  const test = [
    node,
    '--test',
    '--test-concurrency=1',
    '--test-timeout=120000',
    ...reporters,
    ...files.map((file) => join(root, file)),
  ];
  return `#!/bin/sh
export PATH=${quote(environment().PATH)} HOME=/root CI=${process.env.CI ? 'true' : ''} NODE_NO_WARNINGS=1 TMPDIR=/run/tmp
export NODE_COMPILE_CACHE=/run/compiled # node is slow to start here: half of it is the compiler
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mkdir /run/tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
echo ${SOCKET_BUFFER} > /proc/sys/net/core/rmem_max
cd ${quote(root)}
${NEEDED.map((module) => `modprobe -d ${quote(dir)} ${module} || echo '${module}' >> ${quote(join(dir, 'missing'))}`).join('\n')}
if [ ! -e ${quote(join(dir, 'missing'))} ]; then
  ${test.map(quote).join(' ')}
  echo $? > ${quote(join(dir, 'code'))}
fi
sync
echo o > /proc/sysrq-trigger
sleep 10
`;
}

function quote(word) {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Boots it and waits until it has powered off. It and its children are one process group, and end with us. */
function boot(init) {
  const args = [
    'mem=1G',
    'rootfstype=hostfs',
    'rootflags=/',
    'rw',
    'quiet',
    'con=null',
    'con0=null,fd:1',
    `init=${init}`,
  ];
  return new Promise((resolve, reject) => {
    const kernel = spawn('linux.uml', args, {
      stdio: ['ignore', 'inherit', 'ignore'],
      detached: true,
      env: environment({ TMPDIR: '/tmp' }),
    });
    prefer(kernel.pid);
    const end = () => {
      try {
        process.kill(-kernel.pid, 'SIGKILL');
      } catch {
        // it has ended
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end);
    process.once('exit', end);
    kernel.once('error', ({ code }) =>
      reject(new SetupError(`${basename('linux.uml')} cannot be started: ${code}`)),
    );
    kernel.once('exit', () => resolve());
  });
}

/** Its tests measure milliseconds: on a busy machine they would measure the others. Where it is not allowed they are as exact as they can be. */
function prefer(pid) {
  try {
    setPriority(pid, -15);
    writeFileSync(`/proc/${pid}/autogroup`, '-15'); // sched(7): where sessions are weighed, the nice value counts inside one only
  } catch {
    // not root, no such kernel feature, or it could not be started
  }
}
