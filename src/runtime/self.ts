import { readFileSync } from 'node:fs';

const CONTAINER_ID = /\b[0-9a-f]{64}\b/g;

/**
 * Ids of the container this process runs in, as far as /proc shows them (proc_pid_cgroup(5); the engine mounts /etc/hostname from
 * a directory named for the container). Empty on the host. More than the one id does no harm: what is listed is never a target.
 */
export function ownContainerIds(proc = '/proc'): Set<string> {
  const found = new Set<string>();
  for (const file of ['self/cgroup', 'self/mountinfo']) {
    for (const line of read(`${proc}/${file}`).split('\n')) {
      if (file === 'self/mountinfo' && !line.includes(' /etc/hostname ')) continue;
      for (const [id] of line.matchAll(CONTAINER_ID)) found.add(id);
    }
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
