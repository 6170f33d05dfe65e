import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { durationMs } from '../../src/core/duration.ts';
import type { ConcurrencyPolicy, ScheduleSpec } from '../../src/core/kinds.ts';
import { type DecideInput, type Decision, decideSchedule, startOf } from '../../src/schedule/decide.ts';
import { countSlots, parseCron } from '../../src/schedule/slots.ts';
import { wallOf } from './crons.ts';
import { type Look, World } from './world.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const DAY = 24 * H;

/** Expressions with a length that is about their period. */
const crons = fc.constantFrom<[cron: string, zone: string, period: number]>(
  ['30 2 * * *', 'Europe/Zurich', DAY],
  ['0,30 1-3 * * *', 'Australia/Lord_Howe', 4 * H],
  ['@hourly', 'America/New_York', H],
  ['*/10 * * * *', 'Europe/Zurich', 10 * M],
  ['* * * * *', 'UTC', M],
  ['*/10 * * * * *', 'America/New_York', 10 * S],
);
const from = fc.constantFrom(
  '2028-02-27T12:00Z',
  '2026-03-28T12:00Z',
  '2026-10-24T12:00Z',
  '2026-11-01T01:00Z',
);

type Command = { kind: 'live' | 'down' | 'step' | 'hold'; periods: number };
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('live' as const), periods: fc.integer({ max: 8, min: 1 }) }),
  },
  fc.record({
    kind: fc.constantFrom('down', 'hold'),
    periods: fc.oneof(fc.float({ min: 0, max: 4, noNaN: true }), fc.constant(150)),
  }),
  fc.record({ kind: fc.constant('step' as const), periods: fc.float({ min: -3, max: 5, noNaN: true }) }),
);

const story = fc.record({
  cron: crons,
  from,
  policy: fc.constantFrom<ConcurrencyPolicy | undefined>('Forbid', 'Replace', 'Allow', undefined),
  /** In periods. */
  jitter: fc.constantFrom(0, 0, 0.5, 5),
  deadline: fc.constantFrom(0.1, 0.5, 1.5, 4),
  historyLimit: fc.constantFrom(0, 3, undefined),
  /** Shares of a period that runs last, taken in turn. */
  runs: fc.array(fc.float({ min: 0, max: 3, noNaN: true }), { minLength: 1, maxLength: 5 }),
  lateness: fc.array(fc.nat(200), { minLength: 1, maxLength: 5 }),
  commands: fc.array(command, { minLength: 1, maxLength: 8 }),
});

interface Story {
  cron: [string, string, number];
  from: string;
  policy: ConcurrencyPolicy | undefined;
  jitter: number;
  deadline: number;
  historyLimit: number | undefined;
  runs: number[];
  lateness: number[];
  commands: Command[];
}

function inTurn(values: readonly number[], times: number): () => number {
  let index = 0;
  return () => Math.round((values[index++ % values.length] as number) * times);
}

function tell(told: Story, look: (look: Look) => void): World {
  const [cron, timeZone, period] = told.cron;
  const spec: ScheduleSpec = {
    cron,
    timeZone,
    jitter: `${told.jitter * period}ms`,
    startingDeadline: `${told.deadline * period}ms`,
    ...(told.policy && { concurrencyPolicy: told.policy }),
    ...(told.historyLimit !== undefined && { historyLimit: told.historyLimit }),
  };
  const delays = {
    timer: inTurn(told.lateness, 1),
    run: inTurn(told.runs, period),
    end: inTurn(told.runs, S),
  };
  const world = new World(spec, Date.parse(told.from), delays, look);
  for (const { kind, periods } of told.commands) world[kind](Math.round(periods * period));
  world.live(period);
  return world;
}

/** Over random lives: the daemon goes down, its clock is set forward and back, it is held, runs end when they like. */
function over(check: (told: Story) => unknown, numRuns = 100): void {
  const property = fc.property(story, (told) => {
    check(told);
  });
  fc.assert(property, { numRuns });
}

const kinds = ({ actions }: Decision) => actions.map(({ kind }) => kind);
const sum = (values: readonly number[]) => values.reduce((total, one) => total + one, 0);
const missedIn = ({ actions }: Decision) =>
  sum(actions.map((action) => (action.kind === 'miss' ? action.count : 0)));
const firedIn = ({ actions }: Decision) => actions.filter(({ kind }) => kind === 'fire').length;

function running({ owned }: DecideInput): number {
  return owned.filter(({ active }) => active).length;
}

/** When a slot is due: its own start, or a later one of a slot before it. */
function dueOf(spec: ScheduleSpec, slot: number): number {
  const jitter = durationMs(spec.jitter ?? '0s');
  const { next } = parseCron(spec.cron, spec.timeZone);
  let due = startOf('u', slot, jitter);
  for (let one = next(slot - jitter); one !== undefined && one < slot; one = next(one))
    due = Math.max(due, startOf('u', one, jitter));
  return due;
}

describe('over any life of a daemon', () => {
  it('no slot fires twice, and they fire in order', () => {
    over((told) => {
      const slots = tell(told, () => {}).fired.map(({ slot }) => slot);
      assert.ok(slots.every((slot, index) => index === 0 || slot > (slots[index - 1] as number)));
    });
  });

  it('a slot fires when it is due, or late within its deadline', () => {
    over((told) => {
      const { fired, spec } = tell(told, () => {});
      for (const { slot, at } of fired) {
        const due = dueOf(spec, slot);
        assert.ok(at >= due && at <= due + durationMs(spec.startingDeadline as string));
        assert.ok(due >= slot && due <= slot + durationMs(spec.jitter as string));
      }
    });
  });

  it('every slot is fired or missed, in the decision that is done with it', () => {
    over((told) =>
      tell(told, ({ input, decision }) => {
        const cron = parseCron(input.spec.cron, input.spec.timeZone);
        const [before, after] = [input.state.doneUntil, decision.state.doneUntil];
        assert.ok(after >= before);
        assert.ok((decision.state.lastSlot ?? 0) >= (input.state.lastSlot ?? 0));
        const want = input.held ? 0 : countSlots(cron, before, after, 100_000);
        assert.equal(firedIn(decision) + missedIn(decision), want);
      }),
    );
  });

  it('what is due while the daemon lives fires, unless it may not yet: then only what runs is to blame', () => {
    over((told) =>
      tell(told, ({ input, decision, since, ended }) => {
        if (since === 'break' || missedIn(decision) === 0) return;
        assert.notEqual(input.spec.concurrencyPolicy, 'Allow');
        assert.ok(running(input) > 0 || ended > 0);
        if (running(input) > 0)
          assert.ok(decision.actions.some((one) => one.kind === 'miss' && one.reason !== 'TooLate'));
      }),
    );
  });

  it('nothing starts beside another, but under Allow', () => {
    over((told) =>
      tell(told, ({ input, decision }) => {
        if (input.spec.concurrencyPolicy === 'Allow') return;
        const beside = running(input) + firedIn(decision);
        assert.ok(firedIn(decision) === 0 || beside === 1);
      }),
    );
  });

  it('only Replace ends runs, and only active ones', () => {
    over((told) =>
      tell(told, ({ input, decision }) => {
        for (const action of decision.actions) {
          if (action.kind !== 'replace') continue;
          assert.equal(input.spec.concurrencyPolicy, 'Replace');
          const active = input.owned.filter((run) => run.active).map(({ name }) => name);
          assert.deepEqual(action.runs, active);
        }
      }),
    );
  });

  it('no more runs are kept than the history may hold', () => {
    over((told) => {
      const world = tell(told, () => {});
      decideAndForget(world);
      const ended = world.runs.filter(({ active }) => !active);
      assert.ok(ended.length <= (world.spec.historyLimit ?? 10));
    });
  });

  it('nothing is left to do until wakeAfter, and there is something then or a day is over', () => {
    over(
      (told) =>
        tell(told, ({ input, decision }) => {
          const { wakeAfter, state, next } = decision;
          if (wakeAfter === undefined) return assert.equal(next, undefined);
          assert.ok(wakeAfter >= 0 && wakeAfter <= DAY);
          const owned = input.owned.concat(
            decision.actions.flatMap((action) =>
              action.kind === 'fire'
                ? [{ name: action.name, slot: action.slot, active: true, endedAt: null }]
                : [],
            ),
          );
          const later = (ms: number) => decideSchedule({ ...input, owned, state, now: input.now + ms });
          const still =
            wakeAfter === 0 ? [] : [later(0), later(Math.floor(wakeAfter / 2)), later(wakeAfter - 1)];
          for (const one of still) assert.ok(!/fire|miss/.test(kinds(one).join()), kinds(one).join());
          const then = later(wakeAfter);
          const waits = then.next !== undefined && dueOf(input.spec, then.next) <= input.now + wakeAfter;
          assert.ok(wakeAfter === DAY || waits || /fire|miss|replace/.test(kinds(then).join()));
        }),
      40,
    );
  });
});

/** What the last look of a story left. */
function decideAndForget(world: World): void {
  world.live(0);
}

describe('a year of nights', () => {
  const delays = { timer: () => 3, run: () => 10 * M, end: () => S };

  for (const [timeZone, year, nights] of [
    ['Europe/Zurich', 2026, 365],
    ['Europe/Zurich', 2028, 366],
    ['America/New_York', 2028, 366],
    ['Australia/Lord_Howe', 2028, 366],
  ] as const)
    for (const jitter of ['0s', '30m'])
      it(`fires once on each day of ${year} in ${timeZone}, with a jitter of ${jitter}`, () => {
        const spec: ScheduleSpec = { cron: '30 2 * * *', timeZone, jitter };
        const world = new World(spec, Date.UTC(year - 1, 11, 30), delays);
        const started = performance.now();
        world.live(369 * DAY);
        assert.ok(performance.now() - started < 1000);
        const days = world.fired.map(({ slot }) => wallOf(slot, timeZone).date);
        const inYear = days.filter((day) => day.startsWith(`${year}`));
        assert.equal(inYear.length, nights);
        assert.equal(new Set(inYear).size, nights);
        assert.equal(world.missed, 0);
        assert.equal(inYear.includes(`${year}-02-29`), year === 2028);
      });

  it('loses the one night that the clock jumps over, and no other to a clock that is set back and forth', () => {
    const world = new World({ cron: '30 2 * * *' }, Date.UTC(2028, 0, 1), delays);
    for (let month = 0; month < 11; month++) {
      world.live(20 * DAY + 12 * H);
      world.step(-5 * H);
      world.live(6 * H);
      world.step(5 * H);
      world.live(7 * DAY + 6 * H);
    }
    assert.equal(world.missed, 0);
    const before = world.fired.length;
    world.live(DAY - ((world.now - 2 * H) % DAY));
    const slot = Math.floor(world.now / DAY) * DAY + 2.5 * H;
    world.step(H);
    world.live(DAY);
    assert.equal(world.missed, 1);
    assert.ok(!world.fired.some((one) => one.slot === slot));
    assert.ok(world.fired.length > before);
    const slots = world.fired.map((one) => one.slot);
    assert.deepEqual(
      slots,
      Array.from({ length: slots.length + 1 }, (_, day) => Date.UTC(2028, 0, 1 + day, 2, 30)).filter(
        (one) => one !== slot,
      ),
    );
  });
});
