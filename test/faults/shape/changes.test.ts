import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { changes, deviceNamesOf, isEmpty, markOfAlias, type Qdisc } from '../../../src/faults/shape/lane.ts';
import type { SeenFilter } from '../../../src/runtime/tc.ts';
import {
  BOTH,
  carryOut,
  converge,
  converged,
  DEVICES,
  directed,
  EFFECT,
  found,
  IN,
  lanes,
  OTHER,
  OUT,
  one,
} from './converged.ts';
import { anEffect, createModel, isHarmless, lanesFor, type Model, NETEM } from './model.ts';

const root = ({ standing }: Model, device: string) =>
  found(standing.qdiscs.find(({ dev }) => dev === device));
const link = ({ standing }: Model, device: string) =>
  found(standing.ifbs.find(({ name }) => name === device));
const without = ({ standing }: Model, filter: SeenFilter) => {
  standing.filters = standing.filters.filter((other) => other !== filter);
};

/** What may stand when a pass begins, made of what is wanted. */
const STATES: Record<string, (model: Model) => void> = {
  'nothing at all': (model) => {
    Object.assign(model.standing, { ifbs: [], qdiscs: [], filters: [] });
  },
  'a device without a name, down': (model) => {
    Object.assign(model.standing, { qdiscs: [], filters: [], ifbs: [{ name: OUT, up: false, alias: '' }] });
  },
  'devices without a qdisc of theirs': (model) => {
    Object.assign(model.standing, { qdiscs: [], filters: [] });
  },
  'devices and qdiscs, and no filters': (model) => {
    for (const dev of BOTH) model.line(['qdisc', 'del', 'dev', dev, 'clsact']);
  },
  'empty clsact qdiscs': (model) => {
    model.standing.filters = [];
  },
  'one filter less on one of two interfaces': (model) => without(model, one(model, 'eth1', IN)),
  'no clsact on one of two interfaces': (model) => model.line(['qdisc', 'del', 'dev', 'eth1', 'clsact']),
  'another program': (model) => Object.assign(one(model, 'eth0', OUT), { program: 'sq-000000000000' }),
  'a qdisc of another kind': (model) => Object.assign(root(model, OUT), { kind: 'pfifo' }),
  'a qdisc with other parameters': (model) => {
    for (const device of DEVICES)
      link(model, device).alias = link(model, device).alias.replace(/q=.*/, 'q=0');
  },
  'another deadline': (model) => {
    for (const device of DEVICES)
      link(model, device).alias = link(model, device).alias.replace(/d=\d+/, 'd=1');
  },
  'a device that was renamed by its alias': (model) => Object.assign(link(model, OUT), { alias: 'mine' }),
  'a device that is down': (model) => Object.assign(link(model, OUT), { up: false }),
  'a device that somebody removed': (model) => model.line(['link', 'del', 'dev', OUT]),
  'both devices removed': (model) => {
    for (const device of DEVICES) model.line(['link', 'del', 'dev', device]);
  },
  'a filter on an interface that leads to nobody any more': (model) => {
    const stale = { ...one(model, 'eth0', OUT), dev: 'eth2' };
    model.line(['qdisc', 'add', 'dev', 'eth2', 'clsact']);
    model.standing.filters.push(stale);
  },
  'a filter that leads nowhere, on such an interface': (model) => {
    const stale = { ...one(model, 'eth0', OUT), dev: 'eth2', to: '*' };
    model.line(['qdisc', 'add', 'dev', 'eth2', 'clsact']);
    model.standing.filters.push(stale);
  },
  'a filter in another place that leads to the device': (model) => {
    model.standing.filters.push({ ...one(model, 'eth0', OUT), pref: 7 });
  },
  'a filter on the wrong way': (model) => {
    model.standing.filters.unshift({ ...one(model, 'eth0', OUT), way: 'ingress' });
  },
  'a filter of the number that leads elsewhere': (model) =>
    Object.assign(one(model, 'eth0', OUT), { to: 'eth2' }),
};

describe('changes', () => {
  it('make everything, each thing before what stands on it', () => {
    const [lane] = lanes(anEffect({ fault: directed('egress') }), NETEM, ['eth0']);
    assert.ok(lane);
    const { links, qdiscs, filters, ...rest } = changes(createModel().standing, [lane], DEVICES, true);
    assert.deepEqual(links, [
      ['link', 'add', 'name', OUT, 'txqueuelen', '1000', 'type', 'ifb'],
      ['link', 'set', 'dev', OUT, 'addrgenmode', 'none'],
      ['link', 'set', 'dev', OUT, 'alias', lane.alias, 'up'],
    ]);
    assert.deepEqual(qdiscs, [
      ['qdisc', 'replace', 'dev', OUT, 'root', 'handle', '1:', ...NETEM.args],
      ['qdisc', 'add', 'dev', 'eth0', 'clsact'],
    ]);
    assert.deepEqual(filters, [{ dev: 'eth0', lane }]);
    assert.deepEqual(rest, { removals: [], labels: [] });
  });

  it('ask for no addresses where IPv6 is not known', () => {
    const { links } = changes(createModel().standing, lanes(), DEVICES, false);
    assert.ok(!links.flat().includes('addrgenmode'));
  });

  for (const [name, state] of Object.entries(STATES)) {
    it(`turn ${name} into what is wanted, and then there are none`, () => {
      const model = converged();
      const wanted = structuredClone({ ...model.standing, told: model.told });
      state(model);
      converge(model);
      assert.ok(isEmpty(changes(model.standing, lanes(), DEVICES, true)));
      assert.ok(isHarmless(model.standing));
      assert.deepEqual(sorted(model), sorted({ ...model, standing: wanted }));
      assert.deepEqual(model.told, wanted.told);
    });
  }

  it('from any mixture of them are right at once, and never make worse what was harmless', () => {
    const states = fc.subarray(Object.keys(STATES));
    fc.assert(
      fc.property(states, (names) => {
        const model = converged();
        const wanted = sorted(model);
        for (const name of names) {
          try {
            STATES[name]?.(model);
          } catch {
            // What it would spoil was taken away by another.
          }
        }
        let harmless = isHarmless(model.standing);
        model.after = (line) => {
          assert.ok(isHarmless(model.standing) || !harmless, `${line} loses packets`);
          harmless = isHarmless(model.standing);
        };
        converge(model);
        assert.ok(isEmpty(changes(model.standing, lanes(), DEVICES, true)));
        assert.deepEqual(sorted(model), wanted);
      }),
      { numRuns: 300 },
    );
  });

  it('leave a device alone where only the deadline is another', () => {
    const model = converged();
    const later = anEffect({ deadline: { ...EFFECT.deadline, wall: 3_000_000, boot: 2_000_000 } });
    const found = converge(model, lanes(later));
    assert.deepEqual([found.links, found.qdiscs, found.removals], [[], [], []]);
    assert.deepEqual([found.filters.length, found.labels.length], [4, 2]);
    assert.equal(markOfAlias(link(model, OUT).alias)?.deadline, 3_000_000);
  });

  it('change a qdisc where it is, or put another in its place by another number', () => {
    const model = converged();
    const more: Qdisc = { ...NETEM, args: ['netem', 'limit', '1000', 'delay', '200000us'] };
    assert.deepEqual(
      converge(model, lanes(EFFECT, more)).qdiscs.map((words) => words.slice(0, 9).join(' ')),
      DEVICES.map((device) => `qdisc replace dev ${device} root handle 1: netem limit`),
    );
    assert.equal(model.told.get(OUT), '1: netem limit 1000 delay 200000us');
    converge(model, lanes(EFFECT, { ...more, handle: 2 }));
    assert.equal(model.told.get(OUT), '2: netem limit 1000 delay 200000us');
    assert.ok(isEmpty(changes(model.standing, lanes(EFFECT, { ...more, handle: 2 }), DEVICES, true)));
  });

  it('take the filters of a way that is not wanted any more', () => {
    const model = converged();
    const found = converge(model, lanes(anEffect({ fault: directed('egress') })));
    assert.equal(found.removals.length, 2);
    assert.deepEqual([...new Set(model.standing.filters.map(({ way }) => way))], ['egress']);
    assert.ok(
      model.standing.ifbs.some(({ name }) => name === IN),
      'what is in it still drains',
    );
  });

  it('go over to another interface, the new one first', () => {
    const model = converged(lanes(EFFECT, NETEM, ['eth0']));
    const order: string[] = [];
    model.after = (line) => order.push(line.replace(/ protocol .*/, ''));
    converge(model, lanes(EFFECT, NETEM, ['eth1']));
    assert.deepEqual(order, [
      'qdisc add dev eth1 clsact',
      'filter replace dev eth1 egress',
      'filter replace dev eth1 ingress',
      'filter del dev eth0 egress',
      'filter del dev eth0 ingress',
      'qdisc del dev eth0 clsact',
    ]);
  });

  it('touch nothing of other effects or of others', () => {
    const model = converged(lanesFor(OTHER, NETEM, BOTH), deviceNamesOf(OTHER));
    const foreign = {
      ...one(model, 'eth0', deviceNamesOf(OTHER)[0] ?? ''),
      pref: 9,
      program: '',
      to: 'eth2',
    };
    model.standing.filters.push(foreign);
    const before = sorted(model);
    converge(model);
    carryOut(model, changes(model.standing, [], DEVICES, true));
    for (const device of DEVICES) model.line(['link', 'del', 'dev', device]);
    assert.deepEqual(sorted(model), before);
  });

  it('are none for an effect without interfaces but its devices, until one leads to the peers', () => {
    const model = converged(lanes(EFFECT, NETEM, []));
    assert.deepEqual(
      [model.standing.ifbs.length, model.standing.filters.length, model.quiet.size],
      [2, 0, 2],
    );
    converge(model, lanes(EFFECT, NETEM, ['eth0']));
    assert.equal(model.standing.filters.length, 2);
  });
});

/** What stands, whatever the order it came in. */
function sorted({ standing: { ifbs, qdiscs, filters } }: Pick<Model, 'standing'>) {
  const by = (items: readonly object[]) => items.map((item) => JSON.stringify(item, keys(item))).sort();
  return { ifbs: by(ifbs), qdiscs: by(qdiscs), filters: by(filters) };
}

const keys = (item: object) => Object.keys(item).sort();
