import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ownContainerIds } from '../../src/runtime/self.ts';

const ID = 'c0ffee'.repeat(11).slice(0, 64);
const OTHER = 'deadbe'.repeat(11).slice(0, 64);

/** A made-up /proc with these files of this process. */
function proc(files: Record<string, string>): { dir: string } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'squall-proc-'));
  mkdirSync(join(dir, 'self'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, 'self', name), text);
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true }) };
}

const HOSTNAME = (id: string) =>
  `612 595 254:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n`;

describe('the container that Squall runs in', () => {
  for (const [what, files] of [
    ['cgroup v1', { cgroup: `12:pids:/docker/${ID}\n1:name=systemd:/docker/${ID}\n` }],
    ['cgroup v2, systemd driver', { cgroup: `0::/system.slice/docker-${ID}.scope\n` }],
    ['cgroup v2, a namespace of its own', { cgroup: '0::/\n', mountinfo: HOSTNAME(ID) }],
  ] as const)
    it(`is known by its id: ${what}`, () => {
      using fake = proc(files);
      assert.deepEqual([...ownContainerIds(fake.dir)], [ID]);
    });

  it('is none on the host, whatever containers are mounted there', () => {
    const mounts = `700 29 0:61 / /var/lib/docker/overlay2/${OTHER}/merged rw - overlay overlay rw\n`;
    using fake = proc({ cgroup: '0::/user.slice/session-1.scope\n', mountinfo: mounts });
    assert.deepEqual([...ownContainerIds(fake.dir)], []);
  });

  it('is none where /proc does not tell', () => {
    using fake = proc({});
    assert.deepEqual([...ownContainerIds(fake.dir)], []);
  });
});
