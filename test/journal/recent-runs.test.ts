import assert from 'node:assert/strict';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { Run } from '../../src/core/types.ts';
import { IN_MEMORY, type Journal, openJournal } from '../../src/journal/journal.ts';
import { container, NOW, PAUSE, run } from '../plan/build.ts';
import { scratch } from './build.ts';

function made(id: string, change: Partial<Run> = {}): Run {
  return run([PAUSE], [container('web-0')], {
    id,
    startedAt: NOW,
    phase: 'Running',
    endedAt: null,
    ...change,
  });
}

const ids = (runs: readonly Run[]) => runs.map(({ id }) => id);

describe('runs that are kept in memory', () => {
  let journal: Journal;
  beforeEach(() => {
    journal = openJournal(IN_MEMORY);
  });

  it('are the same objects as long as nothing is written', () => {
    journal.runs.put(made('a-1'));
    assert.equal(journal.runs.active()[0], journal.runs.active()[0]);
    const [before] = journal.runs.since(0);
    journal.runs.put(made('b-1'));
    assert.equal(journal.runs.since(0)[0], before);
    journal.runs.put(made('a-1', { reason: 'Edited' }));
    assert.equal(journal.runs.since(0)[0]?.reason, 'Edited');
  });

  it('show what another process wrote', () => {
    const file = join(scratch(), 'journal.db');
    const [mine, other] = [openJournal(file), openJournal(file)];
    mine.runs.put(made('a-1'));
    assert.deepEqual(ids(mine.runs.active()), ['a-1']);
    other.runs.put(made('a-1', { endedAt: NOW + 1 }));
    assert.deepEqual(ids(mine.runs.active()), []);
    for (const one of [mine, other]) one.close();
  });

  it('forget what was rolled back', () => {
    journal.runs.put(made('a-1'));
    journal.runs.active();
    const failing = () =>
      journal.transaction(() => {
        journal.runs.put(made('a-1', { endedAt: NOW }));
        journal.runs.put(made('b-1'));
        assert.deepEqual(ids(journal.runs.active()), ['b-1']);
        throw new Error('no');
      });
    assert.throws(failing);
    assert.deepEqual(ids(journal.runs.active()), ['a-1']);
  });

  it('are what the journal holds, whatever is written and asked', () => {
    const time = fc.integer({ min: 0, max: 20 });
    const act = fc.oneof(
      fc.record({
        kind: fc.constant('put' as const),
        id: fc.integer({ min: 0, max: 5 }),
        started: time,
        ended: fc.option(time),
      }),
      fc.record({ kind: fc.constant('since' as const), since: time }),
      fc.record({ kind: fc.constantFrom('active' as const, 'came' as const, 'prune' as const) }),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const one = openJournal(IN_MEMORY);
        for (const it of acts) {
          if (it.kind === 'put')
            one.runs.put(made(`r-${it.id}`, { startedAt: it.started, endedAt: it.ended }));
          else if (it.kind === 'came')
            one.runs.cameFrom('r-1', { commit: 'c', author: 'a', subject: 's', dirty: false });
          else if (it.kind === 'prune') one.runs.prune(2);
          const since = it.kind === 'since' ? it.since : 5;
          const all = one.runs.list();
          const wanted = all.filter(({ endedAt }) => endedAt === null || endedAt > since);
          const byId = (a: Run, b: Run) => (a.id < b.id ? -1 : 1);
          if (it.kind !== 'active') {
            const found = one.runs.since(since);
            assert.deepEqual([...found].sort(byId), [...wanted].sort(byId));
            for (const [index, { startedAt }] of found.entries())
              assert.ok(index === 0 || (found[index - 1]?.startedAt ?? 0) <= startedAt, 'oldest first');
          }
          assert.deepEqual(
            ids(one.runs.active()).sort(),
            ids(all.filter(({ endedAt }) => endedAt === null)).sort(),
          );
        }
        one.close();
      }),
      { numRuns: 100 },
    );
  });
});
