import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronTime } from 'cron';
import fc from 'fast-check';
import { readFields } from '../../src/schedule/fields.ts';
import { cronProblem, parseCron } from '../../src/schedule/slots.ts';

const ANY = ', *, a span such as 1-5, a step such as */5, or a list of these with commas, found ';
const FIELDS =
  'expected five fields (minute, hour, day of month, month, day of week), or six with the second first';

describe('cronProblem', () => {
  for (const cron of [
    '30 2 * * *',
    '0 30 2 * * *',
    '  0   2 *\t* * ',
    '*/15 9-17 1,15 jan-mar mon-fri',
    '5/15 * * * *',
    '*/60 */24 */31 */12 *',
    '0 0 29 2 *',
    '0 0 * * 7',
    '0 0 * JAN Sun',
    '@hourly',
    '@daily',
    '@midnight',
    '@weekly',
    '@monthly',
    '@yearly',
    '@annually',
    '@Hourly',
  ])
    it(`has nothing to say about ${JSON.stringify(cron)}`, () => {
      assert.equal(cronProblem(cron), undefined);
      parseCron(cron);
    });

  const wrong: [string, string][] = [
    ['', `${FIELDS}, found empty text`],
    [' ', `${FIELDS}, found empty text`],
    ['* * * *', `${FIELDS}, found 4`],
    ['0 0 2 * * * 2027', `${FIELDS}, found 7`],
    [
      '@hourli',
      'expected fields or one of @annually, @yearly, @monthly, @weekly, @daily, @midnight, @hourly, found "@hourli". Did you mean @hourly?',
    ],
    [
      '@reboot',
      'expected fields or one of @annually, @yearly, @monthly, @weekly, @daily, @midnight, @hourly, found "@reboot"',
    ],
    [
      'TZ=Europe/Zurich 0 2 * * *',
      'expected only the fields, found "TZ=Europe/Zurich 0 2 * * *": the zone goes to timeZone',
    ],
    ['60 * * * *', 'minute: expected 0 to 59, found "60"'],
    ['61 * * * * *', 'second: expected 0 to 59, found "61"'],
    ['0 24 * * *', 'hour: expected 0 to 23, found "24"'],
    ['0 2 0 * *', 'day of month: expected 1 to 31, found "0"'],
    ['0 2 * 13 *', 'month: expected 1 to 12 or jan to dec, found "13"'],
    ['0 2 * * 8', 'day of week: expected 0 to 7 (0 and 7 are Sunday) or sun to sat, found "8"'],
    ['jan * * * *', 'minute: expected 0 to 59, found "jan"'],
    ['0 2 * January *', 'month: expected 1 to 12 or jan to dec, found "January". Did you mean jan?'],
    [
      '0 2 * * mno',
      'day of week: expected 0 to 7 (0 and 7 are Sunday) or sun to sat, found "mno". Did you mean mon?',
    ],
    ['0 2 ? * mon', 'day of month: expected 1 to 31 or *, found "?": * stands for any'],
    ['0 2 L * *', 'day of month: expected 1 to 31, found "L"'],
    ['0 2 * * 1#2', `day of week: expected 0 to 7 (0 and 7 are Sunday) or sun to sat${ANY}"1#2"`],
    ['1,,2 * * * *', `minute: expected 0 to 59${ANY}an empty entry`],
    ['-1 * * * *', `minute: expected 0 to 59${ANY}"-1"`],
    ['*5 * * * *', `minute: expected 0 to 59${ANY}"*5"`],
    ['1-2-3 * * * *', `minute: expected 0 to 59${ANY}"1-2-3"`],
    ['*/0 * * * *', 'minute: expected a step of 1 to 60, found "*/0"'],
    ['*/90 * * * *', 'minute: expected a step of 1 to 60, found "*/90"'],
    ['0 */25 * * *', 'hour: expected a step of 1 to 24, found "*/25"'],
    ['0 22-6 * * *', 'hour: a span runs upwards, found "22-6": write 22-23,0-6'],
    ['0 2 * * fri-sun', 'day of week: a span runs upwards, found "fri-sun": write 5-7'],
    ['0 2 * * sat-mon', 'day of week: a span runs upwards, found "sat-mon": write 6,0-1'],
    [`0 ${'9'.repeat(50)} * * *`, `hour: expected 0 to 23, found "${'9'.repeat(40)}..."`],
  ];
  for (const [cron, problem] of wrong)
    it(`names what is wrong with ${JSON.stringify(cron)}`, () => {
      assert.equal(cronProblem(cron), problem);
      assert.throws(() => parseCron(cron), TypeError);
    });

  it('gives spans to write instead that mean the same and are accepted', () => {
    assert.deepEqual(readFields('0 2 * * 5-7'), readFields('0 2 * * fri,sat,sun'));
    assert.deepEqual(readFields('0 2 * * 6,0-1'), readFields('0 2 * * sat,sun,mon'));
  });

  const zones: [string, string | undefined][] = [
    ['Europe/Zurich', undefined],
    ['america/new_york', undefined],
    ['UTC', undefined],
    ['Etc/GMT-2', undefined],
    ['', 'found ""'],
    ['+02:00', 'found "+02:00"'],
    ['local', 'found "local"'],
    ['CEST', 'found "CEST"'],
    ['Europe/Zurick', 'found "Europe/Zurick". Did you mean Europe/Zurich?'],
  ];
  for (const [timeZone, end] of zones)
    it(`${end === undefined ? 'takes' : 'refuses'} the time zone ${JSON.stringify(timeZone)}`, () => {
      const want = end && `expected an IANA name such as Europe/Zurich or UTC, ${end}`;
      assert.equal(cronProblem('0 2 * * *', timeZone), want);
      if (want !== undefined) assert.throws(() => parseCron('0 2 * * *', timeZone), TypeError);
    });

  it('answers any text at all, and accepts none that the cron package refuses', () => {
    const piece = fc.constantFrom('*', '/', '-', ',', ' ', '0', '5', '31', '60', 'jan', 'sun', 'x', '?');
    const field = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    const text = fc.oneof(
      fc.string(),
      fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(' ')),
    );
    fc.assert(
      fc.property(text, (cron) => {
        const fields = readFields(cron);
        if ('problem' in fields) assert.equal(cronProblem(cron), fields.problem);
        else if (!cron.trim().startsWith('@')) assert.ok(CronTime.validateCronExpression(cron).valid, cron);
      }),
      { numRuns: 2000 },
    );
  });
});
