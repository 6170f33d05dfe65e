import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { ObjectRecord } from '../../src/core/kinds.ts';
import { planOffline } from '../../src/daemon/offline.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { type Lab, type LabContainer, openLab } from '../lab/lab.ts';
import { experiment } from '../lab/manifest.ts';
import { NOW } from '../plan/build.ts';

const PAUSE = { type: 'container-pause' };
const TWO = ['a Running Injected', 'b Running Injected'];
const ONE = ['a Running Injected', 'b Denied TooManyRuns'];

describe('a plan without a daemon', () => {
  let lab: Lab;
  let web: [LabContainer, LabContainer];
  let dir: string;
  before(async () => {
    lab = await openLab('plan-policy');
    web = [await lab.run(), await lab.run()];
    dir = mkdtempSync(join(tmpdir(), 'squall-plan-policy-'));
  });
  after(async () => {
    rmSync(dir, { recursive: true });
    await lab.close();
  });

  const folder = (name: string) => join(dir, name);
  const write = (path: string, document: object | string) =>
    writeFileSync(folder(path), typeof document === 'string' ? document : JSON.stringify(document));
  const rules = (spec: object) => ({
    apiVersion: 'squall/v1',
    kind: 'Policy',
    metadata: { name: 'rules' },
    spec,
  });
  beforeEach(() => {
    for (const name of ['chaos', 'policies', 'state']) {
      rmSync(folder(name), { recursive: true, force: true });
      mkdirSync(folder(name));
    }
    write('chaos/a.json', experiment('a', web[0], [PAUSE]));
    write('chaos/b.json', experiment('b', web[1], [PAUSE]));
  });

  /** As a daemon left it that had this Policy from that file. */
  function remember(change: Partial<ObjectRecord<'Policy'>>): void {
    const journal = openJournal(statePaths(folder('state')).journal);
    const times = { createdAt: NOW, updatedAt: NOW };
    journal.objects.put({
      ...{ kind: 'Policy', name: 'rules', uid: 'u', generation: 1, specHash: 'abc', labels: {}, ...times },
      ...{
        spec: { maxConcurrentRuns: 1 },
        source: { file: folder('policies/rules.json'), line: 1, column: 1 },
      },
      ...{ hold: null, phase: 'Active', reason: 'Accepted', message: '', conditions: [], state: null },
      ...change,
    });
    journal.close();
  }

  const plan = async (...paths: string[]) => {
    const options = { manifests: paths.map(folder), state: folder('state'), dockerHost: undefined };
    const { plans } = await planOffline(options);
    return plans.map(({ name, plan }) => `${name} ${plan.record?.phase} ${plan.record?.reason}`);
  };

  it('tells of two new experiments what they may not do together', async () => {
    assert.deepEqual(await plan('chaos'), TWO);
    write('policies/rules.json', rules({ maxConcurrentRuns: 1 }));
    assert.deepEqual(await plan('chaos', 'policies'), ONE);
    write('chaos/b.json', experiment('b', web, [PAUSE]));
    assert.deepEqual(await plan('chaos'), ['a Running Injected', 'b Denied Conflict']);
  });

  it('obeys a Policy of a directory that it is not asked about', async () => {
    remember({});
    assert.deepEqual(await plan('chaos'), ONE);
    assert.deepEqual(await plan('chaos/a.json', 'chaos/b.json'), ONE);
  });

  it('obeys no Policy of which the file is gone', async () => {
    remember({});
    assert.deepEqual(await plan('chaos', 'policies'), TWO);
  });

  it('obeys the file rather than what is remembered', async () => {
    remember({});
    write('policies/rules.json', rules({ maxConcurrentRuns: 2 }));
    assert.deepEqual(await plan('chaos', 'policies'), TWO);
  });

  it('obeys the last good version of a file that is wrong', async () => {
    remember({});
    write('policies/rules.json', '{');
    assert.deepEqual(await plan('chaos', 'policies'), ONE);
  });

  it('starts nothing beside a Policy that nobody could ever read', async () => {
    remember({
      specHash: '',
      spec: {},
      phase: 'Invalid',
      reason: 'Unknown',
      message: 'rules.json:1:1 SQ102 ...',
    });
    assert.deepEqual(await plan('chaos'), ['a Denied PolicyUnknown', 'b Denied PolicyUnknown']);
  });
});
