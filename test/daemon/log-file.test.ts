import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../src/core/clock.ts';
import {
  createLogFile,
  type LogFile,
  type LogFileOptions,
  logFileNames,
  RETRY,
} from '../../src/daemon/log-file.ts';
import { FakeClock } from '../lab/fake-clock.ts';
import { until } from '../lab/until.ts';

let dir: string;
let file: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'squall-log-'));
  file = join(dir, 'squall.log');
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function openLog(more: Partial<LogFileOptions> = {}): LogFile {
  const log = createLogFile({
    file,
    clock: systemClock,
    onTrouble: (error) => assert.fail(error.message),
    ...more,
  });
  log.start();
  return log;
}

/** Not what is behind a link: /dev/full has no end to read to. */
const isThere = (name: string) => lstatSync(name, { throwIfNoEntry: false })?.isFile() === true;
const textOf = (name: string) => (isThere(name) ? readFileSync(name, 'utf8') : '');
/** All that is kept, oldest first. */
const all = (kept?: number) => logFileNames(file, kept).reverse().map(textOf).join('');
const arrived = (text: string) => until(`${text} in the file`, () => textOf(file).includes(text));

describe('a log file', () => {
  it('holds what was logged, from before the start too, for its owner alone', async () => {
    const log = createLogFile({ file, clock: systemClock, onTrouble: assert.fail });
    log.write('first\n');
    assert.equal(existsSync(file), false);
    log.start();
    log.write('second\n');
    await log.close();
    assert.equal(textOf(file), 'first\nsecond\n');
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('goes on where an earlier process ended', async () => {
    writeFileSync(file, 'before\n');
    const log = openLog();
    log.write('after\n');
    await log.close();
    assert.equal(textOf(file), 'before\nafter\n');
  });

  it('is put aside when it is full, with the oldest given up', async () => {
    const log = openLog({ most: 8, kept: 2 });
    for (const line of ['one\n', 'two\n', 'six\n', 'ten\n', 'old\n', 'new\n', 'now\n']) log.write(line);
    await log.close();
    assert.deepEqual(logFileNames(file, 3).map(textOf), ['now\n', 'old\nnew\n', 'six\nten\n', '']);
  });

  it('that is over its size at the start is put aside first', async () => {
    writeFileSync(file, 'much too long\n');
    const log = openLog({ most: 8 });
    log.write('new\n');
    await log.close();
    assert.deepEqual([textOf(file), textOf(`${file}.1`)], ['new\n', 'much too long\n']);
  });

  it('takes a line that is longer than a file whole', async () => {
    const log = openLog({ most: 8 });
    for (const line of ['longer than all\n', 'short\n', 'longer than all\n']) log.write(line);
    await log.close();
    const [long, short] = ['longer than all\n', 'short\n'];
    assert.deepEqual(logFileNames(file, 3).map(textOf), [long, short, long, '']);
    assert.equal(existsSync(`${file}.3`), false);
  });

  it('holds the newest lines, whole and in order, whatever their length, and never more than it may', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.integer({ min: 1, max: 4 }), async (sizes, kept) => {
        for (const name of logFileNames(file, 4)) rmSync(name, { force: true });
        const log = openLog({ most: 100, kept });
        const lines = sizes.map((size, index) => `${index}:${'x'.repeat(size)}\n`);
        for (const [index, line] of lines.entries()) {
          log.write(line);
          if (index % 7 === 0) await new Promise(setImmediate);
        }
        await log.close();
        assert.ok(lines.join('').endsWith(all(kept)));
        for (const name of logFileNames(file, kept)) assert.ok(textOf(name).length <= 100);
        const total = lines.join('').length;
        assert.ok(all(kept).length >= Math.min(total, kept * 38), 'more was given up than had to be');
      }),
      { numRuns: 40 },
    );
  });

  it('that somebody moved away or removed is begun anew', async () => {
    const log = openLog();
    log.write('first\n');
    await arrived('first');
    renameSync(file, `${file}-20300101`);
    log.write('second\n');
    await arrived('second');
    rmSync(file);
    log.write('third\n');
    await log.close();
    assert.equal(textOf(file), 'third\n');
    assert.equal(textOf(`${file}-20300101`), 'first\n');
  });

  it('that somebody cut short is filled again to its size', async () => {
    const log = openLog({ most: 8 });
    log.write('12345\n');
    await arrived('12345');
    writeFileSync(file, '');
    log.write('678\n');
    log.write('9ab\n');
    await log.close();
    assert.deepEqual([textOf(file), existsSync(`${file}.1`)], ['678\n9ab\n', false]);
  });
});

describe('a log file that can not be written', () => {
  let clock: FakeClock;
  let told: string[];
  const onTrouble = ({ message }: Error) => void told.push(message);

  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    symlinkSync('/dev/full', file); // full(4): every write fails with ENOSPC
  });

  it('is told once, tried again, and then has what waited', async () => {
    const log = openLog({ clock, onTrouble });
    for (let index = 0; index < 5; index++) {
      log.write(`line ${index}\n`);
      await until('a try', () => clock.pending === 1);
      clock.advance(RETRY);
    }
    await until('the last try', () => clock.pending === 1);
    assert.equal(told.length, 1);
    assert.match(told[0] as string, /ENOSPC/);
    rmSync(file);
    clock.advance(RETRY);
    await arrived('line 4');
    assert.equal(textOf(file), 'line 0\nline 1\nline 2\nline 3\nline 4\n');
    rmSync(file);
    symlinkSync('/dev/full', file);
    log.write('again\n');
    await until('the second trouble', () => told.length === 2);
    await log.close();
  });

  it('has no line cut in two by a disk that fills up in the middle of one', async (context) => {
    const small = join(dir, 'small');
    mkdirSync(small);
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]).status !== 0)
      return context.skip('needs the right to mount a file system');
    try {
      await fillUp(small);
    } finally {
      spawnSync('umount', ['--lazy', small]);
    }
    return undefined;
  });

  async function fillUp(small: string): Promise<void> {
    file = join(small, 'squall.log');
    const ballast = join(small, 'ballast');
    writeFileSync(ballast, 'x'.repeat(61_440)); // leaves one page
    const log = openLog({ clock, onTrouble, most: 4250 });
    const lines = Array.from({ length: 50 }, (_, index) => `${index}:${'x'.repeat(150)}\n`);
    for (const line of lines) log.write(line);
    await until('no room', () => told.length === 1);
    assert.equal(statSync(file).size, 4096);
    rmSync(ballast);
    clock.advance(RETRY);
    await until('the last line', () => all().endsWith(lines.at(-1) as string));
    await log.close();
    assert.equal(all(), lines.join(''));
    for (const name of logFileNames(file, 1)) assert.match(textOf(name), /^(\d+:x+\n)+$/);
  }

  it('costs no more than the memory it may have, and says how much is missing', async () => {
    const log = openLog({ clock, onTrouble, mostWaiting: 1000 });
    for (let index = 0; index < 100; index++) log.write(`${'x'.repeat(99)}\n`);
    await until('a try', () => clock.pending === 1);
    rmSync(file);
    clock.advance(RETRY);
    await arrived('dropped');
    await log.close();
    const lines = textOf(file).trimEnd().split('\n');
    assert.equal(lines.length, 11);
    assert.deepEqual(JSON.parse(lines[10] as string), {
      level: 40,
      time: new Date(clock.now()).toISOString(),
      dropped: 90,
      msg: 'lines of this log were dropped',
    });
  });

  it('does not hold up the end', async () => {
    const log = openLog({ clock, onTrouble });
    log.write('lost\n');
    await until('a try', () => clock.pending === 1);
    await log.close();
    assert.equal(clock.pending, 0);
  });

  it('is never waited for: a FIFO without a reader keeps nobody from ending', () => {
    const script = `const { createLogFile } = await import(process.argv[1]);
      const { systemClock: clock } = await import(process.argv[2]);
      const log = createLogFile({ file: process.argv[3], clock, onTrouble: ({ code }) => console.log(code) });
      log.start();
      log.write('nobody reads this');
      setTimeout(async () => { log.lastWords('nor this'); await log.close(); process.exit(0); }, 50);`;
    const fifo = join(dir, 'fifo');
    spawnSync('mkfifo', [fifo]);
    const source = (path: string) => new URL(`../../src/${path}`, import.meta.url).href;
    const modules = [source('daemon/log-file.ts'), source('core/clock.ts'), fifo];
    const args = ['--input-type=module', '-e', script, ...modules];
    const { status, stdout } = spawnSync(process.execPath, args, { timeout: 20_000 });
    assert.deepEqual([status, String(stdout)], [0, 'ENXIO\n']);
  });
});

describe('a burst of lines', () => {
  it('does not wait for the disk: what is too much is dropped and counted', async () => {
    const log = openLog();
    const line = `${'x'.repeat(1023)}\n`;
    for (let index = 0; index < 3000; index++) log.write(line);
    await arrived('dropped');
    await log.close();
    assert.equal(JSON.parse(all().trimEnd().split('\n').at(-1) as string).dropped, 1976);
  });
});

describe('a kept log', () => {
  function run(work: string): { status: number | null; stderr: string; kept: Record<string, unknown>[] } {
    const module = new URL('../../src/daemon/kept-log.ts', import.meta.url).href;
    const script = `const { withKeptLog } = await import(process.argv[1]);
      await withKeptLog({ file: process.argv[2], level: 'info' }, async (log, keep) => {
        log.info('first'); log.debug('too fine'); ${work}
      });`;
    const args = ['--input-type=module', '-e', script, module, file];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
    const lines = textOf(file).split('\n').filter(Boolean);
    return { status, stderr, kept: lines.map((line) => JSON.parse(line)) };
  }

  it('is the same on stderr and in the file', () => {
    const { stderr } = run('keep(); log.warn({ experiment: "freeze" }, "second");');
    assert.equal(stderr, textOf(file));
    assert.deepEqual(stderr.match(/"msg":"[^"]+"/g), ['"msg":"first"', '"msg":"second"']);
  });

  it('leaves the file alone where it was not asked to keep it', () => {
    appendFileSync(file, '');
    const { status, stderr, kept } = run('throw new Error("locked");');
    assert.notEqual(status, 0);
    assert.match(stderr, /first[\s\S]*locked/);
    assert.deepEqual(kept, []);
  });

  it('ends with the error that ended the work', () => {
    const { kept } = run('keep(); throw new Error("no engine");');
    assert.deepEqual([kept[1]?.level, kept[1]?.error], [60, 'no engine']);
  });

  it('ends with an exception that nobody caught', () => {
    const { status, stderr, kept } = run(
      'keep(); setImmediate(() => { log.info("just before"); throw new Error("a mistake"); }); await new Promise((r) => setTimeout(r, 5000));',
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /Error: a mistake/);
    assert.deepEqual([kept.at(-2)?.msg, kept.at(-1)?.level], ['just before', 60]);
    assert.match(String(kept.at(-1)?.stack), /^Error: a mistake\n {4}at /);
  });

  it('says on stderr, once, that the file can not be written', () => {
    symlinkSync('/dev/full', file);
    const { status, stderr } = run(
      'keep(); for (let i = 0; i < 5; i++) { log.info("more"); await new Promise(setImmediate); }',
    );
    assert.equal(status, 0);
    assert.equal(stderr.match(/"msg":"the log file cannot be written"/g)?.length, 1);
    assert.equal(stderr.match(/"msg":"more"/g)?.length, 5);
  });
});
