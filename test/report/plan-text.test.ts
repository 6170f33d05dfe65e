import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictOf } from '../../src/report/plan-check.ts';
import { formatCheck } from '../../src/report/plan-text.ts';
import { createStyle } from '../../src/report/style.ts';
import { change, checkOf, hits, previewOf, refused } from './plan-build.ts';

const style = createStyle(false);
const text = (...args: Parameters<typeof checkOf>) => formatCheck(checkOf(...args), style);

describe('a check of a plan, as text', () => {
  it('tells the base, where containers are known from, and the verdict', () => {
    const summary = {
      added: 1,
      changed: 0,
      removed: 0,
      unchanged: 7,
      refused: 1,
      loosened: 2,
      hit: 5,
      unknown: 0,
    };
    assert.equal(
      text([], { summary }),
      `Base origin/main (aaaaaaaaaaaa); 12 containers, from this host's engine

1 added, 0 changed, 0 removed, 7 unchanged: 1 object refused, 2 limits loosened, 5 containers would be hit
`,
    );
    const none = text([], { base: { given: null, commit: null }, containers: { from: 'none', count: 0 } });
    assert.match(
      none,
      /^No base: everything is new; no containers are known: what would be hit is not told\n/,
    );
    assert.match(none, /: nothing would be hit or refused\n$/);
  });

  it('tells what is added with targets and shares, and what it is drawn from', () => {
    assert.match(
      text([change({ startedBy: ['schedule/nightly'] })]),
      /\n\+ experiment\/redis-slow {2}experiments\/slow\.yaml:3\n {4}started by schedule\/nightly\n {4}network-latency \(delay: 200ms\), for 60s\n {4}hits 2 containers: 2 of 3 of shop\/worker \(67 %\)\n {4}worker-1, worker-2\n/,
    );
    const drawnFrom = Array.from({ length: 12 }, (_, at) => `w-${at}`);
    assert.match(
      text([change({ after: previewOf([hits({ drawnFrom, sharers: ['proxy'] })]) })]),
      /2 drawn for each run from w-0, .*, w-9 and 2 more\n {4}and proxy, in the same network namespace\n/,
    );
  });

  it('tells what is changed, field by field, and who was hit before', () => {
    const told = text([
      change({
        change: 'changed',
        fields: [
          { path: 'spec.duration', from: '30s', to: '60s' },
          { path: 'spec.targets.seed', to: 7 },
        ],
        before: previewOf([hits({ targets: ['worker-9'] })]),
      }),
    ]);
    assert.match(
      told,
      /\n~ experiment\/redis-slow .*\n {4}spec\.duration: 30s -> 60s\n {4}spec\.targets\.seed: \(not set\) -> 7\n/,
    );
    assert.match(told, /\n {4}before: worker-9\n/);
  });

  it('tells what is removed: what of it is recovered, and what is in the world', () => {
    const active = [{ target: 'worker-1', fault: 'network-latency' }];
    assert.match(
      text([change({ change: 'removed', before: previewOf([hits()]), after: null, active })]),
      /\n- experiment\/redis-slow .*\n {4}what runs of it ends and is recovered: worker-1, worker-2\n {4}in the world now: network-latency on worker-1\n/,
    );
  });

  it('tells the times of a schedule, with what is said of each', () => {
    const schedule = {
      cron: '0 2 * * *',
      timeZone: 'Europe/Zurich',
      starts: 'experiment/redis-slow',
      times: [
        { utc: '2030-01-01T01:00:00Z', local: '2030-01-01T02:00:00+01:00', outcome: 'hits', message: '' },
        {
          utc: '2030-01-02T01:00:30Z',
          local: '2030-01-02T02:00:30+01:00',
          outcome: 'refused',
          message: 'no',
        },
      ],
    } as const;
    const after = previewOf([hits()], {
      schedule: { ...schedule, times: [...schedule.times] },
      suspended: true,
    });
    assert.match(
      text([change({ kind: 'Schedule', name: 'nightly', after })]),
      /suspended: by itself it does nothing; where it is started:\n {4}starts experiment\/redis-slow\n {4}at 2030-01-01 02:00 Europe\/Zurich \(2030-01-01 01:00 UTC\)\n {4}at 2030-01-02 02:00:30 Europe\/Zurich \(2030-01-02 01:00:30 UTC\): refused, no\n/,
    );
  });

  it('tells the steps of a scenario, refusals, what a Policy refuses, limits and what is affected', () => {
    const steps = [{ path: 'steps[0]', kind: 'experiment', title: 'slow' }];
    const told = text(
      [
        change({
          kind: 'Scenario',
          name: 'day',
          after: previewOf([refused('too long', { step: 'steps[0]' })], { steps }),
        }),
        change({
          kind: 'Policy',
          name: 'p',
          after: previewOf([], {
            refuses: [{ object: 'scenario/day', outcome: 'refused', message: 'too long' }],
          }),
        }),
      ],
      {
        limits: [{ limit: 'maxTargets', from: '2', to: '5', direction: 'looser' }],
        affected: [
          {
            kind: 'Experiment',
            name: 'e',
            source: { file: 'e.yaml', line: 1, column: 1 },
            before: 'hits',
            after: 'refused',
            message: 'too many',
          },
        ],
      },
    );
    assert.match(
      told,
      /\n {4}steps\[0\]: slow\n {6}network-latency \(delay: 200ms\), for 60s\n {6}refused: SQ214 too long\n/,
    );
    assert.match(told, /\n {4}refuses scenario\/day: too long\n/);
    assert.match(told, /\nAll Policies together:\n {4}maxTargets: 2 -> 5 \(looser\)\n/);
    assert.match(told, /\n {2}experiment\/e {2}e\.yaml:1\n {4}unchanged, but: hits -> refused, too many\n/);
  });

  it('prints nothing that steers a terminal', () => {
    const evil = '\u001b[2J\u202e\nforged';
    const told = text(
      [
        change({
          source: { file: evil, line: 1, column: 1 },
          fields: [{ path: evil, from: evil, to: [evil] }],
          after: previewOf([
            hits({ targets: [evil], services: [{ service: evil, hit: 1, of: 1 }], message: evil }),
          ]),
          startedBy: [evil],
          active: [{ target: evil, fault: evil }],
        }),
      ],
      { notes: [evil], base: { given: evil, commit: null } },
    );
    for (const unsafe of ['\u001b', '\u202e', '\nforged']) assert.ok(!told.includes(unsafe));
  });
});

it('a verdict names errors first', () => {
  const problem = {
    code: 'SQ101',
    severity: 'error',
    file: 'a',
    line: 1,
    column: 1,
    path: '',
    message: 'm',
  } as const;
  assert.equal(
    verdictOf(checkOf([], { problems: [problem, { ...problem, severity: 'warning' }] })),
    '1 error in manifests',
  );
});
