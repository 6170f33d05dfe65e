import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NOTICE_KINDS, type Notice } from '../../src/notify/notice.ts';
import { slack } from '../../src/notify/slack.ts';
import { HOST, openDesk, refusal } from './build.ts';

interface Payload {
  text: string;
  blocks: { type: string; text?: Text; elements?: Text[] }[];
}
interface Text {
  type: string;
  text: string;
  verbatim: boolean;
}

const FROM = { host: HOST, instance: '0badcafe' };
const TARGET = { name: 'slack', kind: 'slack', url: 'http://127.0.0.1/' } as const;

function notice(id: number, change: Partial<Notice> = {}): Notice {
  return {
    id,
    time: Date.UTC(2030, 0, 1, 12),
    kind: 'denied',
    reason: 'BlastRadius',
    experiment: `exp-${id}`,
    run: null,
    message: 'too many',
    ...change,
  };
}

function payloadOf(notices: readonly Notice[], dropped = 0): Payload {
  return JSON.parse(slack.encode({ notices, dropped }, FROM, TARGET).body) as Payload;
}

/** What a reader sees, block by block. */
function textsOf({ blocks }: Payload): string[] {
  return blocks
    .flatMap(({ text, elements = [] }) => [...(text ? [text] : []), ...elements])
    .map(({ text }) => text);
}

/** Slack's date, which is the only markup in angle brackets that is sent. */
const DATE = /<!date\^\d+\^\{date_short_pretty\} \{time_secs\}\|[\dTZ:.-]+>/g;

describe('a message for Slack', () => {
  it('about one thing says what, and where', () => {
    const payload = payloadOf([
      notice(1, {
        kind: 'failed',
        experiment: 'redis-unreachable',
        run: 'redis-unreachable-3',
        message: 'web-0: not recovered in time',
        targets: ['web-0', 'web-1', 'web-2', 'web-3', 'web-4', 'web-5', 'web-6'],
        commit: '0123456789abcdef',
      }),
    ]);
    assert.deepEqual(textsOf(payload), [
      '*Failed*  redis-unreachable: web-0: not recovered in time',
      'host-1  ·  run redis-unreachable-3  ·  web-0, web-1, web-2, web-3, web-4 and 2 more  ·  commit 0123456789  ·  ' +
        '<!date^1893499200^{date_short_pretty} {time_secs}|2030-01-01T12:00:00.000Z>',
    ]);
    assert.equal(payload.text, '*Failed*  redis-unreachable: web-0: not recovered in time (host-1)');
  });

  it('about all experiments, or about a schedule, names none', () => {
    const halted = notice(1, { kind: 'halted', experiment: null, message: 'all experiments, by a person' });
    assert.equal(textsOf(payloadOf([halted]))[0], '*Halted*  all experiments, by a person');
    const missed = notice(1, {
      kind: 'missed',
      experiment: null,
      object: 'Schedule/nightly',
      message: 'too late',
    });
    assert.equal(textsOf(payloadOf([missed]))[0], '*Missed*  Schedule/nightly: too late');
  });

  it('about several has a line for each', () => {
    const payload = payloadOf(
      [
        notice(1),
        notice(2, { kind: 'recovered', message: 'done', commit: '0123456789abcdef' }),
        notice(3, { commit: 'fedcba9876543210', dirty: true }),
      ],
      1,
    );
    assert.deepEqual(textsOf(payload), [
      '*2 denied, 1 recovered* on host-1',
      '*Denied*  exp-1: too many\n' +
        '*Recovered*  exp-2: done  ·  commit 0123456789\n' +
        '*Denied*  exp-3: too many  ·  commit fedcba9876, changed since',
      '1 notification before could not be delivered: see `squall events`',
    ]);
    assert.equal(payload.text, textsOf(payload).join('\n'), 'the same for those who see no blocks');
  });

  it('about many has 20 lines, and says what the others are; what failed is not among these', () => {
    const many = Array.from({ length: 50 }, (_, index) => notice(index + 1));
    many[40] = notice(41, { kind: 'failed', message: 'still there' });
    const [head, lines = '', rest] = textsOf(payloadOf(many));
    assert.equal(head, '*49 denied, 1 failed* on host-1');
    assert.equal(lines.split('\n').length, 20);
    assert.equal(lines.split('\n').at(-1), '*Failed*  exp-41: still there');
    assert.equal(lines.split('\n')[0], '*Denied*  exp-1: too many');
    assert.equal(rest, 'and 30 more: 30 denied');
  });

  it('calls nobody and links nothing, whatever an experiment says', () => {
    const hostile =
      '<!channel> <@U012AB3CD> <https://evil.example|click> a&b @channel @Here\n*Failed*  all\u202e\u001b[2J';
    for (const payload of [
      payloadOf([notice(1, { message: hostile })]),
      payloadOf([notice(1, { message: hostile }), notice(2)]),
    ]) {
      const [line = ''] = textsOf(payload).filter((text) => text.includes('channel'));
      assert.ok(
        line.includes('&lt;!channel&gt; &lt;@U012AB3CD&gt; &lt;https://evil.example|click&gt; a&amp;b'),
      );
      assert.ok(!/@(channel|here)/i.test(line + payload.text));
      assert.ok(
        payload.blocks.every(({ text, elements = [] }) =>
          [text, ...elements].every((one) => one?.verbatim ?? true),
        ),
      );
      const own = line.split('\n')[0] ?? '';
      assert.ok(own.includes('*Failed*  all'), 'a line end makes no line of its own');
    }
  });

  it('is one that Slack takes, whatever there is to say', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5000 }),
      fc.constantFrom('<&>'.repeat(2000), '\u0000'.repeat(3000), '', '\n'),
    );
    const any = fc.record({
      kind: fc.constantFrom(...NOTICE_KINDS),
      experiment: fc.option(text),
      run: fc.option(text),
      message: text,
      targets: fc.array(text, { maxLength: 8 }),
    });
    const notices = fc.array(any, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(notices, fc.nat(3), (changes, dropped) => {
        const payload = payloadOf(
          changes.map((change, index) => notice(index + 1, change)),
          dropped,
        );
        assert.ok(payload.blocks.length <= 50);
        assert.ok(payload.text.length <= 40_000);
        for (const shown of textsOf(payload)) {
          assert.ok(shown.length >= 1 && shown.length <= 3000, `${shown.length} characters`);
          assert.doesNotMatch(shown.replace(DATE, ''), /[<>]|&(?!(?:amp|lt|gt);)/);
          assert.doesNotMatch(shown.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is one that Slack takes with names that are long and all escaped', () => {
    const long = '&'.repeat(400);
    const targets = Array.from({ length: 5 }, () => long);
    for (const shown of textsOf(
      payloadOf([notice(1, { experiment: long, run: long, message: long.repeat(2), targets })]),
    ))
      assert.ok(shown.length <= 3000, `${shown.length} characters`);
  });

  it('takes all that waits, and is not signed', async () => {
    const { happen, settle, receiver, results } = await openDesk({
      name: 'slack',
      kind: 'slack',
      secret: 'no use',
    });
    for (let count = 0; count < 250; count += 1) happen(refusal('too many'));
    await settle(1);
    assert.deepEqual(results, ['slack delivered 250']);
    assert.equal(receiver.received[0]?.headers['x-squall-signature'], undefined);
    const payload = JSON.parse(receiver.received[0]?.body ?? '') as Payload;
    assert.equal(textsOf(payload).at(-1), 'and 230 more: 230 denied');
  });
});
