import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Declared } from '../../src/core/types.ts';
import { parseManifests } from '../../src/manifests/parse.ts';
import { formatProblem } from '../../src/manifests/problem.ts';
import { specHash } from '../../src/manifests/spec-hash.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS, manifest } from './fixtures.ts';

const validator = createValidator(KINDS);

function check(text: string): string[] {
  const { documents, problems } = parseManifests('a.yaml', text);
  const checked = documents.flatMap((document) => validator.validate(document).problems);
  return [...problems, ...checked].map(formatProblem).map((line) => line.replace('a.yaml:', ''));
}

function declare(text: string) {
  const [document] = parseManifests('a.yaml', text).documents;
  assert.ok(document);
  const { declared, problems } = validator.validate(document);
  assert.deepEqual(problems, []);
  assert.ok(declared);
  return declared as Declared;
}

const HEAD = 'apiVersion: squall/v1\nkind: Experiment\nmetadata: { name: a }\nspec:\n  duration: 60s\n';
const TARGETS = '  targets: { select: { project: p }, mode: all }\n';
const FAULTS = '  faults: [{ type: network-loss, percent: 5 }]\n';

const select = (text: string) => `${HEAD}  targets: { mode: all, select: ${text} }\n${FAULTS}`;
const mode = (text: string) => `${HEAD}  targets: { select: { project: p }, mode: ${text} }\n${FAULTS}`;
const fault = (text: string) => `${HEAD}${TARGETS}  faults:\n    - ${text}\n`;
const spec = (text: string) => `${HEAD}${TARGETS}${FAULTS}  ${text}\n`;

/** What is wrong, the manifest, what is said of it. */
const BAD: [string, string, string[]][] = [
  [
    'a list instead of a document',
    '- a',
    ['1:1: error SQ102 expected a mapping with apiVersion, kind, metadata and spec, found a list'],
  ],
  [
    'text instead of a document',
    'hello',
    ['1:1: error SQ102 expected a mapping with apiVersion, kind, metadata and spec, found "hello"'],
  ],
  ['no apiVersion', 'kind: Experiment', ['1:1: error SQ103 apiVersion: missing, expected squall/v1']],
  [
    'another apiVersion',
    'apiVersion: v2\nkind: Experiment',
    ['1:13: error SQ103 apiVersion: expected squall/v1, found "v2"'],
  ],
  [
    'no kind',
    'apiVersion: squall/v1',
    ['1:1: error SQ103 kind: missing: this version knows Experiment, Schedule, Scenario, Policy'],
  ],
  [
    'a kind of another version',
    'apiVersion: squall/v1\nkind: Pod',
    ["2:7: error SQ103 kind: unknown kind 'Pod': this version knows Experiment, Schedule, Scenario, Policy"],
  ],
  [
    'a misspelt kind',
    'apiVersion: squall/v1\nkind: Experimnet',
    [
      '2:7: error SQ103 kind: unknown kind \'Experimnet\': this version knows Experiment, Schedule, Scenario, Policy. Did you mean "Experiment"?',
    ],
  ],
  [
    'empty sections',
    'apiVersion: squall/v1\nkind: Experiment\nmetadata:\nspec:',
    [
      '3:10: error SQ102 metadata: expected a mapping, found nothing (null)',
      '4:6: error SQ102 spec: expected a mapping, found nothing (null)',
    ],
  ],
  [
    'a name with capitals',
    manifest('Redis'),
    [
      '4:9: error SQ102 metadata.name: expected a name of lower-case letters, digits and "-", at most 63 characters, that begins and ends with a letter or digit, found "Redis"',
    ],
  ],
  [
    'a name of 64 characters',
    manifest('a'.repeat(64)),
    [
      `4:9: error SQ102 metadata.name: expected a name of lower-case letters, digits and "-", at most 63 characters, that begins and ends with a letter or digit, found "${'a'.repeat(59)}...`,
    ],
  ],
  [
    'a label that is a number',
    manifest('a').replace('name: a', 'name: a\n  labels: { tier: 1 }'),
    ['5:19: error SQ102 metadata.labels.tier: expected text, found the number 1. Quote it: "1"'],
  ],
  [
    'a duration without unit',
    manifest('a', '60'),
    [
      '6:13: error SQ102 spec.duration: expected a duration above zero such as 500ms, 30s or 1m30s, found the number 60. Add a unit: 60s',
    ],
  ],
  [
    'a duration of nothing',
    manifest('a', '0s'),
    [
      '6:13: error SQ102 spec.duration: expected a duration above zero such as 500ms, 30s or 1m30s, found "0s"',
    ],
  ],
  [
    'a negative duration',
    manifest('a', '-5s'),
    [
      '6:13: error SQ102 spec.duration: expected a duration above zero such as 500ms, 30s or 1m30s, found "-5s"',
    ],
  ],
  [
    'a missing field, once where it is misspelt',
    manifest('a').replace('duration', 'durration'),
    ['6:3: error SQ102 spec.durration: unknown field. Did you mean "duration"?'],
  ],
  [
    'a missing field, at its parent',
    HEAD.replace('  duration: 60s\n', TARGETS) + FAULTS,
    ['4:1: error SQ102 spec.duration: missing, expected a duration above zero such as 500ms, 30s or 1m30s'],
  ],
  [
    'a field that nobody knows',
    spec('chaos: true'),
    [
      '8:3: error SQ102 spec.chaos: unknown field. Known here: suspend, duration, recoveryTimeout, targets, faults, blastRadius, probes',
    ],
  ],
  [
    'a field beside spec',
    `${HEAD}${TARGETS}${FAULTS}status: {}`,
    ['8:1: error SQ102 status: unknown field. Known here: apiVersion, kind, metadata, spec'],
  ],
  [
    'probes',
    spec('probes: [{ type: http }]'),
    ['8:11: error SQ102 spec.probes: probes are not supported by this version. Remove the field'],
  ],
  [
    'a mode that can be nothing, not even text',
    mode('[{ toString: null }]'),
    [
      '6:44: error SQ102 spec.targets.mode: expected "all", "one", {count: N}, {percent: N} or {maxPercent: N}, found a list',
    ],
  ],
  [
    'suspend as text',
    spec('suspend: "no"'),
    ['8:12: error SQ102 spec.suspend: expected true or false, found "no"'],
  ],
  [
    'an empty selector',
    select('{}'),
    [
      '6:33: error SQ102 spec.targets.select: expected at least one of project, services, names, labels, labelExpressions, images or networks, found an empty mapping',
    ],
  ],
  [
    'an empty list in a selector',
    select('{ services: [] }'),
    [
      '6:45: error SQ102 spec.targets.select.services: expected a list of at least one entry, found an empty list',
    ],
  ],
  [
    'a word for a list',
    select('{ services: redis }'),
    [
      '6:45: error SQ102 spec.targets.select.services: expected a list of at least one entry, found "redis". Write it as a list: [...]',
    ],
  ],
  [
    'a glob for a name',
    select('{ names: ["visapi-*"] }'),
    [
      '6:43: error SQ102 spec.targets.select.names[0]: expected a container\'s name, or a /regular expression/, found "visapi-*". Write /^visapi-.*$/ where * should stand for anything',
    ],
  ],
  [
    'a regular expression that does not compile',
    select('{ names: ["/a(/"] }'),
    [
      '6:43: error SQ102 spec.targets.select.names[0]: expected a container\'s name, or a /regular expression/, found "/a(/". It does not compile: /a(/: Unterminated group',
    ],
  ],
  [
    'a regular expression that never ends',
    select('{ names: ["/^(a+)+$/"] }'),
    [
      '6:43: error SQ102 spec.targets.select.names[0]: expected a container\'s name, or a /regular expression/, found "/^(a+)+$/". A repeated group that repeats inside can take forever: unfold it',
    ],
  ],
  [
    'In without values',
    select('{ labelExpressions: [{ key: a, operator: In }] }'),
    ['6:54: error SQ102 spec.targets.select.labelExpressions[0].values: missing, expected a value'],
  ],
  [
    'Exists with values',
    select('{ labelExpressions: [{ key: a, operator: Exists, values: [b] }] }'),
    ['6:54: error SQ102 spec.targets.select.labelExpressions[0]: `values` goes with In and NotIn only'],
  ],
  [
    'a misspelt operator, once',
    select('{ labelExpressions: [{ key: a, operator: exists }] }'),
    [
      '6:74: error SQ102 spec.targets.select.labelExpressions[0].operator: expected In, NotIn, Exists or DoesNotExist, found "exists". Did you mean "Exists"?',
    ],
  ],
  [
    'a mode that there is not',
    mode('some'),
    [
      '6:44: error SQ102 spec.targets.mode: expected "all", "one", {count: N}, {percent: N} or {maxPercent: N}, found "some". Did you mean "one"?',
    ],
  ],
  [
    'a misspelt mode',
    mode('{ cuont: 2 }'),
    [
      '6:44: error SQ102 spec.targets.mode: expected "all", "one", {count: N}, {percent: N} or {maxPercent: N}, found a mapping of cuont. Did you mean "count"?',
    ],
  ],
  [
    'a mode of nobody',
    mode('{ count: 0 }'),
    ['6:53: error SQ102 spec.targets.mode.count: expected a whole number of at least 1, found the number 0'],
  ],
  [
    'a share over everyone',
    mode('{ percent: 101 }'),
    [
      '6:55: error SQ102 spec.targets.mode.percent: expected a number above 0, at most 100, found the number 101',
    ],
  ],
  [
    'a quoted number',
    mode('{ percent: "50" }'),
    [
      '6:55: error SQ102 spec.targets.mode.percent: expected a number above 0, at most 100, found "50". Remove the quotes: 50',
    ],
  ],
  [
    'no faults',
    `${HEAD}${TARGETS}  faults: []`,
    ['7:11: error SQ102 spec.faults: expected a list of 1 to 32 entries, found an empty list'],
  ],
  [
    'a fault without type',
    fault('percent: 5'),
    ['8:7: error SQ102 spec.faults[0].type: missing, expected text'],
  ],
  [
    'a misspelt type',
    fault('type: network-blok'),
    [
      '8:13: error SQ102 spec.faults[0].type: expected a kind of fault, found "network-blok". Did you mean "network-block"?',
    ],
  ],
  [
    'a type that there is not',
    fault('type: flood'),
    [
      '8:13: error SQ102 spec.faults[0].type: expected a kind of fault, found "flood". Known: network-block, network-loss',
    ],
  ],
  [
    'a misspelt parameter',
    fault('{ type: network-block, to: [{ any: true }], porst: [80] }'),
    ['8:51: error SQ102 spec.faults[0].porst: unknown field. Did you mean "ports"?'],
  ],
  [
    'a parameter of another kind',
    fault('{ type: network-loss, percent: 5, ports: [80] }'),
    ['8:41: error SQ102 spec.faults[0].ports: unknown field. Known here: type, percent, every, packet'],
  ],
  [
    'a port over the range',
    fault('{ type: network-block, to: [{ any: true }], ports: [70000] }'),
    [
      '8:59: error SQ102 spec.faults[0].ports[0]: expected a whole number from 1 to 65535, found the number 70000',
    ],
  ],
  [
    'a range upside down',
    fault('{ type: network-block, to: [{ any: true }], ports: [80, 90-80] }'),
    [
      '8:63: error SQ102 spec.faults[0].ports[1]: expected a port or a range such as 8000-8010, from 1 to 65535, found "90-80"',
    ],
  ],
  [
    'an address for a range',
    fault('{ type: network-block, to: [{ cidr: 10.0.0.1 }] }'),
    [
      '8:43: error SQ102 spec.faults[0].to[0].cidr: expected an address range such as 10.0.0.0/8 or fd00::/8, found "10.0.0.1". A single address is 10.0.0.1/32',
    ],
  ],
  [
    'two peers in one',
    fault('{ type: network-block, to: [{ service: a, any: true }] }'),
    [
      '8:35: error SQ102 spec.faults[0].to[0]: expected {service: ...}, {cidr: ...} or {any: true}, found a mapping of service, any',
    ],
  ],
  [
    'an empty peer',
    fault('{ type: network-block, to: [{}] }'),
    [
      '8:35: error SQ102 spec.faults[0].to[0]: expected {service: ...}, {cidr: ...} or {any: true}, found an empty mapping',
    ],
  ],
  [
    'neither of two',
    fault('{ type: network-loss }'),
    ['8:7: error SQ102 spec.faults[0]: expected "percent" or "every", found a mapping of type'],
  ],
  [
    'both of two',
    fault('{ type: network-loss, percent: 5, every: 3 }'),
    ['8:7: error SQ102 spec.faults[0]: expected only one of "percent" and "every"'],
  ],
  [
    'a blast radius of nobody',
    spec('blastRadius: { maxTargets: 0 }'),
    [
      '8:30: error SQ102 spec.blastRadius.maxTargets: expected a whole number of at least 1, found the number 0',
    ],
  ],
];

describe('validation', () => {
  for (const [what, text, expected] of BAD)
    it(`refuses ${what}, and says where`, () => assert.deepEqual(check(text), expected));

  it('names several problems of one document at once', () => {
    const places = check(spec('suspend: 1\n  chaos: 1')).map((line) => line.split(' ')[0]);
    assert.deepEqual(places.sort(), ['8:12:', '9:3:']);
  });

  it('refuses a __proto__ key like any other unknown field', () => {
    assert.match(
      check(spec('__proto__: { suspend: true }'))[0] ?? '',
      /^8:3: error SQ102 spec\.__proto__: unknown field/,
    );
  });

  it('keeps control characters of a manifest out of what it prints', () => {
    const [line] = check('apiVersion: squall/v1\nkind: "x\\e[31m\\ny"');
    assert.equal(
      line,
      "2:7: error SQ103 kind: unknown kind 'x\\u001b[31m\\u000ay': this version knows Experiment, Schedule, Scenario, Policy",
    );
  });

  it('accepts every field, and declares the spec as it is written', () => {
    const declared = declare(`
apiVersion: squall/v1
kind: Experiment
metadata: { name: a-1, labels: { suite: nightly }, annotations: { why: "because" } }
spec:
  suspend: false
  duration: 1m30s
  recoveryTimeout: 90s
  targets:
    select:
      project: p
      services: [a]
      names: [b, '/^c-[0-9]+$/', '/^(d|e)$/']
      labels: { t: u }
      labelExpressions: [{ key: t, operator: NotIn, values: [v] }, { key: w, operator: DoesNotExist }]
      images: ['x/*']
      networks: [n]
    mode: { maxPercent: 12.5 }
    seed: -7
  faults:
    - { type: network-block, to: [{ cidr: 'fd00::/8' }, { any: true }], ports: [80, '8000-8010'] }
    - { type: network-loss, every: 3, packet: 1 }
  blastRadius: { maxTargets: 2, maxPercent: 50, minHealthy: 0 }
`);
    assert.deepEqual(declared.labels, { suite: 'nightly' });
    assert.deepEqual(declared.source, { file: 'a.yaml', line: 2, column: 1 });
    assert.deepEqual(declared.spec.targets.mode, { maxPercent: 12.5 });
    assert.equal(declared.spec.faults.length, 2);
  });

  it('counts a spec as the same whatever the order of its fields, comments, and suspend', () => {
    const one = declare(manifest('a'));
    const other = declare(`# why\n${manifest('a', '60s', '  suspend: true')}`);
    assert.equal(one.specHash, other.specHash);
    assert.equal(one.specHash, specHash(one.spec));
    assert.notEqual(one.specHash, declare(manifest('a', '61s')).specHash);
  });

  it('throws on a schema that does not compile: it is a bug', () => {
    const broken = {
      type: 'x',
      summary: 'x',
      schema: { type: 'object' as const, properties: { a: { tpye: 'string' } } },
    };
    assert.throws(() => createValidator([broken]), /tpye/);
  });
});

describe('what a schema cannot say', () => {
  const told = KINDS.map((kind) => ({ ...kind, problems: () => ['packet is not below every'] }));

  it('is said by the kind of the fault itself, at the fault', () => {
    const [document] = parseManifests('a.yaml', spec('suspend: true')).documents;
    assert.ok(document);
    const problems = createValidator(told).validate(document).problems.map(formatProblem);
    assert.deepEqual(problems, ['a.yaml:7:12: error SQ102 spec.faults[0]: packet is not below every']);
  });

  it('takes an empty list of probes', () => {
    assert.deepEqual(check(spec('probes: []')), []);
  });
});
