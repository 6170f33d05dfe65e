import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { createLog } from '../../src/core/log.ts';
import type { Declared } from '../../src/core/types.ts';
import type { DesiredState } from '../../src/manifests/desired.ts';
import { MAX_FILE_BYTES } from '../../src/manifests/parse.ts';
import { formatProblem } from '../../src/manifests/problem.ts';
import { type ManifestChange, openManifests } from '../../src/manifests/source.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS, manifest, tempDirectory } from './fixtures.ts';

const validator = createValidator(KINDS);

interface Watched {
  source: ReturnType<typeof openManifests>;
  changes: ManifestChange[];
  /** Every state there was, the first included. */
  states: DesiredState[];
  names(): string[];
  duration(name: string): string | undefined;
  problems(): string[];
  until(what: string, holds: () => boolean): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function watching(dirs: string | string[], lastGood: readonly Declared[] = []): Promise<Watched> {
  const source = openManifests({
    dirs: [dirs].flat(),
    validator,
    clock: systemClock,
    log: createLog('silent'),
    lastGood,
  });
  const [changes, states]: [ManifestChange[], DesiredState[]] = [[], []];
  await source.start();
  states.push(source.state());
  source.onChange((change) => {
    changes.push(change);
    states.push(source.state());
  });
  return {
    source,
    changes,
    states,
    names: () => [...source.state().experiments.keys()],
    duration: (name) => source.state().experiments.get(name)?.spec.duration,
    problems: () => source.state().problems.map(formatProblem),
    until: async (what, holds) => {
      const end = Date.now() + 4_000;
      while (!holds()) {
        assert.ok(
          Date.now() < end,
          `not in time: ${what}; ${JSON.stringify([...source.state().experiments], null, 1)}`,
        );
        await sleep(2);
      }
    },
    [Symbol.asyncDispose]: () => source.close(),
  };
}

/** Long enough for a removal to have settled, and for a wrong one to show. */
const settled = () => sleep(120);
const always = (watched: Watched, name: string) =>
  watched.states.every(({ experiments }) => experiments.has(name));

describe('watching manifests', { concurrency: 8 }, () => {
  it('reads every manifest of every directory at the start, in folders too, but not in hidden ones', async () => {
    using dir = tempDirectory();
    for (const folder of ['one/deep', 'one/.git', 'one/node_modules', 'one/..data', 'two'])
      mkdirSync(join(dir.path, folder), { recursive: true });
    const files = {
      'one/a.yaml': 'a',
      'one/deep/b.yml': 'b',
      'two/c.json': 'c',
      'one/.git/d.yaml': 'd',
      'one/node_modules/e.yaml': 'e',
      'one/.f.yaml': 'f',
      'one/..data/h.yaml': 'h',
      'one/g.txt': 'g',
    };
    for (const [file, name] of Object.entries(files)) writeFileSync(join(dir.path, file), manifest(name));
    await using watched = await watching([join(dir.path, 'one'), join(dir.path, 'two')]);
    assert.deepEqual(watched.names(), ['a', 'b', 'c']);
    assert.deepEqual(watched.problems(), []);
  });

  it('sees a new file and an edit, and tells when the event was seen', async () => {
    using dir = tempDirectory();
    await using watched = await watching(dir.path);
    const before = Date.now();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await watched.until('a is there', () => watched.names().includes('a'));
    const [change] = watched.changes;
    assert.deepEqual([...(change?.ids ?? [])], ['Experiment/a']);
    assert.ok(change !== undefined && change.at >= before && change.at <= Date.now());
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
    await watched.until('a is edited', () => watched.duration('a') === '90s');
    assert.ok(always({ ...watched, states: watched.states.slice(1) }, 'a'));
  });

  it('sees a file in a new folder', async () => {
    using dir = tempDirectory();
    await using watched = await watching(dir.path);
    mkdirSync(join(dir.path, 'new/deep'), { recursive: true });
    writeFileSync(join(dir.path, 'new/deep/a.yaml'), manifest('a'));
    await watched.until('a is there', () => watched.names().includes('a'));
    writeFileSync(join(dir.path, 'new/deep/a.yaml'), manifest('a', '90s'));
    await watched.until('a is edited', () => watched.duration('a') === '90s');
  });

  it('never takes half of a file that is being written, though the half is valid, and wider', async () => {
    using dir = tempDirectory();
    await using watched = await watching(dir.path);
    const file = join(dir.path, 'a.yaml');
    const [wide, narrow] = [manifest('a'), '  blastRadius: { maxTargets: 1 }\n'];
    for (let round = 0; round < 8; round++) {
      writeFileSync(file, `# ${round}\n${wide}`);
      await sleep(8);
      appendFileSync(file, narrow);
      const line = 2;
      await watched.until(
        'the whole of it is there',
        () =>
          watched.source.state().experiments.get('a')?.source.line === line && watched.changes.length > round,
      );
      appendFileSync(file, `# round ${round}\n`);
      await sleep(20);
      rmSync(file);
      await watched.until('it is gone', () => watched.names().length === 0);
      watched.changes.length = round + 1;
    }
    const seen = watched.states.flatMap(({ experiments }) => [...experiments.values()]);
    assert.ok(seen.length >= 8);
    assert.deepEqual(
      seen.filter(({ spec }) => spec.blastRadius === undefined),
      [],
    );
  });

  it('drops what was deleted, once that has settled', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    let told = 0;
    watched.source.onChange(() => {
      told = Date.now();
    });
    const before = Date.now();
    rmSync(join(dir.path, 'a.yaml'));
    await watched.until('a is gone', () => watched.names().length === 0);
    assert.ok(Date.now() - before >= 35, 'it waited for the name to come back');
    const [change] = watched.changes;
    assert.ok(change !== undefined && told - change.at >= 35, 'the time is that of the event');
    assert.deepEqual([...change.ids], ['Experiment/a']);
  });

  const nothingGone: [string, (file: string) => void | Promise<void>][] = [
    ['a rename', (file) => renameSync(file, file.replace('a.yaml', 'z.yml'))],
    [
      'a move into a folder',
      (file) => {
        mkdirSync(join(file, '../sub'));
        renameSync(file, join(file, '../sub/a.yaml'));
      },
    ],
    [
      'a save by rename',
      (file) => {
        writeFileSync(`${file}.tmp`, manifest('a', '90s'));
        renameSync(`${file}.tmp`, file);
      },
    ],
    [
      'a save that moves the old one away first',
      async (file) => {
        renameSync(file, `${file}~`);
        await sleep(15);
        writeFileSync(file, manifest('a', '90s'));
      },
    ],
    [
      'a save that empties it first',
      async (file) => {
        writeFileSync(file, '');
        await sleep(20);
        writeFileSync(file, manifest('a', '90s'));
      },
    ],
    [
      'a name that moves to another file',
      async (file) => {
        writeFileSync(file, manifest('b'));
        await sleep(10);
        writeFileSync(`${file}.yaml`, manifest('a'));
      },
    ],
    [
      'a directory that is moved away and back',
      async (file) => {
        const dir = join(file, '..');
        renameSync(dir, `${dir}-away`);
        await sleep(10);
        renameSync(`${dir}-away`, dir);
      },
    ],
  ];
  for (const [what, act] of nothingGone)
    it(`takes ${what} for no deletion`, async () => {
      using dir = tempDirectory();
      const inner = join(dir.path, 'manifests');
      mkdirSync(inner);
      writeFileSync(join(inner, 'a.yaml'), manifest('a'));
      await using watched = await watching(inner);
      await act(join(inner, 'a.yaml'));
      await settled();
      assert.ok(watched.names().includes('a'));
      assert.ok(always(watched, 'a'), 'it was there all the time');
    });

  it('follows a renamed file: its place changes, nothing else does', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    const hash = watched.source.state().experiments.get('a')?.specHash;
    renameSync(join(dir.path, 'a.yaml'), join(dir.path, 'b.yaml'));
    await watched.until(
      'it has moved',
      () => watched.source.state().experiments.get('a')?.source.file.endsWith('b.yaml') === true,
    );
    assert.equal(watched.source.state().experiments.get('a')?.specHash, hash);
  });

  for (const [what, text] of [
    ['emptied', ''],
    ['left with comments only', '# nothing\n---\n# more\n'],
  ] as const)
    it(`drops the documents of a file that was ${what}`, async () => {
      using dir = tempDirectory();
      writeFileSync(join(dir.path, 'a.yaml'), `${manifest('a')}---\n${manifest('b')}`);
      await using watched = await watching(dir.path);
      assert.deepEqual(watched.names(), ['a', 'b']);
      writeFileSync(join(dir.path, 'a.yaml'), text);
      await watched.until('both are gone', () => watched.names().length === 0);
    });

  it('drops the one document that was taken out of a file', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), `${manifest('a')}---\n${manifest('b')}`);
    await using watched = await watching(dir.path);
    writeFileSync(join(dir.path, 'a.yaml'), manifest('b'));
    await watched.until('a is gone', () => watched.names().join() === 'b');
    assert.ok(always(watched, 'b'));
  });

  it('keeps the last good version of a file that broke, loudly, until it is mended', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, manifest('a'));
    await using watched = await watching(dir.path);
    writeFileSync(file, `${manifest('a', '90s')}  oops: [`);
    await watched.until(
      'it is stale',
      () => watched.source.state().experiments.get('a')?.stale !== undefined,
    );
    assert.equal(watched.duration('a'), '60s');
    assert.match(
      watched.source.state().experiments.get('a')?.stale ?? '',
      /a\.yaml:\d+:\d+ SQ101 .*; the last good version stands$/,
    );
    assert.match(watched.problems().join(), /error SQ101/);
    writeFileSync(file, manifest('a', '90s'));
    await watched.until('it is mended', () => watched.duration('a') === '90s');
    assert.equal(watched.source.state().experiments.get('a')?.stale, undefined);
    assert.deepEqual(watched.problems(), []);
    assert.ok(always(watched, 'a'));
  });

  it('drops a broken file that is deleted', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, manifest('a'));
    await using watched = await watching(dir.path);
    writeFileSync(file, 'oops: [');
    await watched.until(
      'it is stale',
      () => watched.source.state().experiments.get('a')?.stale !== undefined,
    );
    rmSync(file);
    await watched.until('it is gone', () => watched.names().length === 0);
    assert.deepEqual(watched.problems(), []);
  });

  it('takes the good documents of a file with a bad one', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, `${manifest('a')}---\n${manifest('b')}`);
    await using watched = await watching(dir.path);
    writeFileSync(file, `${manifest('a', '90s')}---\n${manifest('b', 'soon')}`);
    await watched.until('a is edited', () => watched.duration('a') === '90s');
    const { experiments } = watched.source.state();
    assert.deepEqual([experiments.get('a')?.stale, experiments.get('b')?.spec.duration], [undefined, '60s']);
    assert.match(experiments.get('b')?.stale ?? '', /spec\.duration/);
  });

  it('drops all of a lost directory, and reads it again when it is back', async () => {
    using dir = tempDirectory();
    const inner = join(dir.path, 'manifests');
    mkdirSync(inner);
    writeFileSync(join(inner, 'a.yaml'), manifest('a'));
    await using watched = await watching(inner);
    rmSync(inner, { recursive: true });
    await watched.until('a is gone', () => watched.names().length === 0);
    assert.match(watched.problems().join(), /warning SQ106 there is no such directory/);
    mkdirSync(inner);
    writeFileSync(join(inner, 'a.yaml'), manifest('a'));
    await watched.until('a is back', () => watched.names().includes('a'));
    assert.deepEqual(watched.problems(), []);
  });

  it('says that a file stands where a directory was named', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, manifest('a'));
    await using watched = await watching(file);
    assert.match(watched.problems().join(), /SQ106 there is no such directory\. A file is in the way/);
  });

  it('reads a directory that appears after the start', async () => {
    using dir = tempDirectory();
    const inner = join(dir.path, 'later/manifests');
    await using watched = await watching(inner);
    assert.match(watched.problems().join(), /warning SQ106 there is no such directory/);
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, 'a.yaml'), manifest('a'));
    await watched.until('a is there', () => watched.names().includes('a'));
  });

  it('follows a directory that is a link, and one behind a link that is pointed elsewhere', async () => {
    using dir = tempDirectory();
    const at = (path: string) => join(dir.path, path);
    for (const version of ['v1', 'v2']) mkdirSync(at(`${version}/manifests`), { recursive: true });
    writeFileSync(at('v1/manifests/a.yaml'), manifest('a', '1s'));
    writeFileSync(at('v2/manifests/a.yaml'), manifest('a', '2s'));
    symlinkSync('v1', at('current'));
    symlinkSync('current/manifests', at('link'));
    await using watched = await watching(at('link'));
    writeFileSync(at('v1/manifests/a.yaml'), manifest('a', '11s'));
    await watched.until('the edit is seen through both links', () => watched.duration('a') === '11s');
    symlinkSync('v2', at('next'));
    renameSync(at('next'), at('current'));
    await watched.until('the other version is read', () => watched.duration('a') === '2s');
    writeFileSync(at('v2/manifests/a.yaml'), manifest('a', '22s'));
    await watched.until('an edit of the other version is seen', () => watched.duration('a') === '22s');
    assert.ok(always(watched, 'a'));
  });

  it('takes a checkout for no deletion, however long Git is at it', async () => {
    using dir = tempDirectory();
    const [inner, lock] = [join(dir.path, 'manifests'), join(dir.path, '.git/index.lock')];
    mkdirSync(inner);
    mkdirSync(join(dir.path, '.git'));
    for (const name of ['a', 'b']) writeFileSync(join(inner, `${name}.yaml`), manifest(name));
    await using watched = await watching(inner);
    writeFileSync(lock, '');
    for (const name of ['a', 'b']) rmSync(join(inner, `${name}.yaml`));
    await sleep(150);
    assert.deepEqual(watched.names(), ['a', 'b']);
    writeFileSync(join(inner, 'a.yaml'), manifest('a', '90s'));
    rmSync(lock);
    await watched.until('b is gone', () => watched.names().join() === 'a');
    await watched.until('a is edited', () => watched.duration('a') === '90s');
    assert.ok(always(watched, 'a'));
  });

  it('tells of one name in two files, and keeps the one that was there first', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'b.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
    await watched.until(
      'there is a conflict',
      () => watched.source.state().experiments.get('a')?.conflict !== undefined,
    );
    assert.equal(watched.duration('a'), '60s');
    assert.match(
      watched.problems().join(),
      /a\.yaml:1:1: error SQ104 .*declared twice, differently.*b\.yaml:1:1/,
    );
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await watched.until(
      'both say the same',
      () => watched.source.state().experiments.get('a')?.conflict === undefined,
    );
    assert.match(watched.problems().join(), /warning SQ104 .*with the same spec/);
    rmSync(join(dir.path, 'a.yaml'));
    await watched.until('one is left', () => watched.problems().length === 0);
    assert.ok(always(watched, 'a'));
  });

  it('does not follow a link that leads out of the directory, and says so', async () => {
    using outside = tempDirectory();
    using dir = tempDirectory();
    writeFileSync(join(outside.path, 'a.yaml'), manifest('a'));
    symlinkSync(join(outside.path, 'a.yaml'), join(dir.path, 'file.yaml'));
    symlinkSync(outside.path, join(dir.path, 'folder'));
    writeFileSync(join(dir.path, 'b.yaml'), manifest('b'));
    symlinkSync('b.yaml', join(dir.path, 'inside.yaml'));
    await using watched = await watching(dir.path);
    assert.deepEqual(watched.names(), ['b']);
    assert.equal(watched.problems().length, 2);
    for (const problem of watched.problems())
      assert.match(problem, /warning SQ106 links out of the directory are not followed/);
  });

  it('keeps the last good version of a file that grew over its limit', async () => {
    using dir = tempDirectory();
    const file = join(dir.path, 'a.yaml');
    writeFileSync(file, manifest('a'));
    await using watched = await watching(dir.path);
    writeFileSync(file, `${manifest('a', '90s')}# ${'x'.repeat(MAX_FILE_BYTES)}\n`);
    await watched.until(
      'it is stale',
      () => watched.source.state().experiments.get('a')?.stale !== undefined,
    );
    assert.equal(watched.duration('a'), '60s');
    assert.match(watched.problems().join(), /SQ105 expected a file of at most/);
  });

  it('finds by a resync what no event told of', async () => {
    using dir = tempDirectory();
    // never started: there is no watch, and so no event
    const source = openManifests({
      dirs: [dir.path],
      validator,
      clock: systemClock,
      log: createLog('silent'),
    });
    await source.resync();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await source.resync();
    assert.deepEqual([...source.state().experiments.keys()], ['a']);
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
    await source.resync();
    assert.equal(source.state().experiments.get('a')?.spec.duration, '90s');
    rmSync(join(dir.path, 'a.yaml'));
    await source.resync();
    assert.equal(source.state().experiments.size, 0);
    await source.close();
  });

  it('starts with what the journal remembers of a file that is broken now, but not of one that is gone', async () => {
    using dir = tempDirectory();
    const remembered = ['a', 'b', 'c'].map((name) => join(dir.path, `${name}.yaml`));
    for (const file of remembered) writeFileSync(file, manifest(file.at(-6) as string));
    const first = await watching(dir.path);
    const lastGood = [...first.source.state().experiments.values()];
    await first.source.close();
    writeFileSync(remembered[0] as string, 'oops: [');
    rmSync(remembered[1] as string);
    await using watched = await watching(dir.path, lastGood);
    assert.deepEqual(watched.names(), ['a', 'c']);
    assert.match(watched.source.state().experiments.get('a')?.stale ?? '', /SQ101/);
    assert.equal(watched.source.state().experiments.get('c')?.stale, undefined);
  });

  it('tells all listeners, though one of them fails, until they or the source are closed', async () => {
    using dir = tempDirectory();
    await using watched = await watching(dir.path);
    let told = 0;
    watched.source.onChange(() => {
      throw new Error('no');
    });
    const stop = watched.source.onChange(() => told++);
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await watched.until('it was told', () => told === 1);
    stop();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
    await watched.until('the others were told', () => watched.changes.length === 2);
    await watched.source.close();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '95s'));
    await settled();
    assert.equal(told, 1);
    assert.equal(watched.changes.length, 2);
  });
});

describe('writing exclusively', () => {
  it('is taken up in one step: nothing of it counts before the rest', async () => {
    using dir = tempDirectory();
    for (const name of ['a', 'b', 'gone']) writeFileSync(join(dir.path, `${name}.yaml`), manifest(name));
    await using watched = await watching(dir.path);
    await watched.source.exclusively(async () => {
      writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
      await sleep(60); // longer than a file must stand still
      rmSync(join(dir.path, 'gone.yaml'));
      await sleep(60);
      writeFileSync(join(dir.path, 'new.yaml'), manifest('new'));
    });
    assert.deepEqual(watched.names(), ['a', 'b', 'new']);
    assert.equal(watched.duration('a'), '90s');
    assert.equal(watched.changes.length, 1, 'one change');
    assert.deepEqual([...(watched.changes[0]?.ids ?? [])].sort(), [
      'Experiment/a',
      'Experiment/gone',
      'Experiment/new',
    ]);
  });

  it('reads nothing meanwhile, also where a resync asks for it', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    const seen: (string | undefined)[] = [];
    const work = watched.source.exclusively(async () => {
      writeFileSync(join(dir.path, 'a.yaml'), manifest('a', '90s'));
      await sleep(40);
      seen.push(watched.duration('a'));
    });
    await work;
    assert.deepEqual([...seen, watched.duration('a')], ['60s', '90s']);
  });

  it('takes up what is there where the work fails, and rejects with its error', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    const failing = watched.source.exclusively(async () => {
      writeFileSync(join(dir.path, 'b.yaml'), manifest('b'));
      throw new Error('no space left');
    });
    await assert.rejects(failing, /no space left/);
    await watched.until('b is there', () => watched.names().includes('b'));
  });

  it('is followed as before afterwards', async () => {
    using dir = tempDirectory();
    writeFileSync(join(dir.path, 'a.yaml'), manifest('a'));
    await using watched = await watching(dir.path);
    await watched.source.exclusively(async () => {});
    rmSync(join(dir.path, 'a.yaml'));
    await watched.until('a is gone', () => watched.names().length === 0);
  });
});
