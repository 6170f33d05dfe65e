import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import type { SquallEvent } from '../../src/core/types.ts';
import { IN_MEMORY, openJournal } from '../../src/journal/journal.ts';
import { SCHEMA_VERSION } from '../../src/journal/schema.ts';
import { container, declared, NOW, PAUSE, record, run } from '../plan/build.ts';
import { scratch, standing } from './build.ts';

const dir = scratch();
let files = 0;
function fresh(): string {
  files += 1;
  return join(dir, `${files}.db`);
}

const event = (message: string, change: Partial<SquallEvent> = {}): Omit<SquallEvent, 'id'> => ({
  time: NOW,
  type: 'Normal',
  reason: 'Started',
  experiment: 'exp',
  run: null,
  target: null,
  object: null,
  message,
  ...change,
});

const sq305 = (terminal: boolean) => (error: unknown) =>
  error instanceof SquallError && error.code === 'SQ305' && error.terminal === terminal;

describe('the journal', () => {
  it('holds what was written when it is opened again', () => {
    const file = fresh();
    const first = openJournal(file);
    const object = record(declared(), { hold: 'halted', runId: 'exp-1', runRequested: 'manual' });
    const started = run([PAUSE], [container('web-0')], { outcome: 'Aborted' });
    first.experiments.put(object);
    first.runs.put(started);
    first.runs.takeNumber('exp');
    const effect = standing(first);
    const stored = first.events.add(event('one'));
    first.close();
    const second = openJournal(file);
    assert.equal(second.instance, first.instance);
    assert.deepEqual(second.experiments.all(), [object]);
    assert.deepEqual(second.runs.list(), [started]);
    assert.equal(second.runs.peekNumber('exp'), 2);
    assert.deepEqual(second.effects.live(), [effect]);
    assert.deepEqual(second.events.list(), [stored]);
    second.close();
  });

  it('holds what was written when its process is gone without a word', () => {
    const file = fresh();
    const left = openJournal(file); // never closed: what another process sees is on the disk or in the log beside it
    const effect = standing(left);
    const other = openJournal(file);
    assert.deepEqual(other.effects.live(), [effect]);
    other.close();
    left.close();
  });

  it('has an instance id of its own for each state directory', () => {
    const [one, two] = [openJournal(fresh()), openJournal(fresh())];
    assert.match(one.instance, /^[0-9a-f]{8}$/);
    assert.notEqual(one.instance, two.instance);
    one.close();
    two.close();
  });

  it('is for its owner alone to read', () => {
    const file = fresh();
    openJournal(file).close();
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('reaches the disk with each write: a log, fully synchronised', () => {
    const file = fresh();
    const journal = openJournal(file);
    const raw = new DatabaseSync(file, { readOnly: true });
    assert.deepEqual({ ...raw.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' });
    raw.close();
    journal.close();
  });
});

describe('a transaction', () => {
  it('is all or nothing', () => {
    const journal = openJournal(IN_MEMORY);
    const bad = () =>
      journal.transaction(() => {
        journal.experiments.put(record(declared()));
        standing(journal);
        throw new Error('halfway');
      });
    assert.throws(bad, /halfway/);
    assert.deepEqual([journal.experiments.all(), journal.effects.live(), journal.runs.list()], [[], [], []]);
  });

  it('gives what its work gives, and takes another inside', () => {
    const journal = openJournal(IN_MEMORY);
    const bad = () =>
      journal.transaction(() => {
        assert.equal(
          journal.transaction(() => standing(journal).slot),
          0,
        );
        throw new Error('after the inner one');
      });
    assert.throws(bad, /after the inner one/);
    assert.deepEqual(journal.effects.live(), [], 'the inner one is part of the outer');
    assert.equal(
      journal.transaction(() => 7),
      7,
    );
  });

  it('can be made after one that failed', () => {
    const journal = openJournal(IN_MEMORY);
    assert.throws(() => journal.transaction(() => assert.fail('no')));
    journal.transaction(() => standing(journal));
    assert.equal(journal.effects.live().length, 1);
  });

  it('waits for another process, and says SQ305 (to be tried again) when it waited too long', () => {
    const file = fresh();
    const journal = openJournal(file, { timeout: 5 });
    const other = new DatabaseSync(file);
    other.exec('BEGIN IMMEDIATE');
    assert.throws(() => journal.transaction(() => {}), sq305(false));
    other.exec('ROLLBACK');
    journal.transaction(() => {});
    journal.close();
    other.close();
  });

  it('does not dress up an error of its work', () => {
    const journal = openJournal(IN_MEMORY);
    assert.throws(() => journal.transaction(() => JSON.parse('{')), SyntaxError);
  });
});

describe('a journal that is only read', () => {
  it('shows what is there', () => {
    const file = fresh();
    const journal = openJournal(file);
    const effect = standing(journal);
    const reader = openJournal(file, { readOnly: true });
    assert.deepEqual(reader.effects.live(), [effect]);
    assert.equal(reader.instance, journal.instance);
    reader.close();
    journal.close();
  });

  it('cannot be written, and is not changed by being opened', () => {
    const file = fresh();
    openJournal(file).close();
    const before = readFileSync(file);
    const reader = openJournal(file, { readOnly: true });
    assert.throws(() => reader.transaction(() => reader.experiments.put(record(declared()))), sq305(false));
    assert.throws(() => reader.runs.takeNumber('exp'));
    reader.close();
    assert.deepEqual(readFileSync(file), before);
  });

  it('is not made where it is missing', () => {
    const file = fresh();
    assert.throws(() => openJournal(file, { readOnly: true }), sq305(true));
    assert.equal(existsSync(file), false);
  });

  it('is refused where it is no journal, or not yet one', () => {
    const [text, empty] = [fresh(), fresh()];
    writeFileSync(text, 'hello '.repeat(1000));
    writeFileSync(empty, '');
    assert.throws(() => openJournal(text, { readOnly: true }), sq305(true));
    assert.throws(() => openJournal(empty, { readOnly: true }), sq305(true));
  });

  it('leaves no descriptor open when it is refused', () => {
    const file = fresh();
    writeFileSync(file, 'hello '.repeat(1000));
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (let tries = 0; tries < 20; tries += 1) {
      assert.throws(() => openJournal(file));
      assert.throws(() => openJournal(file, { readOnly: true }));
    }
    assert.ok(open() < before + 20);
  });
});

describe('a journal of another version', () => {
  function newer(): string {
    const file = fresh();
    openJournal(file).close();
    const raw = new DatabaseSync(file);
    raw.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    raw.close();
    return file;
  }

  for (const readOnly of [false, true])
    it(`that is newer is refused${readOnly ? ' to a reader too' : ''}, saying what to do`, () => {
      const file = newer();
      assert.throws(
        () => openJournal(file, { readOnly }),
        (error: unknown) =>
          sq305(true)(error) &&
          (error as Error).message.endsWith(
            `the journal has version ${SCHEMA_VERSION + 1}, this Squall knows ${SCHEMA_VERSION}: upgrade Squall`,
          ),
      );
    });

  it('that is refused is left as it was', () => {
    const file = newer();
    const before = readFileSync(file);
    assert.throws(() => openJournal(file));
    assert.deepEqual(readFileSync(file), before);
  });
});

describe('experiments', () => {
  it('are put, replaced, listed by name, and removed', () => {
    const journal = openJournal(IN_MEMORY);
    const [one, two] = ['a', 'b'].map((name) => record(declared({}, { name })));
    assert.ok(one && two);
    journal.experiments.put(two);
    journal.experiments.put(one);
    journal.experiments.put({ ...two, generation: 9, hold: 'suspended' });
    assert.deepEqual(journal.experiments.all(), [one, { ...two, generation: 9, hold: 'suspended' }]);
    journal.experiments.remove('b');
    assert.equal(journal.experiments.get('b'), undefined);
    assert.deepEqual(journal.experiments.get('a'), one);
  });
});

describe('events', () => {
  it('are listed oldest first, the newest when there is a limit, of one experiment, or after one', () => {
    const seen: SquallEvent[] = [];
    const journal = openJournal(IN_MEMORY, { onEvent: (one) => seen.push(one) });
    const ids = ['1', '2', '3', '4'].map(
      (message, index) => journal.events.add(event(message, { experiment: index % 2 ? 'odd' : null })).id,
    );
    const messages = (...filter: Parameters<typeof journal.events.list>) =>
      journal.events.list(...filter).map(({ message }) => message);
    assert.deepEqual(messages(), ['1', '2', '3', '4']);
    assert.deepEqual(messages({ limit: 2 }), ['3', '4']);
    assert.deepEqual(messages({ experiment: 'odd' }), ['2', '4']);
    assert.deepEqual(messages({ after: ids[1] as number }), ['3', '4']);
    assert.deepEqual(messages({ after: ids[0] as number, limit: 1, experiment: 'odd' }), ['4']);
    assert.deepEqual(seen, journal.events.list());
  });

  it('are forgotten but for the newest, and their numbers not used again', () => {
    const journal = openJournal(IN_MEMORY);
    for (const message of ['1', '2', '3']) journal.events.add(event(message));
    journal.events.prune(5);
    assert.equal(journal.events.list().length, 3);
    journal.events.prune(1);
    assert.deepEqual(
      journal.events.list().map(({ id }) => id),
      [3],
    );
    journal.events.prune(0);
    assert.equal(journal.events.add(event('next')).id, 4);
  });
});
