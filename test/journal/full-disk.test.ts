import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { openHaltFile } from '../../src/journal/halt-file.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { declared, record } from '../plan/build.ts';
import { intent, standing } from './build.ts';

const dir = mkdtempSync(join(tmpdir(), 'squall-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', dir]).status === 0;
after(() => {
  if (mounted) assert.equal(spawnSync('umount', [dir]).status, 0);
  rmSync(dir, { recursive: true });
});

const skip = mounted ? false : 'needs the right to mount a file system';
const ballast = join(dir, 'ballast');

/** Writes until there is no room left. */
function fill(): void {
  const fd = openSync(ballast, 'a');
  try {
    for (const size of [65_536, 4096, 1]) {
      try {
        for (;;) writeSync(fd, Buffer.alloc(size));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  } finally {
    closeSync(fd);
  }
}

const notWritable = (error: unknown) =>
  error instanceof SquallError && error.code === 'SQ305' && !error.terminal && /full/.test(error.message);

describe('on a full disk', { skip }, () => {
  it('no intent is written, so nothing may be injected; what is there can be read, and it goes on when there is room', () => {
    const journal = openJournal(join(dir, 'journal.db'));
    const before = standing(journal);
    fill();
    const write = () =>
      journal.transaction(() => {
        // more than the log has room for already
        for (let slot = 1; slot < 200; slot += 1)
          journal.effects.intend(intent({ slot, undo: { note: 'x'.repeat(4096) } }));
      });
    assert.throws(write, notWritable);
    assert.deepEqual(journal.effects.live(), [before], 'all or nothing');
    rmSync(ballast);
    journal.transaction(() => journal.effects.intend(intent({ slot: 1 })));
    assert.equal(journal.effects.live().length, 2);
    journal.close();
  });

  it('a halt can be set all the same, and lifted', () => {
    const file = join(dir, 'halt');
    const halt = openHaltFile(file);
    fill();
    halt.set(true);
    assert.equal(openHaltFile(file).read(), true);
    halt.set(false);
    assert.equal(halt.read(), false);
    rmSync(ballast);
  });

  it('a journal cannot be made, and says so', () => {
    fill();
    assert.throws(
      () => openJournal(join(dir, 'new.db')),
      (error: unknown) => error instanceof SquallError && error.code === 'SQ305',
    );
    rmSync(ballast);
  });

  it('a reader sees a journal that its writer has open', () => {
    const file = join(dir, 'read.db');
    const journal = openJournal(file);
    journal.experiments.put(record(declared()));
    fill();
    const reader = openJournal(file, { readOnly: true });
    assert.equal(reader.experiments.all().length, 1);
    reader.close();
    rmSync(ballast);
    journal.close();
  });

  it('a journal that was closed can be rescued: what is in the world is read, and nothing can be written', () => {
    const file = join(dir, 'closed.db');
    const before = openJournal(file);
    const effect = standing(before);
    before.close();
    fill();
    const rescued = openJournal(file, { rescue: true });
    assert.deepEqual(rescued.effects.live(), [effect]);
    assert.throws(
      () => rescued.transaction(() => rescued.effects.recovered(effect, 0)),
      (error: unknown) => {
        return error instanceof SquallError && error.code === 'SQ305';
      },
    );
    rescued.close();
    rmSync(ballast);
  });
});
