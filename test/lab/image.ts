import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { exec } from '../../src/runtime/exec.ts';

/** What every lab container runs: one static busybox and links to it. */
export const LAB_IMAGE = 'squall-lab/box:1';

const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox', '/sbin/busybox', '/usr/sbin/busybox'];

/** Makes the image from this machine's static busybox where the engine has none. No registry is asked. */
export async function ensureImage(docker: Docker, image = LAB_IMAGE): Promise<void> {
  const known = await docker
    .getImage(image)
    .inspect()
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode === 404) return undefined;
      throw error;
    });
  if (known) return;
  const folder = await mkdtemp(join(tmpdir(), 'squall-lab-image-'));
  try {
    await importFolder(docker, await fillFolder(folder), join(folder, 'box.tar'), image);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fillFolder(folder: string): Promise<string> {
  const root = join(folder, 'root');
  const bin = join(root, 'bin');
  await Promise.all(
    ['bin', 'etc', 'tmp', 'root'].map((name) => mkdir(join(root, name), { recursive: true })),
  );
  const busybox = await findBusybox();
  await copyFile(busybox, join(bin, 'busybox'));
  const { stdout } = await exec(busybox, ['--list']);
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  await Promise.all(applets.map((name) => symlink('busybox', join(bin, name))));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\n');
  return root;
}

async function findBusybox(): Promise<string> {
  for (const path of BUSYBOX) {
    const content = await readFile(path).catch(() => undefined);
    // A dynamically linked one names its loader, and would find no libraries inside the container.
    if (content && !content.includes('/ld-linux') && !content.includes('/ld-musl')) return path;
  }
  throw new Error('the lab needs a static busybox: apt-get install busybox-static');
}

async function importFolder(docker: Docker, root: string, tar: string, image: string): Promise<void> {
  const packed = await exec('tar', ['--create', '--owner=0', '--group=0', '-C', root, '-f', tar, '.']);
  if (packed.code !== 0) throw new Error(`tar: ${packed.stderr}`);
  const [repo, tag] = image.split(':');
  const reply = await docker.importImage(tar, { repo, tag, changes: 'CMD ["sleep", "1000000"]' });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(reply, (error) => (error ? reject(error) : resolve()));
  });
}

// Run as a program (before test files start side by side) it only makes the image.
if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureImage(new Docker());
