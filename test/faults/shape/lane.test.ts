import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  deviceNamesOf,
  filterHandle,
  foreignOn,
  isOf,
  lanesOf,
  markOfAlias,
  removals,
  waysOf,
} from '../../../src/faults/shape/lane.ts';
import type { SeenFilter } from '../../../src/runtime/tc.ts';
import { converged, DEVICES, directed, EFFECT, IN, lanes, OTHER, OUT, one } from './converged.ts';
import { anEffect, createModel, lanesFor, NETEM } from './model.ts';

describe('the lanes of an effect', () => {
  it('are one for each way of its direction', () => {
    assert.deepEqual(waysOf(directed('egress')), ['egress']);
    assert.deepEqual(waysOf(directed('ingress')), ['ingress']);
    assert.deepEqual(waysOf(directed('both')), ['egress', 'ingress']);
    assert.deepEqual(waysOf({ type: 'network-latency', to: [{ any: true }] }), ['egress']);
    assert.deepEqual(
      lanes(anEffect({ fault: directed('ingress') })).map(({ way, device }) => [way, device]),
      [['ingress', IN]],
    );
  });

  it('have devices that are named whatever the direction, so that an edit of it leaves none behind', () => {
    assert.deepEqual(deviceNamesOf(anEffect({ fault: directed('egress') })), DEVICES);
    assert.notEqual(OUT, IN);
  });

  it('bear the mark in the alias of their device', () => {
    const [lane] = lanes();
    assert.match(lane?.alias ?? '', /^squall i=0badcafe e=slow r=slow-1 d=2000000 q=[0-9a-f]{8}$/);
    assert.deepEqual(markOfAlias(lane?.alias ?? ''), {
      instance: '0badcafe',
      experiment: 'slow',
      run: 'slow-1',
      deadline: 2_000_000,
    });
    assert.equal(markOfAlias(''), undefined);
    assert.equal(markOfAlias('uplink of the router'), undefined);
  });

  it('have an alias that fits, with the longest names that there are', () => {
    const mark = { instance: 'f'.repeat(8), experiment: 'e'.repeat(63), run: 'r'.repeat(90) };
    const [lane] = lanesOf(EFFECT, NETEM, { ...mark, deadline: 8.64e15 }, 1, []);
    // IFALIASZ of linux/if.h, less the end.
    assert.ok(Buffer.byteLength(lane?.alias ?? '') <= 255);
    assert.equal(markOfAlias(lane?.alias ?? '')?.run, mark.run);
  });

  it('name their programs by the content', () => {
    const name = (change: Parameters<typeof anEffect>[0]) => lanes(anEffect(change)).map((l) => l.program);
    const [egress, ingress] = name({});
    assert.match(egress ?? '', /^sq-[0-9a-f]{12}$/);
    assert.notEqual(egress, ingress);
    assert.deepEqual(name({ runId: 'another' }), [egress, ingress], 'what it does is the same');
    const resolved = { v4: ['172.18.0.3'], v6: [], any: false, missing: [], networks: [] };
    const deadline = { ...EFFECT.deadline, boot: 1_000_001 };
    for (const change of [{ resolved }, { deadline }, { fault: { ...EFFECT.fault, ports: [80] } }])
      assert.ok(name(change).every((program) => program !== egress && program !== ingress));
  });

  it('number their filters within what tc takes, each device its own', () => {
    for (const device of DEVICES) {
      const handle = filterHandle(device);
      assert.ok(handle > 0 && handle <= 0x7fff_ffff && Number.isInteger(handle));
      assert.equal(filterHandle(device), handle);
    }
    assert.notEqual(filterHandle(OUT), filterHandle(IN));
  });
});

describe('removals', () => {
  it("take an interface's clsact with its last filter, and only then", () => {
    const model = converged();
    const { filters } = model.standing;
    const lines = removals(
      model.standing,
      filters.filter(({ dev, way }) => dev === 'eth0' || way === 'egress'),
    );
    assert.deepEqual(
      lines.map((words) => words.slice(0, 5).join(' ')),
      [
        'filter del dev eth0 egress',
        'filter del dev eth1 egress',
        'filter del dev eth0 ingress',
        'qdisc del dev eth0 clsact',
      ],
    );
  });

  it('leave a clsact that somebody else filters with', () => {
    const model = converged();
    const { filters } = model.standing;
    const mine = [...filters];
    filters.push({ ...one(model, 'eth0', OUT), pref: 1, program: '', to: 'eth2' });
    const lines = removals(model.standing, mine).filter(([what]) => what === 'qdisc');
    assert.deepEqual(lines, [['qdisc', 'del', 'dev', 'eth1', 'clsact']]);
  });

  it('leave one that another filter is about to use', () => {
    const model = converged(lanes(EFFECT, NETEM, ['eth0']));
    const lines = removals(model.standing, model.standing.filters, [{ dev: 'eth0' }]);
    assert.deepEqual(
      lines.filter(([what]) => what === 'qdisc'),
      [],
    );
  });

  it('are none where there is nothing to take', () => {
    assert.deepEqual(removals(converged().standing, []), []);
  });
});

describe('what keeps an interface from taking filters', () => {
  it('is nothing where there are none, or Squall made them', () => {
    assert.equal(foreignOn(createModel().standing, 'eth0'), undefined);
    assert.equal(foreignOn(converged().standing, 'eth0'), undefined);
    assert.equal(foreignOn(converged(lanesFor(OTHER), deviceNamesOf(OTHER)).standing, 'eth0'), undefined);
  });

  it('is nothing where a device of Squall was removed under its filters', () => {
    const model = converged();
    model.line(['link', 'del', 'dev', OUT]);
    assert.equal(foreignOn(model.standing, 'eth0'), undefined);
  });

  it('is an ingress qdisc, or a filter of somebody else', () => {
    const model = converged();
    model.standing.qdiscs.push({ dev: 'eth2', kind: 'ingress', root: false, held: 0 });
    assert.match(foreignOn(model.standing, 'eth2') ?? '', /ingress qdisc/);
    model.standing.filters.push({ ...one(model, 'eth1', OUT), pref: 9, program: 'cls', to: '' });
    assert.match(foreignOn(model.standing, 'eth1') ?? '', /egress, pref 9/);
    assert.equal(foreignOn(model.standing, 'eth0'), undefined, 'each interface for itself');
  });
});

describe('whose a filter is', () => {
  const [filter] = converged().standing.filters;
  const is = (change: Partial<SeenFilter>) => isOf({ ...(filter as SeenFilter), ...change }, DEVICES);

  it('is told by its device, or by its number once that is gone', () => {
    assert.ok(is({}));
    assert.ok(is({ pref: 1, handle: '0x1' }));
    assert.ok(is({ to: '*' }));
    assert.ok(!is({ to: '*', pref: 1 }));
    assert.ok(!is({ to: '*', handle: '0x1' }));
    assert.ok(!isOf(filter as SeenFilter, deviceNamesOf(OTHER)));
  });
});
