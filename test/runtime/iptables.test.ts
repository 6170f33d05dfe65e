import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Installed, installed, preferred, type Tables } from '../../src/runtime/iptables.ts';
import { parseSave } from '../../src/runtime/iptables-save.ts';

const BOTH: Installed = { nft: { save: 'ns', restore: 'nr' }, legacy: { save: 'ls', restore: 'lr' } };
const DNS = parseSave('*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT\nCOMMIT\n');
const RULES = parseSave('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n');
const EMPTY = parseSave('*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n');

function held(nft: Tables['tables'], legacy: Tables['tables']): Tables[] {
  return [
    { backend: 'nft', tables: nft },
    { backend: 'legacy', tables: legacy },
  ];
}

describe('preferred', () => {
  it("follows Docker's DNS rules above all", () => {
    assert.equal(preferred(BOTH, held(RULES, DNS)), 'legacy');
    assert.equal(preferred(BOTH, held(DNS, RULES)), 'nft');
  });

  it('follows rules that are there', () => {
    assert.equal(preferred(BOTH, held(EMPTY, RULES)), 'legacy');
    assert.equal(preferred(BOTH, held(RULES, EMPTY)), 'nft');
  });

  it('takes nft where there are none, else what is installed', () => {
    assert.equal(preferred(BOTH, held(EMPTY, EMPTY)), 'nft');
    assert.equal(preferred({ legacy: { save: 'ls', restore: 'lr' } }, []), 'legacy');
    assert.equal(preferred(BOTH, []), 'legacy', 'nft is installed, but the kernel lacks it');
    assert.equal(preferred({}, []), undefined);
  });
});

describe('installed', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'squall-iptables-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function program(name: string, says = ''): Promise<void> {
    await writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\n`);
    await chmod(join(folder, name), 0o755);
  }

  it('finds nothing in an empty folder, and looks again later', async () => {
    assert.deepEqual(await installed(4, [folder]), {});
    await program('iptables', 'iptables v1.8.9 (nf_tables)');
    await program('iptables-save');
    await program('iptables-restore');
    assert.deepEqual(await installed(4, [folder]), {
      nft: { save: join(folder, 'iptables-save'), restore: join(folder, 'iptables-restore') },
    });
  });

  it('asks a plain program of the older kind, which does not say its name', async () => {
    await program('ip6tables', 'ip6tables v1.6.1');
    await program('ip6tables-save');
    await program('ip6tables-restore');
    assert.deepEqual(Object.keys(await installed(6, [folder])), ['legacy']);
  });

  it('tells the back ends by their names where it can', async () => {
    const named = await mkdtemp(join(tmpdir(), 'squall-iptables-'));
    for (const backend of ['nft', 'legacy']) {
      for (const verb of ['save', 'restore']) {
        await writeFile(join(named, `iptables-${backend}-${verb}`), '', { mode: 0o755 });
      }
    }
    assert.deepEqual(Object.keys(await installed(4, [named])), ['nft', 'legacy']);
    await rm(named, { recursive: true });
  });
});
