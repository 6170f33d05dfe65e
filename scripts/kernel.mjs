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
import { basename, join } from 'node:path';
import { environment, main, node, root, SetupError } from './bootstrap.mjs';

const MODULES = '/usr/lib/uml/modules';
/** What the tests need and Debian builds as modules. */
const NEEDED = [
  'xt_time',
  'xt_comment',
  'xt_multiport',
  'xt_statistic',
  'ipt_REJECT',
  'iptable_filter',
  'ip6table_filter',
  'veth',
];

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
    const code = existsSync(join(dir, 'code')) ? Number(readFileSync(join(dir, 'code'), 'utf8')) : 1;
    if (Number.isNaN(code)) throw new SetupError('the kernel ended before its tests did');
    return code;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

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
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mkdir /run/tmp
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
for module in ${NEEDED.join(' ')}; do modprobe -d ${quote(dir)} "$module" || echo "no module $module"; done
cd ${quote(root)}
${test.map(quote).join(' ')}
echo $? > ${quote(join(dir, 'code'))}
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
