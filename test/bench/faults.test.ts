import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { reasonAgainst, subjects } from '../../bench/faults/catalogue.ts';
import { damage } from '../../bench/faults/swaps.ts';
import { backAt, hitAt, type Packets } from '../../bench/faults/tap.ts';
import { FAULTS } from '../../src/faults/index.ts';
import { FORMATS } from '../../src/manifests/formats.ts';
import { faultSchema } from '../../src/manifests/schema.ts';
import { WHOLE_HOST } from '../lab/host.ts';
import { asContainer } from '../lab/namespace.ts';

describe('what the bench measures', () => {
  const all = subjects('198.51.100.7');

  it('is every kind there is', () => {
    assert.deepEqual(
      [...new Set(all.map(({ kind }) => kind.type))].sort(),
      FAULTS.map(({ type }) => type),
    );
  });

  it('is a fault that a manifest may hold', () => {
    const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
    for (const [name, { test }] of Object.entries(FORMATS))
      ajv.addFormat(name, { type: 'string', validate: test });
    for (const { name, kind, fault } of all) {
      const validate = ajv.compile(faultSchema(kind));
      assert.ok(validate(fault), `${name}: ${JSON.stringify(validate.errors)}`);
      assert.deepEqual(kind.problems?.(fault) ?? [], [], name);
    }
  });

  it('names in the kind’s words what a host can’t do', () => {
    const target = asContainer({ id: 'a'.repeat(64), pid: 1 }, 'target', [
      { network: 'n', ip4: '198.51.100.8', aliases: [] },
    ]);
    const without = { ...WHOLE_HOST, shaping: { ...WHOLE_HOST.shaping, netem: false } };
    const reasons = (host: typeof WHOLE_HOST) =>
      new Map(
        all.map((subject) => [
          subject.name,
          reasonAgainst(subject, target, { containers: [target], hosts: new Map(), host }, true),
        ]),
      );
    assert.deepEqual([...new Set(reasons(WHOLE_HOST).values())], [undefined]);
    assert.match(reasons(without).get('network-latency') ?? '', /^(?!network-latency).*netem/);
    assert.match(reasons(without).get('network-loss-netem') ?? '', /netem/);
    assert.equal(reasons(without).get('network-loss'), undefined);
  });
});

/** One packet a ms, `x` a touched one, from 0. */
function packets(text: string): Packets {
  return { sentAt: [...text].map((_, index) => index), touched: [...text].map((mark) => mark === 'x') };
}

describe('the first packet that is hit', () => {
  it('is where the touched ones begin that go on to the end', () => {
    assert.equal(hitAt(packets('.....xxxxx'), 2, 10), 5);
  });

  it('is none that a busy machine made late before', () => {
    assert.equal(hitAt(packets('..xxx..xxxx'), 1, 11), 7);
  });

  it('is the same with one among the others that was let through', () => {
    assert.equal(hitAt(packets('...xx.xxxx'), 1, 10), 3);
  });

  it('is not looked for before the plan, nor after the word to recover', () => {
    assert.equal(hitAt(packets('xxxxxxxx..'), 4, 8), 4);
    assert.equal(hitAt(packets('....xxxx..'), 0, 10), undefined);
  });
});

describe('the first packet that is as before', () => {
  it('is the first of two in a row', () => {
    assert.equal(backAt(packets('xxxx.xx...'), 2, 10), 7);
  });

  it('is none where all are touched', () => {
    assert.equal(backAt(packets('xxxxxx'), 2, 6), undefined);
  });
});

describe('damage to a flow', () => {
  const flow = { sent: [0, 1, 2, 3, 4, 5], arrived: [0.5, undefined, undefined, 3.2, 9, undefined] };

  it('counts what was lost in the window, and from its sending to that of the next', () => {
    assert.deepEqual(damage(flow, { from: 0, to: 3 }), { lost: 2, spanMs: 2, slowestMs: 0.5 });
  });

  it('tells the slowest that came through, and nothing of others', () => {
    assert.deepEqual(damage(flow, { from: 3, to: 4 }), { lost: 0, spanMs: 0, slowestMs: 5 });
  });
});
