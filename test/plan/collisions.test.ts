import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Container, Effect, FaultSpec, Run } from '../../src/core/types.ts';
import { faultKind } from '../../src/faults/index.ts';
import { refuseFaults } from '../../src/plan/permit.ts';
import {
  BLOCK,
  container,
  containers,
  declared,
  effect,
  idOf,
  PAUSE,
  planInput,
  run,
  world,
} from './build.ts';
import { Model, word } from './model.ts';

const latency = (to: string, more: Partial<FaultSpec> = {}): FaultSpec => ({
  type: 'network-latency',
  delay: '50ms',
  to: [to === 'any' ? { any: true } : { cidr: to }],
  ...more,
});
const A = latency('192.0.2.0/24');
const INSIDE_A = latency('192.0.2.7/32');
const B = latency('198.51.100.0/24');

const [web0, web1] = containers(2) as [Container, Container];

/** A diverting fault of another experiment, as the journal has it. */
function other(fault: FaultSpec, target: Container, found: readonly Container[] = [target]): Effect {
  const resolved = faultKind(fault.type).resolve(fault, target, world(found));
  return effect(fault, target, { experiment: 'other', resolved });
}

interface Question {
  chosen: readonly Container[];
  faults: readonly FaultSpec[];
  others?: readonly Effect[];
  /** What runs already: an edit or a join then, of that run. */
  run?: Run;
  containers?: readonly Container[];
}

function ask({ chosen, faults, others = [], run: current, containers: found = chosen }: Question) {
  const manifest = declared({ faults: [...faults] });
  const effects = (current?.faults ?? []).flatMap(({ slot, fault }) =>
    chosen
      .filter(({ id }) => current?.targets.some((target) => target.id === id))
      .map((target) => effect(fault, target, { slot })),
  );
  const input = planInput(found, { manifest, others, effects, world: world(found) });
  const slotted = faults.map((fault, slot) => ({ slot, fault }));
  return refuseFaults(input, chosen, slotted, current);
}

const conflict = (message: string) => ({ code: 'SQ206', reason: 'Conflict', message });

describe('faults that take packets out of their way', () => {
  it('of two experiments on one target are refused where they want the same, naming fault and experiment', () => {
    assert.deepEqual(
      ask({ chosen: [web0, web1], faults: [INSIDE_A], others: [other(A, web1)] }),
      conflict(
        'web-1 is under network-latency of experiment other: both want its egress packets to 192.0.2.7',
      ),
    );
  });

  it('are no conflict with other packets, or on another target', () => {
    assert.equal(ask({ chosen: [web0], faults: [B], others: [other(A, web0)] }), undefined);
    const ports = { ports: [80], protocol: 'tcp' };
    const [http, https] = [latency('any', ports), latency('any', { ...ports, ports: [443] })];
    assert.equal(ask({ chosen: [web0], faults: [http], others: [other(https, web0)] }), undefined);
    assert.equal(
      ask({ chosen: [web0], faults: [A], others: [other(A, web1)], containers: [web0, web1] }),
      undefined,
    );
  });

  it('are no conflict with faults that leave packets where they are', () => {
    assert.equal(ask({ chosen: [web0], faults: [A, BLOCK], others: [other(BLOCK, web0)] }), undefined);
    assert.equal(ask({ chosen: [web0], faults: [BLOCK], others: [other(A, web0)] }), undefined);
  });

  it('of one experiment are refused likewise', () => {
    assert.deepEqual(
      ask({ chosen: [web0], faults: [A, B, INSIDE_A] }),
      conflict(
        'two faults of this experiment, network-latency and network-latency, want the same packets of web-0: egress packets to 192.0.2.7. Narrow one of them',
      ),
    );
    assert.equal(ask({ chosen: [web0, web1], faults: [A, B] }), undefined);
  });

  it('count while they could not be recovered, and no more when their target is gone', () => {
    const failed = { ...other(A, web0), phase: 'failed' as const };
    assert.equal(ask({ chosen: [web0], faults: [A], others: [failed] })?.code, 'SQ206');
    assert.equal(
      ask({ chosen: [web0], faults: [A], others: [other(A, web1)], containers: [web0] }),
      undefined,
    );
  });
});

describe('in one network namespace', () => {
  const side = container('side', { networkMode: `container:${idOf('web-0')}` });
  const both = [web0, side];

  it("two experiments' targets are one", () => {
    const shared = (mine: string, theirs: string) =>
      conflict(
        `${mine} shares a network namespace with ${theirs}, which is under network-latency of experiment other: both want its egress packets to 192.0.2.0/24`,
      );
    const question = { faults: [A], containers: both };
    assert.deepEqual(
      ask({ ...question, chosen: [side], others: [other(A, web0, both)] }),
      shared('side', 'web-0'),
    );
    assert.deepEqual(
      ask({ ...question, chosen: [web0], others: [other(A, side, both)] }),
      shared('web-0', 'side'),
    );
    assert.equal(ask({ ...question, chosen: [side], others: [other(B, web0, both)] }), undefined);
  });

  it('two targets of one experiment carry each fault once, and are no conflict with themselves', () => {
    assert.equal(ask({ chosen: both, faults: [A, B] }), undefined);
    assert.equal(ask({ chosen: both, faults: [A, INSIDE_A] })?.code, 'SQ206');
  });
});

describe('an edit of a running experiment', () => {
  const running = run([A], [web0]);

  it('is refused where it brings a fault into an overlap', () => {
    const question = { chosen: [web0], run: running, others: [other(B, web0)] };
    assert.equal(ask({ ...question, faults: [latency('any')] })?.code, 'SQ206');
    assert.equal(ask({ ...question, faults: [A, INSIDE_A] })?.code, 'SQ206', 'with a sibling that stays');
    assert.equal(ask({ ...question, faults: [INSIDE_A] }), undefined, 'which takes the place of A');
  });

  it('is refused where it brings a fault to a target that has an overlapping one', () => {
    const question = { faults: [A], run: running, others: [other(A, web1)] };
    assert.equal(ask({ ...question, chosen: [web0], containers: [web0, web1] }), undefined);
    assert.equal(ask({ ...question, chosen: [web0, web1] })?.code, 'SQ206');
  });

  it('is not refused for faults that peers moved into an overlap while both stand', () => {
    const question = { chosen: [web0], run: run([A, INSIDE_A], [web0]), others: [other(A, web0)] };
    assert.equal(ask({ ...question, faults: [A, INSIDE_A] }), undefined);
    assert.equal(ask({ ...question, faults: [A, INSIDE_A, B] }), undefined);
  });
});

describe('a container that joins', () => {
  const running = run([A], [web0]);

  it('is refused where it is under an overlapping fault already', () => {
    const refusal = ask({ chosen: [web0, web1], faults: [A], run: running, others: [other(A, web1)] });
    assert.match(refusal?.message ?? '', /^web-1 is under network-latency of experiment other/);
  });

  it('is not refused for what the others stand in', () => {
    assert.equal(
      ask({ chosen: [web0, web1], faults: [A], run: running, others: [other(A, web0)] }),
      undefined,
    );
  });
});

describe('two experiments on the same containers', () => {
  const late = (fault: FaultSpec, names: string[], duration = '60s') =>
    declared({ duration, faults: [fault], targets: { select: { names }, mode: 'all' } }, { name: 'late' });

  /** Experiment exp delays A on web-0; late runs beside it. */
  function beside(fault: FaultSpec, names: string[]): Model {
    const model = new Model(...containers(2));
    model.declare(declared({ faults: [A], targets: { select: { names: ['web-0'] }, mode: 'all' } }));
    model.settle();
    model.declare(late(fault, names));
    model.settle('late');
    return model;
  }

  it('make the later one wait for the end of the earlier', () => {
    const model = beside(INSIDE_A, ['web-0']);
    assert.deepEqual([model.phase('late'), model.reason('late')], ['Denied', 'Conflict']);
    assert.match(
      model.journal.experiments.get('late')?.message ?? '',
      /^web-0 is under network-latency of experiment exp: both want/,
    );
    model.delete();
    model.settle();
    model.settle('late');
    assert.equal(model.phase('late'), 'Running');
  });

  it('run together as long as an edit of one does not want what the other has', () => {
    const model = beside(B, ['web-0']);
    assert.equal(model.phase('late'), 'Running');
    model.declare(late({ ...B, delay: '80ms' }, ['web-0']));
    model.settle('late');
    assert.equal(model.phase('late'), 'Running');
    model.declare(late(latency('any'), ['web-0']));
    model.settle('late');
    assert.deepEqual([model.phase('late'), model.reason('late')], ['Denied', 'Conflict']);
    assert.deepEqual(model.standing(), ['web-0 network-latency']);
    assert.equal(model.phase(), 'Running');
  });

  it('do not share a container that joins the later one', () => {
    const model = beside(INSIDE_A, ['/^web-[1-9]$/', '/^new/']);
    assert.equal(model.phase('late'), 'Running');
    model.put(container('new', { networkMode: `container:${idOf('web-0')}` }));
    assert.deepEqual(model.settle('late'), []);
    assert.match(
      model.journal.experiments.get('late')?.message ?? '',
      /new left alone: new shares a network namespace with web-0, which is under network-latency of/,
    );
    assert.deepEqual(model.standing(), ['web-0 network-latency', 'web-1 network-latency']);
  });

  for (const [what, first, second] of [
    ['packets', A, INSIDE_A],
    ['life cycle', PAUSE, PAUSE],
  ] as const)
    it(`do not meet after a hold, in which the other took the ${what}; the held one waits for its end`, () => {
      const model = new Model(...containers(2));
      model.declare(declared({ faults: [first] }));
      model.settle();
      model.hold('suspended');
      model.settle();
      model.declare(late(second, ['web-1']));
      model.settle('late');
      assert.deepEqual(model.standing(), [`web-1 ${second.type}`]);
      model.hold(null);
      assert.deepEqual(model.settle(), []);
      assert.deepEqual([model.phase(), model.reason()], ['Denied', 'Conflict']);
      assert.match(
        model.journal.experiments.get('exp')?.message ?? '',
        /^web-1 is under .* of experiment late/,
      );
      assert.equal(model.pass().wakeAfter, 60_000, 'its deadline stays');
      model.delete('late');
      model.settle('late');
      assert.deepEqual(model.settle().map(word), ['inject web-0 resume', 'inject web-1 resume']);
      assert.equal(model.runs().length, 1);
    });

  it('go on when peers move into an overlap', () => {
    const towards = (service: string) => ({ ...A, to: [{ service }] });
    const cache = (ip4: string) =>
      container('cache', {
        service: 'cache',
        project: 'p',
        attachments: [{ network: 'net', ip4, aliases: [] }],
      });
    const web = container('web-0', { project: 'p' });
    const model = new Model(web, container('db', { service: 'db', project: 'p' }), cache('10.0.0.7'));
    model.declare(declared({ faults: [towards('db')] }));
    model.settle();
    model.declare(late(towards('cache'), ['web-0']));
    model.settle('late');
    const [{ ip4 = '' } = {}] = model.container('db').attachments;
    model.put(cache(ip4));
    assert.deepEqual(model.settle('late').map(word), ['inject web-0 peers']);
    model.declare(late(towards('cache'), ['web-0'], '90s'));
    assert.deepEqual(model.settle('late').map(word), ['edit', 'inject web-0 deadline']);
    assert.deepEqual([model.phase(), model.phase('late')], ['Running', 'Running']);
  });
});
