import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Manifest } from '../../src/core/kinds.ts';
import { type FileReading, mergeDeclared, withLastGood } from '../../src/manifests/desired.ts';
import { parseManifests } from '../../src/manifests/parse.ts';
import { formatProblem } from '../../src/manifests/problem.ts';
import { readDocuments } from '../../src/manifests/scan.ts';
import type { ManifestProbeKind } from '../../src/manifests/schema.ts';
import { createValidator } from '../../src/manifests/validate.ts';
import { KINDS as FAULTS } from './fixtures.ts';

const PROBES: ManifestProbeKind[] = [
  {
    type: 'tcp',
    schema: {
      type: 'object',
      properties: {
        type: { const: 'tcp' },
        host: { type: 'string', description: 'Where.' },
        port: { type: 'integer', minimum: 1, maximum: 65_535, description: 'Which.' },
        failureThreshold: { type: 'integer', minimum: 1, description: 'How often.' },
      },
      required: ['type', 'host', 'port'],
      additionalProperties: false,
    },
    problems: (probe) => (probe.host === 'nowhere' ? ['nowhere is no host'] : []),
  },
];

const validator = createValidator(FAULTS, {
  probes: PROBES,
  cron: (text) => (text.startsWith('99') ? 'the minute goes up to 59, found 99' : undefined),
});

function read(text: string): FileReading {
  return readDocuments('a.yaml', { bytes: new TextEncoder().encode(text) }, validator);
}

function check(text: string): string[] {
  return read(text).problems.map((problem) => formatProblem(problem).replace('a.yaml:', ''));
}

function document(kind: string, spec: string): string {
  return `apiVersion: squall/v1\nkind: ${kind}\nmetadata: { name: a }\nspec:\n${spec.replaceAll(/^/gm, '  ')}`;
}

const EXPERIMENT = `duration: 60s
targets: { select: { project: p }, mode: all }
faults: [{ type: network-block, to: [{ any: true }] }]`;

const WHOLE: [string, string][] = [
  [
    'Schedule',
    `cron: '0 2 * * *'
timeZone: Europe/Zurich
experimentRef: { name: x }
suspend: true
concurrencyPolicy: Replace
startingDeadline: 10m
jitter: 5m
historyLimit: 0`,
  ],
  ['Schedule', `cron: '@daily'\nexperiment:\n${EXPERIMENT.replaceAll(/^/gm, '  ')}`],
  ['Schedule', `cron: '*/5 * * * * *'\nscenarioRef: { name: x }`],
  [
    'Policy',
    `optIn: { select: { project: p } }
protect: [{ services: [postgres] }]
networks: ['chaos-*']
faults: { allow: [network-block, network-loss], deny: [network-loss] }
maxDuration: 15m
maxConcurrentRuns: 2
maxTargets: 5
maxPercent: 50
minHealthy: 1
budget: [{ faultTime: 1h, window: 24h }, { faultTime: 10m, window: 24h, per: service }]
windows:
  timeZone: Europe/Zurich
  allow: [{ days: [mon-fri], from: '09:00', to: '17:00' }]
  deny: [{ dates: ['2026-12-20/2027-01-03', '2026-05-01'] }, { from: '22:00', to: '24:00', timeZone: UTC }]
healthGate: { probes: [{ type: tcp, host: h, port: 1, failureThreshold: 3 }] }`,
  ],
  ['Policy', 'optIn: none'],
  [
    'Scenario',
    `suspend: true
timeout: 30m
onFailure: continue
steps:
  - { name: first, wait: 1s }
  - probe: { type: tcp, host: h, port: 1, within: 30s }
  - parallel:
      - experimentRef: { name: x, duration: 30s }
      - serial: [{ wait: 1s }, { experimentRef: { name: y } }]
  - experiment:
${EXPERIMENT.replaceAll(/^/gm, '      ')}`,
  ],
];

const BAD: [string, string, string, string[]][] = [
  [
    'a schedule without what it starts',
    'Schedule',
    "cron: '@daily'",
    [
      '5:3: error SQ102 spec: expected "experimentRef", "experiment" or "scenarioRef", found a mapping of cron',
    ],
  ],
  [
    'a cron expression of four fields',
    'Schedule',
    "cron: '0 2 * *'\nexperimentRef: { name: x }",
    [
      '5:9: error SQ102 spec.cron: expected a cron expression such as "0 2 * * *" or "@daily", found "0 2 * *". It has five fields, or six with seconds; this one has 4',
    ],
  ],
  [
    'a field of a cron expression that there is not',
    'Schedule',
    "cron: '99 2 * * *'\nexperimentRef: { name: x }",
    ['5:9: error SQ102 spec.cron: the minute goes up to 59, found 99'],
  ],
  [
    'a misspelt time zone',
    'Schedule',
    "cron: '@daily'\ntimeZone: Europe/Zurch\nexperimentRef: { name: x }",
    [
      '6:13: error SQ102 spec.timeZone: expected an IANA time zone such as Europe/Zurich or UTC, found "Europe/Zurch". Did you mean "Europe/Zurich"?',
    ],
  ],
  [
    'a fault in an experiment of a schedule',
    'Schedule',
    `cron: '@daily'\nexperiment:\n${EXPERIMENT.replace('network-block', 'network-blok').replaceAll(/^/gm, '  ')}`,
    [
      '9:22: error SQ102 spec.experiment.faults[0].type: expected a kind of fault, found "network-blok". Did you mean "network-block"?',
    ],
  ],
  [
    'an empty policy',
    'Policy',
    '{}',
    [
      '5:3: error SQ102 spec: expected at least one of optIn, protect, networks, faults, maxDuration, maxConcurrentRuns, maxTargets, maxPercent, minHealthy, budget, windows or healthGate, found an empty mapping',
    ],
  ],
  [
    'a policy that protects everything by an empty selector',
    'Policy',
    'protect: [{}]',
    [
      '5:13: error SQ102 spec.protect[0]: expected at least one of project, services, names, labels, labelExpressions, images or networks, found an empty mapping',
    ],
  ],
  [
    'a kind of fault that a policy misspells',
    'Policy',
    'faults: { deny: [network-los] }',
    [
      '5:20: error SQ102 spec.faults.deny[0]: expected a kind of fault, found "network-los". Did you mean "network-loss"?',
    ],
  ],
  [
    'a day of the week in capitals, and a date that there is not',
    'Policy',
    'windows: { allow: [{ days: [Mon] }, { dates: [2026-02-30] }] }',
    [
      '5:31: error SQ102 spec.windows.allow[0].days[0]: expected a day of the week such as mon, or a span such as mon-fri, found "Mon". In lower case: mon',
      '5:49: error SQ102 spec.windows.allow[1].dates[0]: expected a date such as 2026-12-24, or a span such as 2026-12-20/2027-01-03, found "2026-02-30"',
    ],
  ],
  [
    'a probe of no known kind, and one that lacks a field',
    'Policy',
    'healthGate: { probes: [{ type: tpc }, { type: tcp, host: h }] }',
    [
      '5:34: error SQ102 spec.healthGate.probes[0].type: expected a kind of probe, found "tpc". Did you mean "tcp"?',
      '5:41: error SQ102 spec.healthGate.probes[1].port: missing, expected a whole number from 1 to 65535',
    ],
  ],
  [
    'what only the kind of probe knows',
    'Policy',
    'healthGate: { probes: [{ type: tcp, host: nowhere, port: 1 }] }',
    ['5:26: error SQ102 spec.healthGate.probes[0]: nowhere is no host'],
  ],
  [
    'a step that is two things',
    'Scenario',
    'steps: [{ wait: 1s, experimentRef: { name: x } }]',
    [
      '5:11: error SQ102 spec.steps[0]: expected only one of "experimentRef", "experiment", "wait", "probe", "serial" or "parallel"',
    ],
  ],
  [
    'a mistake deep within the steps',
    'Scenario',
    'steps: [{ parallel: [{ serial: [{ probe: { type: tcp, host: h, port: 0 } }] }] }]',
    [
      '5:72: error SQ102 spec.steps[0].parallel[0].serial[0].probe.port: expected a whole number from 1 to 65535, found the number 0',
    ],
  ],
  [
    'steps in steps in steps',
    'Scenario',
    'steps: [{ serial: [{ serial: [{ serial: [{ serial: [{ wait: 1s }] }] }] }] }]',
    [
      '5:55: error SQ102 spec.steps[0].serial[0].serial[0].serial[0].serial[0]: expected at most 4 levels of steps in each other, found more. Make a scenario of its own of it',
    ],
  ],
];

describe('documents of the other kinds', () => {
  for (const [kind, spec] of WHOLE)
    it(`take every field of a ${kind}: ${spec.split('\n')[0]}`, () => {
      const { declared, problems } = read(document(kind, spec));
      assert.deepEqual(problems, []);
      assert.equal(declared[0]?.kind, kind);
    });

  for (const [what, kind, spec, expected] of BAD)
    it(`refuse ${what}, and say where`, () => assert.deepEqual(check(document(kind, spec)), expected));

  it('refuse a name that leaves no room for what is made of it', () => {
    const long = (kind: string, spec: string, length: number) =>
      check(document(kind, spec).replace('name: a', `name: ${'a'.repeat(length)}`));
    const [schedule, scenario] = ["cron: '@daily'\nexperimentRef: { name: x }", 'steps: [{ wait: 1s }]'];
    assert.match(long('Schedule', schedule, 53)[0] ?? '', /at most 52 characters/);
    assert.deepEqual(long('Schedule', schedule, 52), []);
    assert.match(long('Scenario', scenario, 51)[0] ?? '', /at most 50 characters/);
    assert.deepEqual(long('Scenario', scenario, 50), []);
  });

  it('refuse more steps than a person can follow', () => {
    const steps = Array.from({ length: 60 }, () => '{ wait: 1s }').join(', ');
    const spec = `steps: [{ serial: [${steps}] }, { serial: [${steps}] }]`;
    assert.match(check(document('Scenario', spec))[0] ?? '', /at most 100 steps over all levels, found 122/);
  });

  it('count a spec as the same whatever its suspend', () => {
    const hash = (text: string) => read(document('Schedule', text)).declared[0]?.specHash;
    const spec = "cron: '@daily'\nexperimentRef: { name: x }";
    assert.equal(hash(spec), hash(`${spec}\nsuspend: true`));
    assert.notEqual(hash(spec), hash(spec.replace('daily', 'hourly')));
  });

  it('keep their specs as they are written', () => {
    const { declared } = read(document('Scenario', WHOLE[5]?.[1] ?? ''));
    const steps = (declared[0] as Manifest<'Scenario'>).spec.steps;
    assert.deepEqual(steps[1], { probe: { type: 'tcp', host: 'h', port: 1, within: '30s' } });
    const [schedule] = read(document('Schedule', WHOLE[2]?.[1] ?? '')).declared;
    assert.equal((schedule as Manifest<'Schedule'>).spec.cron, '*/5 * * * * *');
  });
});

describe('one name', () => {
  it('may stand for a document of each kind', () => {
    const text = [document('Policy', 'optIn: none'), document('Experiment', EXPERIMENT)].join('\n---\n');
    const state = mergeDeclared(read(text).declared, []);
    assert.deepEqual([...state.objects.keys()], ['Experiment/a', 'Policy/a']);
    assert.deepEqual([...state.experiments.keys(), ...state.policies.keys()], ['a', 'a']);
    assert.deepEqual(state.problems, []);
  });

  it('is parted by its kind where one of them is wrong', () => {
    const good = read(
      [document('Policy', 'optIn: none'), document('Experiment', EXPERIMENT)].join('\n---\n'),
    );
    const broken = read(
      [document('Policy', 'optIn: nobody'), document('Experiment', EXPERIMENT)].join('\n---\n'),
    );
    const kept = withLastGood(broken, good.declared);
    assert.deepEqual(
      kept.map(({ kind, stale }) => [kind, stale !== undefined]),
      [
        ['Experiment', false],
        ['Policy', true],
      ],
    );
  });
});

describe('a policy that is wrong', () => {
  const wrong = read(document('Policy', 'optIn: nobody'));

  it('stands as it was last right', () => {
    const before = read(document('Policy', 'optIn: none')).declared;
    const [kept] = withLastGood(wrong, before);
    assert.deepEqual([kept?.spec, kept?.unknown], [{ optIn: 'none' }, undefined]);
    assert.match(kept?.stale ?? '', /^a\.yaml:5:10 SQ102 spec\.optIn: .*; the last good version stands$/);
  });

  it('is there all the same where it was never right: what it wants is not known', () => {
    const [kept, ...more] = withLastGood(wrong, []);
    assert.deepEqual([kept?.kind, kept?.name, kept?.unknown, more.length], ['Policy', 'a', true, 0]);
    assert.match(kept?.stale ?? '', /^a\.yaml:5:10 SQ102 spec\.optIn: /);
    assert.equal(mergeDeclared(withLastGood(wrong, []), []).policies.get('a')?.unknown, true);
  });

  it('is one under a misspelt kind too, and not under a kind of somebody else', () => {
    const kinds = (text: string) => withLastGood(read(text), []).map(({ kind }) => kind);
    assert.deepEqual(kinds(document('Polcy', 'optIn: none')), ['Policy']);
    assert.deepEqual(kinds(document('Deployment', 'replicas: 1')), []);
  });

  it('keeps its last good version under any kind', () => {
    const before = read(document('Policy', 'optIn: none')).declared;
    const kept = withLastGood(read(document('Deployment', 'optIn: none')), before);
    assert.deepEqual(
      kept.map(({ kind, stale }) => [kind, stale !== undefined]),
      [['Policy', true]],
    );
  });
});

it('a document says where its parts stand, whatever its kind', () => {
  const [parsed] = parseManifests('a.yaml', document('Scenario', 'steps:\n  - wait: 1s')).documents;
  assert.deepEqual(parsed?.position(['spec', 'steps', 0, 'wait'], 'value'), { line: 6, column: 13 });
});
