import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { formatJson, formatJsonLine } from '../../src/report/json.ts';
import { formatYaml } from '../../src/report/yaml.ts';

const STEERING = '\u0000\u001b[2J\u007f\u009b31m\u202e\u2066\u2028x';
const UNSAFE = /[^\P{Cc}\n]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const value = {
  [`key ${STEERING}`]: STEERING,
  lines: 'a\nb\n',
  list: [1, null, true, 'yes', '0123', STEERING],
  empty: {},
};

type Format = [name: string, format: (value: unknown) => string, read: (text: string) => unknown];
const FORMATS: Format[] = [
  ['JSON', formatJson, JSON.parse],
  ['JSON on a line', formatJsonLine, JSON.parse],
  ['YAML', formatYaml, parse],
];

for (const [name, format, read] of FORMATS) {
  describe(name, () => {
    it('reads back as it was', () => assert.deepEqual(read(format(value)), value));
    it('holds nothing that steers a terminal', () => assert.doesNotMatch(format(value), UNSAFE));
    it('ends with one line end', () => assert.match(format(value), /[^\n]\n$/));
  });
}

it('JSON on a line is one line', () => assert.equal(formatJsonLine(value).split('\n').length, 2));

it('YAML repeats what appears twice instead of anchoring it', () => {
  const shared = { a: 1 };
  assert.equal(formatYaml({ x: shared, y: shared }), 'x:\n  a: 1\ny:\n  a: 1\n');
});
