import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSite, type Site } from '../lab/daemon.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';

describe('a daemon on a host that can do more later', () => {
  let lab: Lab;
  let site: Site;
  before(async () => {
    lab = await openLab('later');
    site = openSite('later');
  });
  after(async () => {
    await site.close();
    await lab.close();
  });

  /** A folder for the front of PATH, with a tc that knows no tbf until the file `there` is in it. */
  function withoutTbf(): { folder: string; there: string } {
    const folder = join(site.dir, 'bin');
    const there = join(folder, 'there');
    mkdirSync(folder);
    const tc = spawnSync('which', ['tc'], { encoding: 'utf8' }).stdout.trim();
    writeFileSync(
      join(folder, 'tc'),
      `#!/bin/sh
[ -e ${there} ] && exec ${tc} "$@"
lines=$(cat)
case "$lines" in *tbf*) echo 'Error: Specified qdisc kind is unknown.' >&2; exit 1;; esac
echo "$lines" | ${tc} "$@"
`,
    );
    chmodSync(join(folder, 'tc'), 0o755);
    return { folder, there };
  }

  it('refuses what it lacks, with what to do, and starts it by itself once it is there', async () => {
    const network = await lab.network();
    const [target, peer] = [await lab.run({ network }), await lab.run({ network })];
    const { folder, there } = withoutTbf();
    await site.start({ resync: 500, env: { PATH: `${folder}:${process.env.PATH}` } });
    const slow = { type: 'network-bandwidth', to: [{ container: peer.name }], rate: '1mbit' };
    site.write('slow.yaml', experiment('slow', target, [slow]));
    const denied = await site.phase('slow', 'Denied');
    assert.match(denied.message, /no tbf/);
    assert.match(denied.message, /modprobe sch_tbf/);
    writeFileSync(there, '');
    await site.phase('slow', 'Running');
  });
});
