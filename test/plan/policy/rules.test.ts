import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container } from '../../../src/core/types.ts';
import { planExperiment } from '../../../src/plan/plan.ts';
import { BLOCK, container, containers, effect, KILL, PAUSE, planInput, policy } from '../build.ts';
import { type Asked, four, one, other, shop, start, two, web0, web1, web2 } from './asking.ts';

const shy = (name: string) => container(name, { optIn: false });
const on = (name: string, ...networks: string[]) =>
  container(name, { attachments: networks.map((network) => ({ network, aliases: [] })) });

const PAUSED = (count: number) => `container-pause on ${count} container${count === 1 ? '' : 's'}`;

const CASES: [rule: string, what: string, asked: Asked, answer: string][] = [
  ['optIn', 'label: those with the label', { policies: [{ optIn: 'label' }] }, PAUSED(3)],
  [
    'optIn',
    'label: nobody else',
    { policies: [{ optIn: 'label' }], found: [shy('web-0')] },
    'SQ202 NotOptedIn: 1 container matches and has not opted in as Policy a asks: re-create web-0 with the label squall.enabled=true, or let Policy a select it',
  ],
  [
    'optIn',
    'none: everybody',
    { policies: [{ optIn: 'none' }], found: [shy('web-0'), container('web-1')] },
    PAUSED(2),
  ],
  [
    'optIn',
    'none: not what is protected',
    { policies: [{ optIn: 'none' }], found: [container('web-0', { optIn: false, protect: true })] },
    'SQ203 Protected: 1 container matches, but web-0 is protected',
  ],
  [
    'optIn',
    'none: not Squall itself',
    { policies: [{ optIn: 'none' }], found: [shy('web-0')], change: { self: new Set([shy('web-0').id]) } },
    'SQ203 Protected: 1 container matches, but web-0 is protected',
  ],
  [
    'optIn',
    'select: those that match, and those with the label',
    {
      policies: [{ optIn: { select: { names: ['web-0'] } } }],
      found: [shy('web-0'), container('web-1'), shy('web-2')],
    },
    `${PAUSED(2)}; 2 of 3 that match: web-2 has not opted in as Policy a asks`,
  ],
  [
    'optIn',
    'of several: all must agree',
    { policies: [{ optIn: 'none' }, { optIn: 'label' }], found: [shy('web-0')] },
    'SQ202 NotOptedIn: 1 container matches and has not opted in as Policy b asks: re-create web-0 with the label squall.enabled=true, or let Policy b select it',
  ],
  [
    'optIn',
    'of which nobody speaks: the label',
    { policies: [{ maxTargets: 9 }], found: [shy('web-0'), shy('web-1')] },
    'SQ202 NotOptedIn: 2 containers match and have not opted in: re-create web-0, web-1 with the label squall.enabled=true, or let a Policy select them',
  ],
  [
    'optIn',
    'is asked of those that share a network namespace',
    {
      policies: [{ optIn: { select: { names: ['web-0'] } } }],
      found: [shy('web-0'), { ...shy('side'), networkMode: `container:${shy('web-0').id}` }],
      spec: { faults: [BLOCK] },
    },
    'SQ205 SharedNamespace: side shares a network namespace with a target and has not opted in as Policy a asks',
  ],
  [
    'protect',
    'leaves out what it protects, and says so',
    { policies: [{ protect: [{ names: ['web-2'] }] }] },
    `${PAUSED(2)}; 2 of 3 that match: web-2 is protected by Policy a`,
  ],
  [
    'protect',
    'refuses where nobody is left',
    { policies: [{ protect: [{ names: ['redis'] }, { names: ['/^web/'] }] }], found: containers(2) },
    'SQ203 Protected: 2 containers match, but web-0, web-1 are protected by Policy a',
  ],
  [
    'protect',
    'tells by whom',
    {
      policies: [{ protect: [{ names: ['web-0'] }] }, { protect: [{ names: ['web-1'] }] }],
      found: [...containers(2), container('web-2', { protect: true })],
    },
    'SQ203 Protected: 3 containers match, but web-0 is protected by Policy a, web-1 is protected by Policy b, web-2 is protected',
  ],
  [
    'protect',
    'is asked of those that share a network namespace',
    {
      policies: [{ protect: [{ names: ['side'] }] }],
      found: [web0, container('side', { networkMode: `container:${web0.id}` })],
      spec: { faults: [BLOCK] },
    },
    'SQ205 SharedNamespace: side shares a network namespace with a target and is protected by Policy a',
  ],
  [
    'protect',
    'is told before an opt-in that is lacking, and networks before both',
    {
      policies: [{ protect: [{ names: ['web-1'] }], networks: ['chaos-*'] }],
      found: [shy('web-0'), container('web-1'), on('web-2', 'db')],
    },
    'SQ212 NetworkNotAllowed: 3 containers match, but web-2 is on network db, which Policy a does not allow',
  ],
  [
    'networks',
    'permits by a glob',
    { policies: [{ networks: ['chaos-*'] }], found: [on('web-0', 'chaos-1')] },
    PAUSED(1),
  ],
  [
    'networks',
    'asks it of every network of a container',
    { policies: [{ networks: ['chaos-*'] }], found: [on('web-0', 'chaos-1', 'db')] },
    'SQ212 NetworkNotAllowed: 1 container matches, but web-0 is on network db, which Policy a does not allow',
  ],
  [
    'networks',
    'leaves out those that are elsewhere',
    { policies: [{ networks: ['chaos-*'] }], found: [on('web-0', 'chaos-1'), on('web-1', 'db')] },
    `${PAUSED(1)}; 1 of 2 that match: web-1 is on network db, which Policy a does not allow`,
  ],
  [
    'networks',
    'of several: all lists must have it',
    { policies: [{ networks: ['*'] }, { networks: ['test'] }], found: [on('web-0', 'chaos-1')] },
    'SQ212 NetworkNotAllowed: 1 container matches, but web-0 is on network chaos-1, which Policy b does not allow',
  ],
  [
    'networks',
    'takes a container without any for one on none',
    { policies: [{ networks: ['chaos-*'] }], found: [on('web-0')] },
    'SQ212 NetworkNotAllowed: 1 container matches, but web-0 is on network none, which Policy a does not allow',
  ],
  [
    'networks',
    'looks at the container whose namespace it is',
    {
      policies: [{ networks: ['chaos-*'] }],
      found: [on('app', 'db'), { ...on('web-0'), networkMode: `container:${on('app').id}` }],
    },
    'SQ212 NetworkNotAllowed: 1 container matches, but web-0 is on network db, which Policy a does not allow',
  ],
  ['faults', 'allow: what is listed', { policies: [{ faults: { allow: ['container-pause'] } }] }, PAUSED(3)],
  [
    'faults',
    'allow: nothing else',
    { policies: [{ faults: { allow: ['container-pause'] } }], spec: { faults: [PAUSE, BLOCK] } },
    'SQ213 FaultNotAllowed: Policy a does not allow network-block',
  ],
  [
    'faults',
    'deny: what is listed',
    { policies: [{}, { faults: { deny: ['container-kill'] } }], spec: { faults: [KILL] } },
    'SQ213 FaultNotAllowed: Policy b does not allow container-kill',
  ],
  ['faults', 'deny: nothing else', { policies: [{ faults: { deny: ['container-kill'] } }] }, PAUSED(3)],
  ['maxDuration', 'permits as long', { policies: [{ maxDuration: '60s' }] }, PAUSED(3)],
  [
    'maxDuration',
    'refuses longer, by the shortest of several',
    { policies: [{ maxDuration: '1h' }, { maxDuration: '59s' }] },
    'SQ214 TooLong: Policy b: maxDuration allows 59s, the run takes 1m',
  ],
  [
    'maxConcurrentRuns',
    'permits as many',
    { policies: [{ maxConcurrentRuns: 2 }], change: { running: [other('x', [])] } },
    PAUSED(3),
  ],
  [
    'maxConcurrentRuns',
    'refuses one more, naming the others',
    {
      policies: [{ maxConcurrentRuns: 2 }],
      change: { running: [other('x', []), other('y', [], { phase: 'Recovering' })] },
    },
    'SQ215 TooManyRuns: Policy a: maxConcurrentRuns allows 2, and x, y are under way',
  ],
  [
    'maxConcurrentRuns',
    "counts another instance's",
    {
      policies: [{ maxConcurrentRuns: 1 }],
      change: {
        foreign: ['1', '2'].map((containerId) => ({ containerId, instance: 'feedc0de', experiment: 'x' })),
      },
    },
    'SQ215 TooManyRuns: Policy a: maxConcurrentRuns allows 1, and x of instance feedc0de is under way',
  ],
  ['maxTargets', 'permits as many', { policies: [{ maxTargets: 3 }] }, PAUSED(3)],
  [
    'maxTargets',
    'refuses more',
    { policies: [{ maxTargets: 5 }, { maxTargets: 2 }] },
    'SQ216 TooManyTargets: Policy b: 3 containers would be hit at once (web-0, web-1, web-2), maxTargets allows 2',
  ],
  [
    'maxTargets',
    'counts what others hit, once',
    {
      policies: [{ maxTargets: 3 }],
      found: four,
      spec: two,
      change: {
        running: [other('x', [web1, web2])],
        others: [effect(BLOCK, four[3] as Container, { experiment: 'y', phase: 'failed' })],
      },
    },
    'SQ216 TooManyTargets: Policy a: 4 containers would be hit at once (web-0, web-1 beside 2 by others), maxTargets allows 3',
  ],
  [
    'maxTargets',
    "counts another instance's",
    {
      policies: [{ maxTargets: 2 }],
      found: four,
      spec: two,
      change: { foreign: [{ containerId: web2.id, instance: 'feedc0de', experiment: 'x' }] },
    },
    'SQ216 TooManyTargets: Policy a: 3 containers would be hit at once (web-0, web-1 beside 1 by others), maxTargets allows 2',
  ],
  [
    'maxTargets',
    'counts those that share a network namespace',
    {
      policies: [{ maxTargets: 1 }],
      found: [web0, container('side', { networkMode: `container:${web0.id}` })],
      spec: { faults: [BLOCK] },
    },
    'SQ216 TooManyTargets: Policy a: 2 containers would be hit at once (web-0, side), maxTargets allows 1',
  ],
  ['maxPercent', 'permits its share', { policies: [{ maxPercent: 50 }], found: four, spec: two }, PAUSED(2)],
  [
    'maxPercent',
    'refuses more, what others have down included',
    { policies: [{ maxPercent: 50 }], found: four, spec: two, change: { running: [other('x', [web2])] } },
    'SQ217 TooManyDown: Policy a: 3 of 4 containers of shop/web would be down, maxPercent allows 50 %',
  ],
  [
    'maxPercent',
    'names the blastRadius where that is tighter',
    { policies: [{ maxPercent: 50 }], found: four, spec: { ...two, blastRadius: { maxPercent: 25 } } },
    'SQ204 BlastRadius: 2 of 4 containers of shop/web would be down, maxPercent allows 25 %',
  ],
  [
    'maxPercent',
    'is not loosened by the blastRadius',
    { policies: [{ maxPercent: 25 }], found: four, spec: { ...two, blastRadius: { maxPercent: 100 } } },
    'SQ217 TooManyDown: Policy a: 2 of 4 containers of shop/web would be down, maxPercent allows 25 %',
  ],
  [
    'minHealthy',
    'permits what leaves enough',
    { policies: [{ minHealthy: 2 }], found: four, spec: two },
    PAUSED(2),
  ],
  [
    'minHealthy',
    'refuses what leaves too few',
    {
      policies: [{ minHealthy: 1 }, { minHealthy: 3 }],
      found: [...four.slice(0, 3), container('web-3', { ...shop, health: 'unhealthy' })],
      spec: one,
    },
    'SQ217 TooManyDown: Policy b: 2 of 4 containers of shop/web would stay healthy, minHealthy asks for 3',
  ],
  ['budget', 'permits what fits', { policies: [{ budget: [{ faultTime: '3m', window: '1h' }] }] }, PAUSED(3)],
  [
    'budget',
    'refuses what is more than all of it, for good',
    { policies: [{ budget: [{ faultTime: '2m', window: '1h' }] }] },
    'SQ218 BudgetSpent: Policy a: budget of 2m in 1h: nothing is used, 2m is left, the run takes 3m',
  ],
  [
    'windows',
    'permits within',
    { policies: [{ windows: { allow: [{ days: ['tue'] }] } }] }, // NOW is a Tuesday
    PAUSED(3),
  ],
  [
    'windows',
    'refuses outside',
    { policies: [{ windows: { timeZone: 'Europe/Zurich', allow: [{ days: ['wed'], from: '09:00' }] } }] },
    'SQ219 OutsideWindow: Policy a: chaos may not run now; opens Wed 09:00 Europe/Zurich (again in 115200s)',
  ],
  [
    'healthGate',
    'refuses while it does not hold',
    { policies: [{}], change: { gate: { holds: false, message: 'policy a: probe up fails: no answer' } } },
    'SQ220 HealthGate: policy a: probe up fails: no answer',
  ],
  [
    'healthGate',
    'refuses while nobody knows',
    {
      policies: [{}],
      change: { gate: { holds: false, known: false, message: 'policy a: probe up has no result yet' } },
    },
    'SQ220 HealthGate: policy a: probe up has no result yet',
  ],
  ['nothing', 'said permits everything', { policies: [{}] }, PAUSED(3)],
];

describe('a Policy, when a run is to start:', () => {
  for (const [rule, what, asked, answer] of CASES)
    it(`${rule} ${what}`, () => {
      assert.equal(start(asked), answer);
    });

  it('that is wrong and never was right keeps everything from starting', () => {
    const stale = 'a.yaml:3:1 SQ102 spec.maxTarget: unknown field. Did you mean "maxTargets"?';
    const policies = [policy({}, { name: 'a', unknown: true, stale })];
    assert.equal(
      start({ policies: [], change: { policies } }),
      `SQ210 PolicyUnknown: Policy a is wrong and has no version that was right, so nothing starts: ${stale}`,
    );
    assert.match(start({ policies: [], found: [], change: { policies } }), /SQ210/, 'whatever matches');
  });

  it('that two files declare differently keeps everything from starting', () => {
    const conflict = 'a.yaml:1:1 and b.yaml:1:1 declare it differently';
    const policies = [policy({}), policy({}, { name: 'a', conflict })];
    assert.equal(
      start({ policies: [], change: { policies } }),
      `SQ211 PolicyInvalid: Policy a is declared twice, so nothing starts: ${conflict}`,
    );
  });

  it('that is wrong now counts as it was', () => {
    const policies = [
      policy({ maxTargets: 2 }, { stale: 'default.yaml:1:1 ...; the last good version stands' }),
    ];
    assert.match(start({ policies: [], change: { policies } }), /^SQ216/);
  });
});

describe('limits that nobody set', () => {
  it('cost no look at what other experiments do', () => {
    const never = () => assert.fail('looked at');
    const input = planInput(containers(2), { policies: [policy({ maxDuration: '1h', optIn: 'label' })] });
    Object.defineProperties(input, { running: { get: never }, runsSince: { get: never } });
    assert.equal(planExperiment(input).refusal, undefined);
  });
});
