import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { previewObject, startedIds } from '../../../src/cli/check/objects.ts';
import type { AnyManifest } from '../../../src/core/kinds.ts';
import type { Container, FaultSpec } from '../../../src/core/types.ts';
import type { Preview } from '../../../src/report/plan-check.ts';
import { BLOCK, container, containers, KILL, PAUSE } from '../../plan/build.ts';
import { drawn, experiment, limit, scenario, schedule, treeOf } from './build.ts';

const SHOP = { project: 'shop', service: 'web' };

function preview(
  found: readonly Container[] | undefined,
  one: AnyManifest,
  ...others: AnyManifest[]
): Preview {
  return previewObject(treeOf(found, one, ...others), one);
}

/** Of the only experiment. */
function only(shown: Preview) {
  assert.equal(shown.experiments.length, 1);
  const [one] = shown.experiments;
  return one as NonNullable<typeof one>;
}

describe('what an experiment would hit', () => {
  it('is told by name, number and share of each service', () => {
    const found = [
      ...containers(3, 'web', SHOP),
      container('web-x'),
      container('db', { ...SHOP, service: 'db' }),
    ];
    const one = only(preview(found, experiment('e')));
    assert.deepEqual(one.targets, ['web-0', 'web-1', 'web-2', 'web-x']);
    assert.deepEqual(one.services, [
      { service: null, hit: 1, of: 1 },
      { service: 'shop/web', hit: 3, of: 3 },
    ]);
    assert.equal(one.outcome, 'hits');
    assert.equal(one.drawnFrom, null);
  });

  it('counts all containers of a service, those that are down and those that match nothing too', () => {
    const found = [...containers(2, 'web', SHOP), container('other', { ...SHOP, state: 'exited' })];
    assert.deepEqual(only(preview(found, experiment('e'))).services, [
      { service: 'shop/web', hit: 2, of: 3 },
    ]);
  });

  it('tells what it is drawn from, unless a seed settles it', () => {
    const found = containers(3, 'web', SHOP);
    const one = only(preview(found, experiment('e', drawn({ count: 2 }))));
    assert.equal(one.targets.length, 2);
    assert.deepEqual(one.drawnFrom, ['web-0', 'web-1', 'web-2']);
    const { targets } = experiment('e', drawn({ count: 2 })).spec;
    assert.equal(only(preview(found, experiment('e', { targets: { ...targets, seed: 1 } }))).drawnFrom, null);
  });

  it('takes the most of a share that is drawn', () => {
    assert.equal(only(preview(containers(4), experiment('e', drawn({ maxPercent: 75 })))).targets.length, 3);
  });

  it('tells who is hit only because it shares a network namespace', () => {
    const [web] = containers(1) as [Container];
    const sidecar = container('sidecar', { networkMode: `container:${web.id}`, attachments: [] });
    const one = only(preview([web, sidecar], experiment('e', { faults: [BLOCK] })));
    assert.deepEqual([one.targets, one.sharers], [['web-0'], ['sidecar']]);
    assert.deepEqual(only(preview([web, sidecar], experiment('e'))).sharers, []);
  });

  it('takes host names to resolve', () => {
    const fault = { type: 'network-block', to: [{ host: 'api.example.org' }] } as FaultSpec;
    assert.equal(preview(containers(1), experiment('e', { faults: [fault] })).outcome, 'hits');
  });

  it('is told of a suspended one too, which does nothing by itself', () => {
    const shown = preview(containers(1), experiment('e', { suspend: true }));
    assert.equal(shown.suspended, true);
    assert.deepEqual(only(shown).targets, ['web-0']);
  });

  it('waits where nothing matches, and is refused where it may not', () => {
    const waits = only(preview([], experiment('e')));
    assert.deepEqual([waits.outcome, waits.code, waits.message], ['waits', 'SQ201', 'no container matches']);
    const refused = only(preview([container('web-0', { optIn: false })], experiment('e')));
    assert.deepEqual([refused.outcome, refused.code, refused.reason], ['refused', 'SQ202', 'NotOptedIn']);
    const fault = only(
      preview([container('web-0', { autoRemove: true })], experiment('e', { faults: [KILL] })),
    );
    assert.deepEqual([fault.outcome, fault.code], ['refused', 'SQ208']);
  });

  it('tells what of `all` is left out', () => {
    const found = [container('web-0'), container('web-1', { protect: true })];
    assert.equal(only(preview(found, experiment('e'))).message, '1 of 2 that match: web-1 is protected');
  });

  it('is refused by a Policy for good, and waits for its hours', () => {
    const found = containers(2);
    const refused = only(preview(found, experiment('e'), limit({ maxTargets: 1 })));
    assert.deepEqual([refused.outcome, refused.code], ['refused', 'SQ216']);
    const hours = limit({ windows: { allow: [{ from: '09:00', to: '10:00' }] } });
    const waits = only(preview(found, experiment('e'), hours));
    assert.deepEqual([waits.outcome, waits.code], ['waits', 'SQ219']);
    const never = only(preview(found, experiment('e', { duration: '2h' }), hours));
    assert.equal(never.outcome, 'refused');
  });

  it('is refused where two files differ about it', () => {
    const twice = { ...experiment('e'), conflict: 'a.yaml:1:1 and b.yaml:1:1 declare it differently' };
    assert.deepEqual(
      [preview(containers(1), twice).outcome, preview(undefined, twice).outcome],
      ['refused', 'refused'],
    );
  });
});

describe('without containers', () => {
  it('nobody knows who is hit, and what Policies say of the spec alone is told', () => {
    const one = only(preview(undefined, experiment('e')));
    assert.deepEqual([one.outcome, one.select, one.mode], ['unknown', 'names: ["/^web/"]', 'all']);
    const long = only(preview(undefined, experiment('e', { duration: '10m' }), limit({ maxDuration: '5m' })));
    assert.deepEqual([long.outcome, long.code], ['refused', 'SQ214']);
    const kind = only(preview(undefined, experiment('e'), limit({ faults: { deny: [PAUSE.type] } })));
    assert.deepEqual([kind.outcome, kind.code], ['refused', 'SQ213']);
    const unread = limit({});
    const blocked = only(preview(undefined, experiment('e'), { ...unread, unknown: true, stale: 'wrong' }));
    assert.equal(blocked.code, 'SQ210');
  });
});

describe('what a schedule would start', () => {
  const nightly = (more: object) =>
    schedule('nightly', { cron: '0 2 * * *', timeZone: 'Europe/Zurich', ...more });

  it('is told with its next three times, in its zone and in UTC', () => {
    const shown = preview(
      containers(2),
      nightly({ experimentRef: { name: 'e' } }),
      experiment('e', { suspend: true }),
    );
    assert.equal(shown.schedule?.starts, 'experiment/e');
    assert.deepEqual(
      shown.schedule?.times.map(({ utc, local, outcome }) => [utc, local, outcome]),
      [1, 2, 3].map((day) => [`2030-01-0${day}T01:00:00Z`, `2030-01-0${day}T02:00:00+01:00`, 'hits']),
    );
    assert.deepEqual(only(shown).targets, ['web-0', 'web-1']);
  });

  it('is asked at those times: a Policy that shuts then refuses it', () => {
    const office = limit({ windows: { allow: [{ days: ['mon-fri'], from: '09:00', to: '17:00' }] } });
    const night = preview(containers(1), nightly({ experimentRef: { name: 'e' } }), experiment('e'), office);
    assert.equal(night.outcome, 'refused');
    assert.match(
      only(night).message,
      /^at 2030-01-01 02:00 Europe\/Zurich \(2030-01-01 01:00 UTC\): Policy default: chaos may not run now/,
    );
    assert.doesNotMatch(night.schedule?.times[0]?.message ?? '', /^at /);
    const noon = preview(
      containers(1),
      nightly({ cron: '0 12 * * *', experimentRef: { name: 'e' } }),
      experiment('e'),
      office,
    );
    assert.equal(noon.outcome, 'hits');
  });

  it('is not refused as a whole where one of its times is permitted', () => {
    const workdays = limit({ windows: { allow: [{ days: ['thu'] }] } });
    const shown = preview(containers(1), nightly({ experiment: experiment('x').spec }), workdays);
    assert.deepEqual(
      shown.schedule?.times.map(({ outcome }) => outcome),
      ['refused', 'refused', 'hits'],
    );
    assert.equal(shown.outcome, 'hits');
  });

  it('may begin late, as long as its startingDeadline lets it', () => {
    const from = limit({ windows: { allow: [{ from: '01:05', to: '10:00' }] } });
    const late = (startingDeadline: string) =>
      preview(containers(1), nightly({ experiment: experiment('x').spec, startingDeadline }), from).outcome;
    assert.deepEqual([late('10m'), late('1m')], ['waits', 'refused']);
  });

  it('is refused where nothing of that name is there', () => {
    const shown = preview([], nightly({ experimentRef: { name: 'redis-slwo' } }), experiment('redis-slow'));
    assert.deepEqual(
      [shown.outcome, only(shown).code, shown.schedule?.times[0]?.message],
      ['refused', 'SQ502', 'the experiment redis-slwo is not there: did you mean redis-slow?'],
    );
    assert.equal(preview([], nightly({ scenarioRef: { name: 'day' } })).outcome, 'refused');
  });

  it('waits where no time comes', () => {
    const never = preview(containers(1), nightly({ cron: '0 0 30 2 *', experiment: experiment('x').spec }));
    assert.deepEqual([never.outcome, never.schedule?.times], ['waits', []]);
  });

  it('is all of a scenario', () => {
    const day = scenario('day', { steps: [{ experimentRef: { name: 'e' } }, { wait: '5s' }] });
    const shown = preview(containers(1), nightly({ scenarioRef: { name: 'day' } }), day, experiment('e'));
    assert.equal(shown.outcome, 'hits');
    assert.deepEqual(
      shown.steps.map(({ path, kind }) => [path, kind]),
      [
        ['steps[0]', 'experiment'],
        ['steps[1]', 'wait'],
      ],
    );
  });
});

describe('what a scenario would do', () => {
  const both = [{ experimentRef: { name: 'e' } }, { experiment: experiment('x').spec }];

  it('is told step by step', () => {
    const steps = [{ experimentRef: { name: 'e', duration: '5m' } }, { experimentRef: { name: 'gone' } }];
    const shown = preview(containers(1), scenario('day', { steps }), experiment('e', { suspend: true }));
    assert.deepEqual(
      shown.experiments.map(({ step, name, outcome, duration }) => [step, name, outcome, duration]),
      [
        ['steps[0]', 'e', 'hits', '5m'],
        ['steps[1]', 'gone', 'refused', ''],
      ],
    );
    assert.equal(shown.outcome, 'refused');
  });

  it('tells which steps may not be carried out side by side', () => {
    const together = preview(
      containers(1),
      scenario('day', { steps: [{ parallel: both }] }),
      experiment('e'),
    );
    assert.deepEqual(
      together.experiments.map(({ outcome }) => outcome),
      ['hits', 'waits'],
    );
    assert.match(together.experiments[1]?.message ?? '', /^not while others are under way: .*web-0/);
    const after = preview(containers(1), scenario('day', { steps: both }), experiment('e'));
    assert.deepEqual(
      after.experiments.map(({ outcome }) => outcome),
      ['hits', 'hits'],
    );
    const within = preview(
      containers(1),
      scenario('day', { steps: [{ parallel: [{ serial: both }] }] }),
      experiment('e'),
    );
    assert.deepEqual(
      within.experiments.map(({ outcome }) => outcome),
      ['hits', 'hits'],
    );
  });

  it('names what it starts', () => {
    const steps = [
      { parallel: [{ experimentRef: { name: 'a' } }, { serial: both }] },
      { experimentRef: { name: 'a' } },
    ];
    assert.deepEqual(startedIds(scenario('day', { steps })), ['Experiment/a', 'Experiment/e']);
  });
});
