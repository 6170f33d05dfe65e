import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { writtenName } from '../../src/reconcile/written-name.ts';

const journal = openJournal(IN_MEMORY);
const schedule = { kind: 'Schedule', name: 'nightly', uid: 'u' } as const;
const scenario = (name: string) => ({ kind: 'Scenario', name, uid: 'v' }) as const;

function spawnScenario(name: string, copyOf: string | null): void {
  journal.spawned.add({
    kind: 'Scenario',
    name,
    owner: schedule,
    copyOf,
    spec: { steps: [] },
    labels: {},
    source: { file: 'a.yaml', line: 1, column: 1 },
    slot: 0,
    createdAt: 0,
  });
}

describe('the name that a person wrote', () => {
  const written = (
    name: string,
    owner: Parameters<typeof writtenName>[1]['owner'],
    copyOf: string | null = null,
  ) => writtenName({ journal }, { name, owner, copyOf });

  it('is that of a declared experiment itself', () => {
    assert.equal(written('redis', null), 'redis');
    assert.equal(written('nightly-1795478400', null), 'nightly-1795478400');
  });

  it('is that of what a copy is of', () => {
    assert.equal(written('nightly-1795478400', schedule, 'redis'), 'redis');
  });

  it('is that of the owner', () => {
    assert.equal(written('nightly-1795478400', schedule), 'nightly');
    assert.equal(written('day-3-2', scenario('day')), 'day');
    assert.equal(written('day-7-3-2', scenario('day-7')), 'day-7');
  });

  it('is that of the scenario which a schedule made a copy of, and as good as that once it is let go', () => {
    spawnScenario('nightly-1795478400', 'day');
    assert.equal(written('nightly-1795478400-1-1', scenario('nightly-1795478400')), 'day');
    assert.equal(written('nightly-1795478401-1-1', scenario('nightly-1795478401')), 'nightly');
    assert.equal(written('nightly-manual-4-1-1', scenario('nightly-manual-4')), 'nightly');
  });
});
