import fc from 'fast-check';
import type { PolicySpec } from '../../../src/core/kinds.ts';
import type { Container, ExperimentSpec, FaultSpec, Mode, Selector } from '../../../src/core/types.ts';
import { BLOCK, container, idOf, PAUSE, policy } from '../build.ts';

export const NAMES = ['web-0', 'web-1', 'web-2', 'web-3', 'db-0', 'db-1', 'lone-0', 'lone-1'];
export const EXPERIMENTS = ['a', 'b', 'c'];

export const box = (name: string): fc.Arbitrary<Container> =>
  fc
    .record({
      optIn: fc.constantFrom(true, true, true, false),
      protect: fc.constantFrom(false, false, false, false, true),
      state: fc.constantFrom<Container['state'][]>('running', 'running', 'running', 'exited'),
      health: fc.constantFrom<Container['health'][]>('none', 'healthy', 'healthy', 'unhealthy'),
      shares: fc.constantFrom(false, false, false, false, name !== 'web-0'),
      network: fc.constantFrom('chaos', 'chaos', 'chaos', 'prod'),
    })
    .map(({ network, shares, ...words }) =>
      container(name, {
        ...words,
        networkMode: shares ? `container:${idOf('web-0')}` : network,
        ...(name.startsWith('lone') ? {} : { project: 'shop', service: name.slice(0, -2) }),
        attachments: shares ? [] : [{ network, aliases: [] }],
      }),
    );

export const world: fc.Arbitrary<Container[]> = fc.tuple(...NAMES.map(box)).map((found) => [...found]);

const select: fc.Arbitrary<Selector> = fc.oneof(
  fc.subarray(NAMES, { minLength: 1, maxLength: 3 }).map((names): Selector => ({ names })),
  fc.constantFrom('web', 'db', 'lone').map((name): Selector => ({ names: [`/^${name}/`] })),
);

const mode: fc.Arbitrary<Mode> = fc.constantFrom<Mode[]>('all', 'all', 'one', { count: 2 }, { percent: 50 });

export const experiment: fc.Arbitrary<Partial<ExperimentSpec>> = fc
  .record({
    select,
    mode,
    faults: fc.constantFrom<FaultSpec[][]>([PAUSE], [BLOCK], [PAUSE, BLOCK]),
    duration: fc.constantFrom('10s', '60s', '5m'),
  })
  .map(({ select, mode, ...rest }) => ({ ...rest, targets: { select, mode, seed: 1 } }));

/** NOW is midnight of a Tuesday. */
const windows: fc.Arbitrary<NonNullable<PolicySpec['windows']>> = fc.constantFrom(
  { allow: [{ to: '00:10' }] },
  { allow: [{ from: '00:05' }] },
  { deny: [{ from: '00:02', to: '00:03' }] },
);

const limits: fc.Arbitrary<PolicySpec> = fc.record(
  {
    optIn: fc.oneof(
      fc.constant('label' as const),
      fc.constant('none' as const),
      select.map((one) => ({ select: one })),
    ),
    protect: fc.array(select, { minLength: 1, maxLength: 2 }),
    networks: fc.constantFrom(['chaos'], ['*'], ['pr*', 'none']),
    faults: fc.constantFrom({ allow: ['container-pause'] }, { deny: ['container-pause'] }),
    maxDuration: fc.constantFrom('30s', '2m'),
    maxConcurrentRuns: fc.integer({ min: 1, max: 3 }),
    maxTargets: fc.integer({ min: 1, max: 4 }),
    maxPercent: fc.integer({ min: 20, max: 100 }),
    minHealthy: fc.integer({ min: 0, max: 3 }),
    windows,
  },
  { requiredKeys: [] },
);

/** Each limit alone leaves room for something to happen; all of them together seldom do. */
export const someLimits: fc.Arbitrary<PolicySpec> = limits.chain((spec) =>
  fc
    .subarray(Object.keys(spec) as (keyof PolicySpec)[], { maxLength: 2 })
    .map((keys) => Object.fromEntries(keys.map((key) => [key, spec[key]])) as PolicySpec),
);

export const named = (specs: readonly PolicySpec[]) =>
  specs.map((spec, index) => policy(spec, { name: `p${index}` }));
export const policies = fc.array(someLimits, { maxLength: 3 }).map(named);
