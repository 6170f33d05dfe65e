/**
 * Runs test files on a Linux of their own: Debian's User-Mode Linux, a kernel that is an ordinary process, with this machine's file system
 * as its root. What is done there to clocks, modules and network namespaces is done to that kernel only, and what is written is written to
 * its memory.
 *
 * node scripts/kernel.mjs COUNTS FILE... ; COUNTS: where the numbers of tests are written (see lane-reporter.mjs).
 * node scripts/kernel.mjs --run RESULT FILE ARGUMENT... ; another program of the project. RESULT: where the file goes that it makes by
 * the name that is an argument `{}` here.
 */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { environment, main, node, root, SetupError } from './bootstrap.mjs';

const USAGE = 'usage: node scripts/kernel.mjs COUNTS FILE... | --run RESULT FILE ARGUMENT...';
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
  const dir = mkdtempSync(join(tmpdir(), 'squall-kernel-'));
  try {
    const { command, left, result } = job(dir, process.argv.slice(2));
    writeFileSync(join(dir, 'init'), initScript(dir), { mode: 0o755 });
    writeFileSync(join(dir, 'job'), jobScript(dir, command), { mode: 0o755 });
    await boot(dir);
    const missing = read(join(dir, 'missing')).trim();
    if (missing) throw new SetupError(`User-Mode Linux could not load what is needed: ${missing}`);
    const code = read(join(dir, 'code')).trim();
    if (code === '') throw new SetupError('the kernel ended before its program did');
    if (existsSync(left)) {
      mkdirSync(dirname(result), { recursive: true });
      copyFileSync(left, result);
    }
    return Number(code);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** What is run there, the file of `dir` that it leaves, and where that is to go. */
function job(dir, args) {
  const left = join(dir, 'result');
  if (args[0] === '--run' && args.length > 2) {
    const [, result, file, ...rest] = args;
    return {
      command: [node, join(root, file), ...rest.map((word) => (word === '{}' ? left : word))],
      left,
      result,
    };
  }
  const [result, ...files] = args;
  if (!result || result === '--run' || files.length === 0) throw new SetupError(USAGE);
  return { command: testCommand(left, files), left, result };
}

function testCommand(counts, files) {
  return [
    node,
    '--test',
    '--test-concurrency=1',
    '--test-timeout=120000',
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    `--test-reporter=${join(root, 'scripts', 'lane-reporter.mjs')}`,
    `--test-reporter-destination=${counts}`,
    ...files.map((file) => join(root, file)),
  ];
}

/** What the kernel has left in a file; empty where there is none. */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/**
 * The first process of that kernel. The machine's files are below, read only, and memory is above: nothing is left behind. This script
 * and the next hold this file's own paths, names of the project's files and the arguments of who started it: no one else's words.
 */
function initScript(dir) {
  const [version] = readdirSync(MODULES);
  mkdirSync(join(dir, 'lib', 'modules'), { recursive: true });
  symlinkSync(join(MODULES, version), join(dir, 'lib', 'modules', version));
  return `#!/bin/sh
export PATH=${quote(environment().PATH)}
mount -t proc proc /proc
modprobe -d ${quote(dir)} overlay
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mkdir /mnt/root/old
cd /mnt/root
pivot_root . old
exec chroot . ${quote(join(dir, 'job'))}
`;
}

/**
 * What it goes on as; `dir` alone is the machine's. The kernel loads the modules that it finds missing by the modprobe in /run/bin. Not
 * those of nf_tables: Debian builds it there without any address family, so that it could be read and not written.
 */
function jobScript(dir, command) {
  const missing = quote(join(dir, 'missing'));
  return `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t hostfs -o ${quote(dir)} none ${quote(dir)}
umount -l /old
mkdir /run/tmp /run/bin
cat > /run/bin/modprobe <<'END'
#!/bin/sh
case "$*" in *nfnetlink* | *net-pf-16-proto-12* | *nf_tables* | *nf_conntrack_netlink*) exit 1 ;; esac
exec /sbin/modprobe -d ${quote(dir)} "$@"
END
chmod 755 /run/bin/modprobe
echo /run/bin/modprobe > /proc/sys/kernel/modprobe
echo ${SOCKET_BUFFER} > /proc/sys/net/core/rmem_max
export PATH=/run/bin:"$PATH" HOME=/root CI=${process.env.CI ? 'true' : ''} NODE_NO_WARNINGS=1 TMPDIR=/run/tmp
export NODE_COMPILE_CACHE=/run/compiled # node is slow to start here: half of it is the compiler
ip link set lo up
${NEEDED.map((module) => `modprobe ${module} || echo '${module}' >> ${missing}`).join('\n')}
if [ ! -e ${missing} ]; then
  cd ${quote(root)}
  ${command.map(quote).join(' ')}
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
function boot(dir) {
  const args = [
    'mem=2G', // taken from a file in /tmp as it is used
    `uml_dir=${dir}/`,
    'rootfstype=hostfs',
    'rootflags=/',
    'ro',
    'quiet',
    'con=null',
    'con0=null,fd:1',
    `init=${join(dir, 'init')}`,
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
