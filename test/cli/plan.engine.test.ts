import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { statePaths } from '../../src/daemon/paths.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { record, type Scratch, scratch, squall } from './fixture.ts';

let lab: Lab;
let place: Scratch;
let target: LabContainer;
let manifests: string;
let state: string;

before(async () => {
  lab = await openLab('plan');
  target = await lab.run({ name: 'web' });
  await lab.run({ name: 'closed', optIn: false, labels: { role: 'closed' } });
});

after(() => lab.close());

beforeEach(() => {
  place?.remove();
  place = scratch();
  manifests = join(place.dir, 'manifests');
  state = join(place.dir, 'state');
  mkdirSync(manifests);
  mkdirSync(state);
});

after(() => place.remove());

function write(name: string, select: object, more: object = {}): void {
  const spec = {
    duration: '20s',
    targets: { select, mode: 'all' },
    faults: [{ type: 'container-pause' }],
    ...more,
  };
  const document = { apiVersion: 'squall/v1', kind: 'Experiment', metadata: { name }, spec };
  writeFileSync(join(manifests, `${name}.json`), JSON.stringify(document));
}

const say = (verb: string, ...args: string[]) => squall([verb, manifests, '--state', state, ...args]);

describe('plan', () => {
  it('tells what would start, and changes nothing', async () => {
    write('freeze', { names: [target.name] });
    const { code, out } = await say('plan');
    assert.equal(code, 0);
    assert.match(out, /^freeze: Running, run freeze-1 starts on 1 target for 20s\n/);
    assert.match(out, new RegExp(`\\+ container-pause on ${target.name} \\(new\\)`));
    assert.equal((await target.inspect()).State.Paused, false);
  });

  it('tells why something would be refused', async () => {
    write('denied', { labels: { 'squall.lab': lab.label, role: 'closed' } });
    const { code, out } = await say('plan', '-o', 'json');
    assert.equal(code, 0);
    const [item] = JSON.parse(out).items;
    assert.equal(item.run, null);
    assert.match(`${item.phase} ${item.reason} ${item.message}`, /NotOptedIn/);
  });

  it('tells a wrong manifest on stderr, with exit code 2', async () => {
    write('freeze', { names: [target.name] }, { duration: 'soon' });
    const { code, err } = await say('plan');
    assert.equal(code, 2);
    assert.match(err, /freeze\.json:1:\d+: error SQ102 spec\.duration/);
  });

  it('says that the engine cannot be reached, with exit code 1', async () => {
    write('freeze', { names: [target.name] });
    const { code, err } = await say('plan', '--docker-host', `unix://${join(place.dir, 'none.sock')}`);
    assert.equal(code, 1);
    assert.match(err, /^error SQ301: /);
  });
});

describe('diff', () => {
  it('is exit code 1 with lines where something would change', async () => {
    write('freeze', { names: [target.name] });
    const { code, out } = await say('diff');
    assert.equal(code, 1);
    assert.match(out, /^\+ experiment\/freeze /);
  });

  it('is exit code 0 and silent where nothing would', async () => {
    write('freeze', { names: [target.name] }, { suspend: true });
    assert.deepEqual(await say('diff'), { code: 0, out: '', err: '' });
  });

  it('says that what is refused is no difference', async () => {
    write('denied', { labels: { 'squall.lab': lab.label, role: 'closed' } });
    const { code, out, err } = await say('diff');

    assert.deepEqual([code, out], [0, '']);
    assert.match(err, /^1 experiment waiting or refused: `squall plan` says why\n$/);
  });

  it('leaves what has a last good version, where its file is wrong now', async () => {
    const file = join(manifests, 'kept.yaml');
    writeFileSync(file, 'kind: [');
    const journal = openJournal(statePaths(state).journal);
    journal.experiments.put(record('kept', { source: { file, line: 1, column: 1 } }));
    journal.close();
    const { code, out, err } = await say('diff');
    assert.deepEqual([code, out], [2, '']);
    assert.match(err, /error SQ101 .*\nkept: its file is wrong, the last good version stands\n/);
  });

  it('tells that an experiment whose manifest is gone would end, if it came from there', async () => {
    const journal = openJournal(statePaths(state).journal);
    journal.experiments.put(
      record('gone', { source: { file: join(manifests, 'gone.yaml'), line: 1, column: 1 } }),
    );
    journal.experiments.put(
      record('elsewhere', { source: { file: '/srv/other/x.yaml', line: 1, column: 1 } }),
    );
    journal.close();
    const { code, out } = await say('diff');
    assert.equal(code, 1);
    assert.equal(out, '- experiment/gone  ends: the manifest is gone\n');
  });
});
