import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Column, createTable, formatTable, rowKey } from '../../src/report/table.ts';
import { displayWidth } from '../../src/report/width.ts';

type Row = { name: string; note: string };
const columns: Column<Row>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'NOTE', value: ({ note }) => note },
];

describe('a table', () => {
  it('aligns columns and leaves no blanks at line ends', () => {
    const rows = [
      { name: 'a', note: 'x' },
      { name: 'long-name', note: '' },
    ];
    assert.equal(formatTable(columns, rows), 'NAME        NOTE\na           x\nlong-name   -\n');
  });

  it('aligns by what a terminal shows, not by code units', () => {
    const rows = [
      { name: '数据库', note: 'x' },
      { name: '👩‍👩‍👧‍👦', note: 'x' },
      { name: 'e\u0301te\u0301', note: 'x' },
    ];
    const lines = formatTable(columns, rows).trimEnd().split('\n');
    const places = lines.slice(1).map((line) => displayWidth(line.slice(0, line.indexOf('x'))));
    assert.deepEqual(places, [9, 9, 9]);
  });

  it('lets no control character of a name through', () => {
    const text = formatTable(columns, [{ name: '\u001b[31mred\u009b2J', note: 'a\r\nb\u202ec' }]);
    assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202e]/u);
    assert.match(text, /\\u001b\[31mred\\u009b2J {3}a b\\u202ec/);
    assert.equal(text.split('\n').length, 3);
  });

  it('paints cells without moving the next column', () => {
    const painted: Column<Row>[] = [
      { ...(columns[0] as Column<Row>), paint: (cell) => `<${cell}>` },
      columns[1] as Column<Row>,
    ];
    assert.equal(formatTable(painted, [{ name: 'ab', note: 'x' }]), 'NAME   NOTE\n<ab>     x\n');
  });

  it('widens as rows come, and never narrows', () => {
    const table = createTable(columns, [{ name: 'a', note: 'x' }]);
    assert.equal(table.header(), 'NAME   NOTE');
    assert.deepEqual(table.lines([{ name: 'longer-name', note: 'x' }]), ['longer-name   x']);
    assert.deepEqual(table.lines([{ name: 'a', note: 'x' }]), ['a             x']);
  });

  it('takes a row whose times alone moved for the same', () => {
    const timed: Column<Row>[] = [
      columns[0] as Column<Row>,
      { ...(columns[1] as Column<Row>), volatile: true },
    ];
    const key = (note: string) => rowKey(timed, { name: 'a', note });
    assert.equal(key('1s'), key('2s'));
    assert.notEqual(rowKey(columns, { name: 'a', note: '1s' }), rowKey(columns, { name: 'a', note: '2s' }));
  });
});

describe('displayWidth', () => {
  const widths: [string, number][] = [
    ['abc', 3],
    ['', 0],
    ['ü', 1],
    ['데', 2],
    ['ｆ', 2],
    ['🚀', 2],
    ['❤️', 2],
    ['\u200b', 0],
    ['→', 1],
  ];
  for (const [text, width] of widths) {
    it(`gives ${width} for ${JSON.stringify(text)}`, () => assert.equal(displayWidth(text), width));
  }
});
