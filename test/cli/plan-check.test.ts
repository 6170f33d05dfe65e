import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Scratch, scratch, squall } from './fixture.ts';

let place: Scratch;
let args: string[];

const EXPERIMENT = {
  duration: '60s',
  targets: { select: { names: ['web'] }, mode: 'all' },
  faults: [{ type: 'container-pause' }],
};

before(() => {
  place = scratch();
  for (const dir of ['before', 'after']) mkdirSync(join(place.dir, dir));
  write('before', 'Experiment', 'gone', EXPERIMENT);
  write('before', 'Experiment', 'stays', { ...EXPERIMENT, suspend: true });
  write('after', 'Experiment', 'stays', { ...EXPERIMENT, suspend: true });
  write('after', 'Experiment', 'broken', { ...EXPERIMENT, duration: 'soon', durration: '1s' });
  write('after', 'Schedule', 'nightly', { cron: '@daily', experimentRef: { name: 'stays' } });
  write('after', 'Scenario', 'day', { steps: [{ experimentRef: { name: 'stays' } }] });
  write('after', 'Policy', 'strict', { maxDuration: '5s' });
  const inventory = join(place.dir, 'inventory.json');
  writeFileSync(
    inventory,
    JSON.stringify([{ name: 'web', image: 'web', labels: { 'squall.enabled': 'true' } }]),
  );
  args = ['plan', join(place.dir, 'after'), '--base', join(place.dir, 'before'), '--inventory', inventory];
});

after(() => place.remove());

function write(dir: string, kind: string, name: string, spec: object): void {
  const document = { apiVersion: 'squall/v1', kind, metadata: { name }, spec };
  writeFileSync(join(place.dir, dir, `${name}.json`), JSON.stringify(document));
}

function keysOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [key, ...keysOf(member)]);
}

describe('plan --base', () => {
  it('says nothing in JSON that is not documented', async () => {
    const docs = readFileSync(new URL('../../docs/pull-requests.md', import.meta.url), 'utf8');
    const [, shape = ''] =
      /\n```\n(apiVersion: squall\/v1\nkind: PlanCheck\n[\s\S]*?)\n```\n/.exec(docs) ?? [];
    const documented = new Set(shape.replace(/#.*/g, '').match(/\w+/g));
    const { code, out } = await squall([...args, '-o', 'json']);
    assert.equal(code, 2);
    const said = new Set(keysOf(JSON.parse(out)));
    assert.ok(said.size > 50);
    assert.deepEqual(
      [...said].filter((key) => !documented.has(key)),
      [],
    );
  });

  it('tells an unchanged experiment that is refused now, once for each way in which it starts', async () => {
    const { affected, objects } = JSON.parse((await squall([...args, '-o', 'json'])).out);
    assert.deepEqual(
      affected.map(({ name }: { name: string }) => name),
      ['stays'],
    );
    const strict = objects.find(({ name }: { name: string }) => name === 'strict');
    assert.deepEqual(
      strict.after.refuses.map(({ object }: { object: string }) => object),
      ['experiment/stays', 'scenario/day', 'schedule/nightly'],
    );
  });

  it('refuses options that it does not know', async () => {
    assert.equal((await squall([...args, '--fail-on', 'anything'])).code, 2);
    assert.equal((await squall([...args, '-o', 'yaml'])).code, 2);
  });

  it('documents its exit codes', async () => {
    assert.match(
      (await squall(['plan', '--help'])).out,
      /Exit codes: 0 fine; 1 something that --fail-on names was found; 2 /,
    );
  });
});
