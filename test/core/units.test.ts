import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRate, parseSize } from '../../src/core/units.ts';

describe('rates', () => {
  it('are bits per second, in thousands', () => {
    const read: [string, number][] = [
      ['1000bit', 1000],
      ['1kbit', 1000],
      ['512kbit', 512_000],
      ['1.5mbit', 1_500_000],
      ['0.001mbit', 1000],
      ['1.0005kbit', 1001],
      ['10gbit', 1e10],
      ['100gbit', 1e11],
    ];
    for (const [text, rate] of read) assert.equal(parseRate(text), rate, text);
  });

  it('are from 1kbit to 100gbit', () => {
    for (const text of ['999bit', '0kbit', '0.9999kbit', '100.0001gbit', '1e9gbit', '99999999999999gbit'])
      assert.equal(parseRate(text), undefined, text);
  });

  it('are written in one way', () => {
    const refused = [
      '',
      '10',
      '10m',
      '10Mbit',
      '10mbps',
      '10 mbit',
      ' 10mbit',
      '10mbit ',
      '-1mbit',
      '+1mbit',
    ];
    for (const text of [
      ...refused,
      '.5mbit',
      '1.mbit',
      '1.5.1mbit',
      '1,5mbit',
      '10mbit\n',
      'mbit',
      '10kibit',
    ])
      assert.equal(parseRate(text), undefined, text);
    for (const value of [undefined, null, 1000, true, {}]) assert.equal(parseRate(value), undefined);
  });
});

describe('sizes', () => {
  it('are bytes, in thousands or in units of 1024', () => {
    const read: [string, number][] = [
      ['1B', 1],
      ['1500B', 1500],
      ['1KB', 1000],
      ['1KiB', 1024],
      ['1.5KiB', 1536],
      ['1MB', 1_000_000],
      ['1MiB', 1_048_576],
      ['0.5B', 1],
    ];
    for (const [text, bytes] of read) assert.equal(parseSize(text), bytes, text);
  });

  it('are above zero and at most 1 GiB', () => {
    assert.equal(parseSize('1024MiB'), 2 ** 30);
    for (const text of ['0B', '0.4B', '0MiB', '1024.0001MiB', '1073741825B', '1074MB'])
      assert.equal(parseSize(text), undefined, text);
  });

  it('are written in one way', () => {
    const refused = [
      '',
      '1500',
      '1500b',
      '1k',
      '1kB',
      '1K',
      '1GiB',
      '1 KiB',
      '-1KiB',
      '.5KiB',
      '1.KiB',
      '1KiB\n',
    ];
    for (const text of refused) assert.equal(parseSize(text), undefined, text);
    for (const value of [undefined, null, 1500, true]) assert.equal(parseSize(value), undefined);
  });
});
