import assert from 'node:assert/strict';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { readLog } from '../../src/cli/log-reader.ts';
import { main } from '../../src/cli/program.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createLogFile } from '../../src/daemon/log-file.ts';
import { statePaths } from '../../src/daemon/paths.ts';
import { formatLogLine, parseLogLine } from '../../src/report/log-lines.ts';
import { createStyle } from '../../src/report/style.ts';
import { until } from '../lab/until.ts';
import { collector, type Scratch, scratch, squall } from './fixture.ts';

let place: Scratch;
let file: string;

beforeEach(() => {
  place = scratch();
  file = statePaths(place.dir).log;
});
afterEach(() => place.remove());

const START = Date.parse('2030-01-01T00:00:00Z');
/** A line as the daemon logs it, `minute` minutes after START. */
function line(msg: string, more: object = {}, minute = 0): string {
  const time = new Date(START + minute * 60_000).toISOString();
  return `${JSON.stringify({ level: 30, time, ...more, msg })}\n`;
}

const logs = (...args: string[]) => squall(['logs', '--state', place.dir, ...args]);
const messages = (out: string) => [...out.matchAll(/"msg":"([^"]*)"/g)].map(([, message]) => message);
const shown = async (...args: string[]) => messages((await logs('-o', 'json', ...args)).out);

describe('logs', () => {
  it('prints all files, oldest line first, as text for people', async () => {
    writeFileSync(`${file}.2`, line('first'));
    writeFileSync(
      `${file}.1`,
      line('second', { level: 40, experiment: 'freeze', run: null, error: 'SQ301: no answer' }),
    );
    writeFileSync(file, line('third', { level: 50, targets: ['a', 'b'], left: 3 }));
    assert.deepEqual(await logs(), {
      code: 0,
      out: [
        '2030-01-01T00:00:00.000Z INFO  first\n',
        '2030-01-01T00:00:00.000Z WARN  second experiment=freeze error="SQ301: no answer"\n',
        '2030-01-01T00:00:00.000Z ERROR third targets=["a","b"] left=3\n',
      ].join(''),
      err: '',
    });
  });

  it('prints a line of JSON each with -o json', async () => {
    writeFileSync(file, line('first', { run: 'freeze-1' }) + line('second'));
    assert.equal((await logs('-o', 'json')).out, line('first', { run: 'freeze-1' }) + line('second'));
  });

  it('narrows by level, experiment and its runs, and the number of lines after that', async () => {
    writeFileSync(`${file}.1`, line('old', { level: 50, experiment: 'freeze' }));
    appendFileSync(file, line('fine', { level: 20, experiment: 'freeze' }));
    appendFileSync(file, line('other', { level: 50, experiment: 'freeze-more' }));
    appendFileSync(file, line('of a run', { level: 40, run: 'freeze-12' }));
    appendFileSync(file, line('of another run', { level: 40, run: 'freeze-more-1' }));
    appendFileSync(file, line('new', { level: 60, experiment: 'freeze' }));
    assert.deepEqual(await shown('-e', 'freeze'), ['old', 'fine', 'of a run', 'new']);
    assert.deepEqual(await shown('-e', 'freeze', '--level', 'error'), ['old', 'new']);
    assert.deepEqual(await shown('-e', 'freeze', '--level', 'warn', '-n', '2'), ['of a run', 'new']);
    assert.deepEqual(await shown('-n', '2'), ['of another run', 'new']);
    assert.deepEqual(await shown('-n', '99', '--level', 'fatal'), ['new']);
    assert.deepEqual(await shown('-n', '0'), []);
  });

  it('narrows by time, given as a moment or as so long ago', async () => {
    writeFileSync(file, line('old', {}, 1) + line('from then', {}, 2) + line('later', {}, 3));
    assert.deepEqual(await shown('--since', '2030-01-01T00:02:00Z'), ['from then', 'later']);
    writeFileSync(
      file,
      `${line('old', {}, 1)}old\n${line('from then', {}, 2)}of then\n${line('later', {}, 3)}cut`,
    );
    assert.deepEqual(await shown('--since', '2030-01-01T00:02:00Z'), [
      'from then',
      'of then',
      'later',
      'cut',
    ]);
    writeFileSync(file, line('old', {}, 1) + line('from then', {}, 2) + line('later', {}, 3));
    assert.deepEqual(await shown('--since', '2030-01-01T00:02:00Z', '-n', '1'), ['later']);
    const [hour, now] = [new Date(systemClock.now() - 3.6e6), new Date(systemClock.now())];
    writeFileSync(file, line('an hour ago', { time: hour }) + line('just now', { time: now }));
    assert.deepEqual(await shown('--since', '10m'), ['just now']);
    assert.deepEqual(await shown('--since', '2h'), ['an hour ago', 'just now']);
  });

  it('finds what is young although the clock was set back in between', async () => {
    writeFileSync(file, line('ahead', {}, 9) + line('set back', {}, 1) + line('again ahead', {}, 9));
    assert.deepEqual(await shown('--since', '2030-01-01T00:05:00Z'), ['ahead', 'again ahead']);
  });

  it('prints a file once that has two names just now, and no empty lines', async () => {
    writeFileSync(file, `\n${line('first')}\n${line('second')}\n`);
    linkSync(file, `${file}.1`);
    assert.deepEqual(await shown(), ['first', 'second']);
    assert.deepEqual(await shown('-n', '5'), ['first', 'second']);
  });

  it("prints the sentinel's with --sentinel, and what Node said of a crash", async () => {
    const crash = 'Error: a mistake\n    at look (sentinel.ts:1:1)\n';
    writeFileSync(statePaths(place.dir).sentinelLog, line('watching') + crash + line('watching'));
    const { out } = await logs('--sentinel');
    assert.match(out, /watching\nError: a mistake\n {4}at look \(sentinel\.ts:1:1\)\n2030.* watching\n$/);
    const json = (await logs('--sentinel', '-o', 'json')).out.trimEnd().split('\n');
    assert.deepEqual(
      json.map((text) => JSON.parse(text).msg),
      ['watching', 'Error: a mistake', '    at look (sentinel.ts:1:1)', 'watching'],
    );
    assert.equal((await logs('--sentinel', '--level', 'error')).out, crash);
    assert.equal((await logs('--sentinel', '-e', 'freeze')).out, '');
  });

  it('lets nothing through that steers a terminal', async () => {
    const nasty = 'x\u001b[2Jy\u009b31mz\u202e';
    writeFileSync(file, `${line(nasty, { [nasty]: nasty, stack: `${nasty}\n at x` })}${nasty}\n`);
    for (const output of ['text', 'json']) assert.doesNotMatch((await logs('-o', output)).out, /[^\P{C}\n]/u);
  });

  it('says where it looked, where there is nothing', async () => {
    const { code, out, err } = await logs();
    assert.deepEqual([code, out], [0, '']);
    assert.ok(err.includes(place.dir), err);
  });

  it('refuses what it does not understand, and a log that is none', async () => {
    for (const args of [
      ['--since', 'then'],
      ['-n', '-1'],
      ['-n', 'x'],
      ['--level', 'silent'],
    ])
      assert.equal((await logs(...args)).code, 2, args.join(' '));
    mkdirSync(file);
    const { code, err } = await logs();
    assert.equal(code, 1);
    assert.match(err, /^error SQ305: the log .*squall\.log cannot be read: it is no regular file/);
  });
});

describe('the text of a line', () => {
  const style = createStyle(true);
  it('has its level in colour, and a stack below', () => {
    const text = formatLogLine(
      parseLogLine(line('broken', { level: 50, stack: 'Error: x\n    at y' })),
      style,
    );
    assert.ok(text.endsWith('\u001b[31mERROR\u001b[39m broken\n    Error: x\n    at y\n'), text);
    assert.match(formatLogLine(parseLogLine(line('odd', { level: 45 })), style), /WARN/);
  });

  it('is never empty, and one line for anything that is no stack', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        const object = parseLogLine(text);
        if (object.fields && 'stack' in object.fields) return;
        assert.match(formatLogLine(object, style), /^[^\n]*\n$/);
      }),
    );
  });
});

describe('the end of a large log', () => {
  it('is found without reading all of it', async () => {
    writeFileSync(`${file}.1`, line('x'.repeat(500)).repeat(20_000));
    writeFileSync(file, line('x'.repeat(500)).repeat(20_000) + line('the end'));
    assert.equal((await shown('-n', '2')).at(-1), 'the end');
    const before = bytesRead();
    assert.equal((await shown('-n', '300')).at(-1), 'the end');
    assert.ok(bytesRead() - before < 1e6, `read ${bytesRead() - before} bytes`);
    const since = ['--since', '2030-01-01T00:01:00Z'];
    assert.deepEqual(await shown(...since), []);
    assert.ok(bytesRead() - before < 2e6, `read ${bytesRead() - before} bytes`);
  });

  /** proc_pid_io(5): what this process has read so far, from files and elsewhere. */
  function bytesRead(): number {
    return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  }

  it('comes out the same as the end of everything, wherever lines and blocks end', async () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(10), fc.nat(8), async (sizes, tail, cut) => {
        const lines = sizes.map((size, index) => `${index}:${'é'.repeat(size / 2)}`);
        writeFileSync(
          `${file}.1`,
          lines
            .slice(0, cut)
            .map((text) => `${text}\n`)
            .join(''),
        );
        writeFileSync(
          file,
          lines
            .slice(cut)
            .map((text) => `${text}\n`)
            .join(''),
        );
        const read: string[] = [];
        for await (const some of readLog({ file, tail, wanted: () => true }))
          read.push(...some.map(({ text }) => text));
        assert.deepEqual(read, tail === 0 ? [] : lines.slice(-tail));
      }),
      { numRuns: 40 },
    );
  });
});

describe('following', () => {
  async function following(args: string[], use: (told: { out: string }) => Promise<void>): Promise<number> {
    const told = { out: '', err: '' };
    const controller = new AbortController();
    const all = ['logs', '-f', '-o', 'json', '--state', place.dir, ...args];
    const ended = main(all, collector(told, controller.signal));
    try {
      await use(told);
    } finally {
      controller.abort('SIGINT');
    }
    return ended;
  }
  const arrives = (told: { out: string }, text: string) => until(text, () => told.out.includes(text));

  it('goes on from the end, and ends with 130', async () => {
    writeFileSync(file, line('old') + line('before'));
    const code = await following(['-n', '1'], async (told) => {
      await arrives(told, 'before');
      appendFileSync(file, line('next'));
      await arrives(told, 'next');
      appendFileSync(file, line('whole') + line('in two').slice(0, 60));
      await arrives(told, 'whole');
      appendFileSync(file, line('in two').slice(60) + line('last'));
      await arrives(told, 'last');
      assert.deepEqual(messages(told.out), ['before', 'next', 'whole', 'in two', 'last']);
    });
    assert.equal(code, 130);
  });

  it('waits for a log that is not there yet, and goes on with one that was cut short', async () => {
    await following([], async (told) => {
      writeFileSync(file, line('first'));
      await arrives(told, 'first');
      truncateSync(file);
      appendFileSync(file, line('2'));
      await arrives(told, '"2"');
      assert.deepEqual(messages(told.out), ['first', '2']);
    });
  });

  it('goes on with the next after one that was removed, and not with those before it', async () => {
    writeFileSync(`${file}.1`, line('before'));
    utimesSync(`${file}.1`, 1e9, 1e9);
    writeFileSync(file, line('first'));
    await following([], async (told) => {
      await arrives(told, 'first');
      const later = join(place.dir, 'later');
      await until('the file system to tell a later time', () => {
        writeFileSync(later, line('second'));
        return statSync(later).mtimeMs > statSync(file).mtimeMs;
      });
      renameSync(later, file);
      await arrives(told, 'second');
      assert.deepEqual(messages(told.out), ['before', 'first', 'second']);
    });
  });

  it('finishes a file that was put aside before it goes on to the next', async () => {
    writeFileSync(file, line('first'));
    await following([], async (told) => {
      await arrives(told, 'first');
      appendFileSync(file, `${line('second')}unfinished`);
      renameSync(file, `${file}.1`);
      writeFileSync(file, line('third'));
      renameSync(`${file}.1`, `${file}.2`);
      renameSync(file, `${file}.1`);
      writeFileSync(file, line('fourth'));
      await arrives(told, 'fourth');
      assert.deepEqual(messages(told.out), ['first', 'second', 'unfinished', 'third', 'fourth']);
    });
  });

  it('misses nothing and tells nothing twice, however often the log is put aside and the daemon restarts', async () => {
    const controller = new AbortController();
    const read: string[] = [];
    const ended = (async () => {
      const options = { file, wanted: () => true, follow: controller.signal, every: 0 };
      for await (const some of readLog(options)) read.push(...some.map(({ text }) => text));
    })();
    const written: string[] = [];
    for (let start = 0; start < 5; start++) {
      const log = createLogFile({ file, clock: systemClock, most: 500, onTrouble: assert.fail });
      log.start();
      for (let index = 0; index < 200; index++) {
        written.push(`${start}/${index} ${'x'.repeat((index * 37) % 90)}`);
        log.write(`${written.at(-1)}\n`);
        await new Promise(setImmediate);
        await until('the reader', () => read.length > written.length - 15, 10_000, 0);
      }
      await log.close();
    }
    await until('the last line', () => read.at(-1) === written.at(-1));
    controller.abort();
    await ended;
    assert.deepEqual(read, written);
  });
});
