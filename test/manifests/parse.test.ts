import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_DOCUMENTS, MAX_FILE_BYTES, parseBytes, parseManifests } from '../../src/manifests/parse.ts';
import { formatPath, formatProblem } from '../../src/manifests/problem.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS, manifest } from './fixtures.ts';

const values = (text: string) => parseManifests('a.yaml', text).documents.map(({ value }) => value);
const problems = (text: string) => parseManifests('a.yaml', text).problems.map(formatProblem);

/** Nine anchors, each ten times the one before. */
const BOMB = [
  'a0: &a0 [x]',
  ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`)}]`),
].join('\n');

describe('parsing', () => {
  const cases: [string, string, string][] = [
    [
      'a key that stands twice',
      'a: 1\nb: 2\na: 3',
      'a.yaml:3:1: error SQ101 a: this key stands twice. Keep one of them',
    ],
    [
      'a key that is no text',
      'a: { 1: x }',
      'a.yaml:1:6: error SQ101 a: expected a key that is text. Quote it: "1"',
    ],
    ['a tab for indentation', 'a:\n\tb: 1', 'a.yaml:2:1: error SQ101 tabs are not allowed as indentation'],
    ['a quote that is not closed', 'a: "x', 'a.yaml:1:6: error SQ101 missing closing "quote'],
    [
      'an alias of nothing',
      'a: *b',
      'a.yaml:1:4: error SQ101 a: *b stands for nothing. Define &b before it is used',
    ],
    ['an alias of itself', 'a: &a [*a]', 'a.yaml:1:8: error SQ101 a[0]: *a stands inside itself'],
    ['a tag', 'a: !run rm', 'a.yaml:1:4: error SQ101 unresolved tag: !run'],
    [
      'binary data',
      'a: !!binary aGk=',
      'a.yaml:1:13: error SQ101 a: expected text, a number, true, false or null',
    ],
    ['infinity', 'a: .inf', 'a.yaml:1:4: error SQ101 a: expected a finite number, found Infinity'],
    [
      'YAML 1.1, where `no` is false',
      '%YAML 1.1\n---\na: no',
      'a.yaml:2:1: error SQ101 expected YAML 1.2, found the directive %YAML 1.1. Remove the directive',
    ],
    [
      'directives without a document',
      '%YAML 1.2\n# nothing',
      'a.yaml:1:1: error SQ101 expected a document, found directives alone',
    ],
    [
      'too many levels',
      `${'['.repeat(70)}${']'.repeat(70)}`,
      'a.yaml:1:66: error SQ105 expected at most 64 levels in a document, found more',
    ],
    ['levels without end', '['.repeat(20_000), 'a.yaml:1:'],
    ['an alias bomb', BOMB, 'a.yaml:'],
    [
      '1,001 documents',
      '---\na: 1\n'.repeat(MAX_DOCUMENTS + 1),
      'a.yaml:2001:1: error SQ105 expected at most 1000 documents in a file, found 1001. Split it into several files',
    ],
  ];
  for (const [what, text, expected] of cases)
    it(`refuses ${what}, and takes nothing of the file`, () => {
      const result = parseManifests('a.yaml', text);
      assert.deepEqual(result.documents, []);
      const found = result.problems.map(formatProblem);
      assert.equal(found.length, 1);
      assert.ok(found[0]?.startsWith(expected), `${found[0]}`);
    });

  it('calls an alias bomb over a limit, fast', () => {
    const start = performance.now();
    assert.match(problems(BOMB)[0] ?? '', /SQ105 .*uses of anchors/);
    assert.match(problems('['.repeat(20_000))[0] ?? '', /SQ105 nested too deeply/);
    assert.ok(performance.now() - start < 5_000);
  });

  it('takes 1,000 documents, and skips empty ones', () => {
    assert.equal(values('---\na: 1\n'.repeat(MAX_DOCUMENTS)).length, MAX_DOCUMENTS);
    assert.deepEqual(values('# nothing\n---\n---\na: 1\n---\n~\n...\n'), [{ a: 1 }]);
    assert.deepEqual(values(''), []);
  });

  it('finds a key that stands twice among 60,000 in linear time', () => {
    const start = performance.now();
    values(Array.from({ length: 60_000 }, (_, i) => `k${i}: 1`).join('\n'));
    assert.ok(performance.now() - start < 10_000);
  });

  it('reads YAML 1.2 and JSON: `no` is text', () => {
    assert.deepEqual(values('a: no\nb: 0x10\nc: 1e3'), [{ a: 'no', b: 16, c: 1000 }]);
    assert.deepEqual(values('{"a": [1, true, null, "x"]}'), [{ a: [1, true, null, 'x'] }]);
  });

  it('resolves aliases, and leaves merge keys to be refused as unknown fields', () => {
    assert.deepEqual(values('a: &x { p: 1 }\nb: *x'), [{ a: { p: 1 }, b: { p: 1 } }]);
    assert.deepEqual(values('<<: { p: 1 }'), [{ '<<': { p: 1 } }]);
  });

  it('keeps a __proto__ key a key', () => {
    const [value] = values('__proto__: { polluted: true }');
    assert.deepEqual(Object.keys(value as object), ['__proto__']);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });

  it('says where keys and values stand, or the nearest parent of what is missing', () => {
    const [document] = parseManifests('a.yaml', '# first\na:\n  - b: 1\n    c: [x, yy]\n').documents;
    assert.deepEqual(document?.source, { file: 'a.yaml', line: 2, column: 1 });
    assert.deepEqual(document?.position(['a', 0, 'c'], 'key'), { line: 4, column: 5 });
    assert.deepEqual(document?.position(['a', 0, 'c', 1], 'value'), { line: 4, column: 12 });
    assert.deepEqual(document?.position(['a', 0, 'd'], 'key'), { line: 3, column: 5 });
    assert.deepEqual(document?.position(['e'], 'key'), { line: 2, column: 1 });
  });

  it('refuses a file over 1 MiB, and bytes that are no UTF-8', () => {
    const big = parseBytes('a.yaml', new Uint8Array(MAX_FILE_BYTES + 1).fill(0x23));
    assert.equal(
      big.problems.map(formatProblem)[0],
      'a.yaml:1:1: error SQ105 expected a file of at most 1048576 bytes, found 1048577. Split it into several files',
    );
    const binary = parseBytes('a.yaml', Uint8Array.of(0x61, 0xff, 0xfe));
    assert.match(binary.problems.map(formatProblem)[0] ?? '', /SQ101 expected UTF-8 text/);
  });

  it('takes a byte order mark and Windows line ends', () => {
    const bytes = new TextEncoder().encode(`\uFEFF${manifest('a').replaceAll('\n', '\r\n')}`);
    const [document] = parseBytes('a.yaml', bytes).documents;
    assert.ok(document);
    assert.equal(createValidator(KINDS).validate(document).declared?.name, 'a');
  });

  it('never throws, whatever the text', () => {
    const validator = createValidator(KINDS);
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '- ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&x ',
      '*x',
      '!!',
      '---\n',
      '%',
      '"',
      "'",
      '|',
      '? ',
      '#',
      '\t',
      '\0',
      'spec',
      'kind: Experiment\n',
      'apiVersion: squall/v1\n',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 60 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (input) => {
        for (const document of parseManifests('a.yaml', input).documents)
          validator.validate(document).problems.map(formatProblem);
      }),
      { numRuns: 1_500 },
    );
  });

  it('never throws, whatever stands in a field of a manifest', () => {
    const validator = createValidator(KINDS);
    fc.assert(
      fc.property(
        fc.constantFrom('metadata', 'spec', 'targets', 'faults', 'mode', 'select'),
        fc.json({ maxDepth: 3 }),
        (field, json) => {
          const text = `${JSON.stringify(manifestObject(field, JSON.parse(json)))}\n`;
          for (const document of parseManifests('a.json', text).documents)
            validator.validate(document).problems.map(formatProblem);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseBytes('a.yaml', bytes)));
  });
});

describe('paths of fields', () => {
  it('reads like an expression, with other keys quoted', () => {
    assert.equal(formatPath(['spec', 'faults', 0, 'ports', 1]), 'spec.faults[0].ports[1]');
    assert.equal(formatPath(['metadata', 'labels', 'a.b/c']), 'metadata.labels["a.b/c"]');
    assert.equal(formatPath([]), '');
  });
});

function manifestObject(field: string, value: unknown): unknown {
  const targets = {
    select: { project: 'p' },
    mode: 'all',
    ...(['mode', 'select'].includes(field) ? { [field]: value } : {}),
  };
  const spec = {
    duration: '1s',
    targets,
    faults: [{ type: 'network-loss', percent: 1 }],
    ...(['targets', 'faults'].includes(field) ? { [field]: value } : {}),
  };
  const whole = { apiVersion: 'squall/v1', kind: 'Experiment', metadata: { name: 'a' }, spec };
  return ['metadata', 'spec'].includes(field) ? { ...whole, [field]: value } : whole;
}
