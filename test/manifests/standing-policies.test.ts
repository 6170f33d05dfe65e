import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { Manifest } from '../../src/core/kinds.ts';
import { createLog } from '../../src/core/log.ts';
import { openManifests } from '../../src/manifests/source.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { until } from '../lab/until.ts';
import { KINDS, manifest, tempDirectory } from './fixtures.ts';

const validator = createValidator(KINDS);

function policy(name: string, most = 2, more = ''): string {
  return `apiVersion: squall/v1\nkind: Policy\nmetadata: { name: ${name} }\nspec:\n  maxTargets: ${most}\n${more}`;
}

async function watching(dirs: string[], lastGood: readonly Manifest<'Policy'>[] = []) {
  const options = { dirs, validator, clock: systemClock, log: createLog('silent'), lastGood };
  const source = openManifests(options);
  await source.start();
  const seen: (number | undefined)[] = [];
  const most = () => source.state().policies.get('rules')?.spec.maxTargets;
  source.onChange(() => seen.push(most()));
  return {
    source,
    /** What it said after each change. */
    seen,
    most,
    policy: () => source.state().policies.get('rules'),
    experiments: () => [...source.state().experiments.keys()],
    [Symbol.asyncDispose]: () => source.close(),
  };
}

describe('a Policy', { concurrency: 4 }, () => {
  it('stands while its directory is gone, and goes by the file again when that is back', async () => {
    using dir = tempDirectory();
    const [rules, away, chaos] = ['rules', 'away', 'chaos'].map((one) => join(dir.path, one)) as [
      string,
      string,
      string,
    ];
    for (const one of [rules, chaos]) mkdirSync(one);
    writeFileSync(join(rules, 'a.yaml'), policy('rules'));
    writeFileSync(join(rules, 'b.yaml'), manifest('exp'));
    writeFileSync(join(chaos, 'c.yaml'), manifest('other'));
    await using watched = await watching([rules, chaos]);
    renameSync(rules, away);
    await until('the experiment to be gone', () => !watched.experiments().includes('exp'));
    await watched.source.resync();
    assert.equal(watched.most(), 2);
    assert.match(watched.policy()?.stale ?? '', /rules is not there: it stands until the directory is back$/);
    assert.ok(watched.seen.every((most) => most === 2));
    writeFileSync(join(away, 'a.yaml'), policy('rules', 5));
    renameSync(away, rules);
    await until('the new version', () => watched.most() === 5);
    assert.equal(watched.policy()?.stale, undefined);
  });

  it('stands when its directory is deleted file by file, and is lifted when the directory comes back without it', async () => {
    using dir = tempDirectory();
    const rules = join(dir.path, 'rules');
    mkdirSync(rules);
    writeFileSync(join(rules, 'a.yaml'), policy('rules'));
    await using watched = await watching([rules]);
    rmSync(rules, { recursive: true });
    await until('it to be stale', () => watched.policy()?.stale !== undefined);
    await watched.source.resync();
    assert.equal(watched.most(), 2);
    mkdirSync(rules);
    await until('it to be lifted', () => watched.policy() === undefined);
  });

  it('stands from the journal where the directory is gone at the start', async () => {
    using dir = tempDirectory();
    const rules = join(dir.path, 'rules');
    const known: Manifest<'Policy'> = {
      kind: 'Policy',
      name: 'rules',
      labels: {},
      spec: { maxTargets: 2 },
      specHash: 'x',
      source: { file: join(rules, 'a.yaml'), line: 1, column: 1 },
    };
    await using watched = await watching([rules], [known]);
    assert.equal(watched.most(), 2);
  });

  it('is lifted when its file is deleted', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, policy('rules'));
    await using watched = await watching([dir.path]);
    rmSync(file);
    await until('it to be gone', () => watched.policy() === undefined);
  });

  it('that is renamed and broken at once stands as it was', async () => {
    using dir = tempDirectory();
    const [a, b] = [join(dir.path, 'a.yaml'), join(dir.path, 'b.yaml')];
    writeFileSync(a, policy('rules'));
    await using watched = await watching([dir.path]);
    rmSync(a);
    writeFileSync(b, policy('rules', 2, '  maxTarget: 3\n'));
    await until('it to be stale', () => watched.policy()?.stale !== undefined);
    await watched.source.resync();
    assert.deepEqual([watched.most(), watched.policy()?.unknown], [2, undefined]);
    assert.match(watched.policy()?.stale ?? '', /b\.yaml:.*; the last good version stands$/);
    writeFileSync(b, policy('rules', 3));
    await until('the mended one', () => watched.most() === 3);
    assert.equal(watched.policy()?.stale, undefined);
  });

  it('that is broken is not replaced by another of its name', async () => {
    using dir = tempDirectory();
    const [a, b] = [join(dir.path, 'a.yaml'), join(dir.path, 'b.yaml')];
    writeFileSync(a, policy('rules'));
    await using watched = await watching([dir.path]);
    writeFileSync(a, policy('rules', 2, '  maxTarget: 3\n'));
    await until('it to be stale', () => watched.policy()?.stale !== undefined);
    writeFileSync(b, policy('rules', 99));
    await until('both to be seen', () => watched.policy()?.conflict !== undefined);
    assert.equal(watched.most(), 2);
    rmSync(a);
    await until('the other alone', () => watched.most() === 99);
    assert.equal(watched.policy()?.conflict, undefined);
  });

  const slips: [what: string, text: string, name: string][] = [
    ['a tab', policy('rules', 2, '\tmaxPercent: 3\n'), 'rules'],
    ['no name', 'kind: Policy\nspec: {\n', 'a'],
    ['JSON', '{"kind": "Policy", "metadata": {"name": "rules"}, "spec": {"maxTargets": 2}', 'rules'],
  ];
  for (const [what, text, name] of slips)
    it(`of which nobody can tell what it wants is not taken for none: ${what}`, async () => {
      using dir = tempDirectory();
      writeFileSync(join(dir.path, 'a.yaml'), text);
      await using watched = await watching([dir.path]);
      assert.equal(watched.source.state().policies.get(name)?.unknown, true);
    });

  it('that was never right stays unknown, whatever else becomes wrong with its file', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, policy('rules', 2, '  maxTarget: 3\n'));
    await using watched = await watching([dir.path]);
    writeFileSync(file, '{');
    await until('the other problem', () => !watched.policy()?.stale?.includes('maxTarget'));
    assert.equal(watched.policy()?.unknown, true);
    assert.doesNotMatch(watched.policy()?.stale ?? '', /last good/);
  });

  it('is not made of a comment, nor of another kind that does not parse', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), `# kind: Policy\n${manifest('exp')}{`);
    await using watched = await watching([dir.path]);
    assert.equal(watched.source.state().policies.size, 0);
    assert.equal(watched.source.state().problems.length, 1);
  });
});
