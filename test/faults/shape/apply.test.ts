import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  apply,
  classify,
  hasDevices,
  type LikelyFilter,
  look,
  remove,
} from '../../../src/faults/shape/apply.ts';
import { deviceNamesOf, type Lane, type Standing } from '../../../src/faults/shape/lane.ts';
import { anEffect, createModel, isHarmless, lanesFor, type Model, NETEM } from './model.ts';

const EFFECT = anEffect();
const DEVICES = deviceNamesOf(EFFECT);
const [OUT = '', IN = ''] = DEVICES;
const LANES = lanesFor(EFFECT, NETEM, ['eth0', 'eth1']);
const OTHER = anEffect({ runId: 'other-1' });
const OTHER_DEVICES = deviceNamesOf(OTHER);
const OTHER_LANES = lanesFor(OTHER, NETEM, ['eth0', 'eth1']);
const NOTHING: Standing = { ifbs: [], qdiscs: [], filters: [] };
const LOOK = ['tc -j -s -batch -'];
const WRITE = ['ip -batch -', 'unshare --mount -- tc -batch -'];

const likelyOf = (lanes: readonly Lane[]): LikelyFilter[] =>
  lanes.flatMap(({ way, device, interfaces }) => interfaces.map((dev) => ({ dev, way, device })));
const removal = (drain = false) => ({ likely: likelyOf(LANES), drain });

/** A namespace where the lanes stand, and nothing was run yet. */
async function converged(lanes = LANES, devices = DEVICES): Promise<Model> {
  const model = createModel(['eth0', 'eth1', 'eth2']);
  await apply(model.ns, lanes, devices);
  return forgetful(model);
}

function forgetful(model: Model): Model {
  model.runs.length = 0;
  model.done.length = 0;
  return model;
}

async function state(model: Model): Promise<string> {
  return classify(await look(model.ns), LANES, DEVICES);
}

const clsacts = ({ standing }: Model) =>
  standing.qdiscs.filter(({ kind }) => kind === 'clsact').map(({ dev }) => dev);
const held = ({ standing }: Model, device: string, packets: number) => {
  for (const qdisc of standing.qdiscs) if (qdisc.dev === device) qdisc.held = packets;
};
/** From now on says when a packet would be lost. */
const watch = (model: Model) => {
  model.after = (line) => assert.ok(isHarmless(model.standing), `${line} loses packets`);
};

describe('a look', () => {
  it('runs no ip where no device of Squall is there', async () => {
    const model = createModel();
    assert.equal(await hasDevices(model.ns), false);
    assert.deepEqual(await look(model.ns), NOTHING);
    assert.deepEqual(model.runs, LOOK);
  });

  it('sees all that stands', async () => {
    const model = await converged();
    assert.equal(await hasDevices(model.ns), true);
    const { ifbs, qdiscs, filters } = await look(model.ns, ['eth0', 'eth1']);
    assert.deepEqual([ifbs, qdiscs], [model.standing.ifbs, model.standing.qdiscs]);
    assert.deepEqual(new Set(filters), new Set(model.standing.filters));
  });
});

describe('apply', () => {
  it('looks, then makes the devices, then sends packets there', async () => {
    const model = createModel(['eth0', 'eth1']);
    watch(model);
    await apply(model.ns, LANES, DEVICES);
    assert.deepEqual(model.runs, [...LOOK, ...WRITE]);
    assert.equal(await state(model), 'present');
    assert.deepEqual([...model.quiet], DEVICES);
  });

  it('writes at once where the caller knows what stands', async () => {
    const model = createModel(['eth0', 'eth1']);
    await apply(model.ns, LANES, DEVICES, NOTHING);
    assert.deepEqual(model.runs, WRITE);
    assert.equal(await state(model), 'present');
  });

  it('looks where the caller was wrong, and goes on from what stands', async () => {
    const model = createModel(['eth0', 'eth1']);
    model.line(['qdisc', 'add', 'dev', 'eth1', 'clsact']);
    await apply(model.ns, LANES, DEVICES, NOTHING);
    assert.deepEqual(model.runs.slice(0, 2), WRITE);
    assert.ok(model.runs.includes('tc -j -s -batch -'));
    assert.equal(await state(model), 'present');
  });

  it('runs nothing but a look where all stands', async () => {
    const model = await converged();
    await apply(model.ns, LANES, DEVICES);
    assert.deepEqual(model.done, []);
    assert.ok(model.runs.every((run) => run.includes('-j')));
  });

  it('writes no program where none differs', async () => {
    const model = await converged();
    model.standing.ifbs = model.standing.ifbs.map((ifb) => ({
      ...ifb,
      alias: ifb.alias.replace(/d=\d+/, 'd=1'),
    }));
    await apply(model.ns, LANES, DEVICES);
    assert.ok(!model.runs.some((run) => run.startsWith('unshare')));
    assert.deepEqual(
      model.done.map((line) => line.replace(/".*"/, '...')),
      DEVICES.map((device) => `link set dev ${device} alias ...`),
    );
  });

  it('knows a namespace without IPv6', async () => {
    const model = createModel(['eth0', 'eth1'], false);
    await apply(model.ns, LANES, DEVICES);
    assert.deepEqual([...model.quiet], []);
    assert.equal(await state(model), 'present');
  });

  it('goes on where somebody comes in between, three times at most', async () => {
    const model = createModel(['eth0', 'eth1']);
    let times = 0;
    model.before = (line) => {
      if (line === 'qdisc add dev eth0 clsact' && times++ < 1) model.line(line.split(' '));
    };
    await apply(model.ns, LANES, DEVICES);
    assert.equal(await state(model), 'present');

    const busy = createModel(['eth0', 'eth1']);
    let tries = 0;
    busy.before = (line) => {
      if (!line.startsWith('filter')) return;
      tries++;
      throw new Error("Error: Parent Qdisc doesn't exists.");
    };
    await assert.rejects(apply(busy.ns, LANES, DEVICES), { code: 'SQ303', message: /Parent Qdisc/ });
    assert.equal(tries, 3);
  });

  it('does not try again what the kernel lacks', async () => {
    const model = createModel(['eth0', 'eth1']);
    let tries = 0;
    model.before = (line) => {
      if (!line.includes('netem')) return;
      tries++;
      throw new Error('Error: Specified qdisc kind is unknown.');
    };
    await assert.rejects(apply(model.ns, LANES, DEVICES), { code: 'SQ306' });
    assert.equal(tries, 1);
    assert.deepEqual(model.standing.filters, [], 'and no packet goes to a device without it');
  });

  it('can be taken up wherever it was cut off', async () => {
    const whole = createModel(['eth0', 'eth1']);
    await apply(whole.ns, LANES, DEVICES);
    for (let steps = 0; steps < whole.done.length; steps++) {
      const model = createModel(['eth0', 'eth1']);
      const left = { lines: steps };
      model.before = () => {
        if (left.lines-- <= 0) throw new Error('Error: Specified qdisc kind is unknown.');
      };
      watch(model);
      await assert.rejects(apply(model.ns, LANES, DEVICES));
      left.lines = Number.POSITIVE_INFINITY;
      await apply(model.ns, LANES, DEVICES);
      assert.equal(await state(model), 'present', `after ${steps} lines`);
    }
  });
});

describe('in one namespace', () => {
  it('one goes after the other, so that neither takes away what the other stands on', async () => {
    const model = await converged();
    watch(model);
    await Promise.all([
      remove(model.ns, DEVICES, removal()),
      apply(model.ns, OTHER_LANES, OTHER_DEVICES),
      apply(model.ns, LANES, DEVICES),
      remove(model.ns, OTHER_DEVICES, { likely: likelyOf(OTHER_LANES), drain: false }),
    ]);
    assert.equal(await state(model), 'present');
    assert.deepEqual(model.standing.ifbs.map(({ name }) => name).sort(), [...DEVICES].sort());
  });

  it('two that begin at once both stand, whatever each expected', async () => {
    const model = createModel(['eth0', 'eth1']);
    await Promise.all([
      apply(model.ns, LANES, DEVICES, NOTHING),
      apply(model.ns, OTHER_LANES, OTHER_DEVICES, NOTHING),
    ]);
    assert.equal(await state(model), 'present');
    assert.equal(classify(await look(model.ns), OTHER_LANES, OTHER_DEVICES), 'present');
    assert.equal(model.standing.filters.length, 8);
  });

  it('one that failed does not hold up the next', async () => {
    const model = createModel(['eth0', 'eth1']);
    model.before = (line) => {
      if (line.includes(OUT)) throw new Error('Error: Unknown device type.');
    };
    const failed = apply(model.ns, LANES, DEVICES);
    const next = apply(model.ns, OTHER_LANES, OTHER_DEVICES);
    await assert.rejects(failed, { code: 'SQ306' });
    await next;
    assert.equal(classify(await look(model.ns), OTHER_LANES, OTHER_DEVICES), 'present');
  });

  it('others are not waited for', async () => {
    const [slow, quick] = [createModel(), createModel()];
    const gate = Promise.withResolvers<void>();
    const held = {
      ...slow.ns,
      procNet: async (file: string) => gate.promise.then(() => slow.ns.procNet(file)),
    };
    const waiting = apply(held, LANES, DEVICES);
    const late = new Promise((_, reject) => setTimeout(reject, 1000, new Error('it waits')).unref());
    try {
      await Promise.race([apply(quick.ns, LANES, DEVICES), late]);
      assert.deepEqual(slow.done, []);
    } finally {
      gate.resolve();
      await waiting;
    }
  });
});

describe('what stands', () => {
  it('is present where nothing differs, absent without a device, drifted in between', async () => {
    const model = await converged();
    assert.equal(await state(model), 'present');
    model.standing.filters.pop();
    assert.equal(await state(model), 'drifted');
    model.line(['link', 'del', 'dev', IN]);
    assert.equal(await state(model), 'drifted');
    model.line(['link', 'del', 'dev', OUT]);
    assert.equal(await state(model), 'absent');
  });

  it('is present to one effect whatever becomes of another', async () => {
    const model = await converged();
    await apply(model.ns, OTHER_LANES, OTHER_DEVICES);
    await remove(model.ns, OTHER_DEVICES, { likely: [], drain: false });
    assert.equal(await state(model), 'present');
  });
});

describe('remove', () => {
  it('takes the filters off at once, then what is empty, then the devices', async () => {
    const model = await converged();
    watch(model);
    assert.deepEqual(await remove(model.ns, DEVICES, removal()), { changed: true, held: 0 });
    assert.deepEqual(model.standing, NOTHING);
    assert.deepEqual(
      model.done.map((line) => line.split(' ').slice(0, 2).join(' ')),
      [...Array(4).fill('filter del'), ...Array(2).fill('qdisc del'), ...Array(2).fill('link del')],
    );
    assert.deepEqual(model.runs.slice(0, 1), ['tc -batch -'], 'without a look');
  });

  it('does nothing the second time', async () => {
    const model = await converged();
    await remove(model.ns, DEVICES, removal());
    forgetful(model);
    assert.deepEqual(await remove(model.ns, DEVICES, removal()), { changed: false, held: 0 });
    assert.deepEqual(model.done, []);
  });

  it('finds filters where nobody expected them', async () => {
    const model = await converged();
    watch(model);
    assert.deepEqual(await remove(model.ns, DEVICES, { likely: [], drain: false }), {
      changed: true,
      held: 0,
    });
    assert.deepEqual(model.standing, NOTHING);
  });

  it('finds filters that lead nowhere, since somebody removed their device', async () => {
    const model = await converged();
    model.line(['link', 'del', 'dev', OUT]);
    // What is expected first is gone, so that nothing is taken off at once.
    model.standing.filters.shift();
    await remove(model.ns, DEVICES, removal());
    assert.deepEqual(model.standing, NOTHING);
  });

  it('takes nothing off twice, both ways of an interface being expected', async () => {
    const model = await converged();
    model.standing.filters.shift();
    const tried: string[] = [];
    model.before = (line) => tried.push(line);
    await remove(model.ns, DEVICES, removal());
    const [gone, ...rest] = tried;
    assert.match(gone ?? '', /^filter del/);
    assert.deepEqual([...new Set(rest)], rest);
    assert.deepEqual(rest, model.done);
  });

  it('lets what is on its way arrive before the device goes, where it may', async () => {
    const model = await converged();
    held(model, OUT, 5);
    held(model, IN, 2);
    assert.deepEqual(await remove(model.ns, DEVICES, removal(true)), { changed: true, held: 7 });
    assert.deepEqual([model.standing.filters, clsacts(model)], [[], []], 'no packet goes there any more');
    assert.deepEqual(
      model.standing.ifbs.map(({ name }) => name),
      DEVICES,
    );
    held(model, OUT, 0);
    assert.deepEqual(await remove(model.ns, DEVICES, removal(true)), { changed: true, held: 2 });
    held(model, IN, 0);
    assert.deepEqual(await remove(model.ns, DEVICES, removal(true)), { changed: true, held: 0 });
    assert.deepEqual(model.standing, NOTHING);
  });

  it('waits for no packet where it may not', async () => {
    const model = await converged();
    held(model, OUT, 5);
    assert.deepEqual(await remove(model.ns, DEVICES, removal(false)), { changed: true, held: 0 });
    assert.deepEqual(model.standing, NOTHING);
  });

  it('counts no packets but those of its devices', async () => {
    const model = await converged();
    await apply(model.ns, OTHER_LANES, OTHER_DEVICES);
    model.standing.qdiscs.push({ dev: 'eth0', kind: 'fq_codel', root: true, held: 9 });
    held(model, OTHER_DEVICES[0] ?? '', 5);
    assert.deepEqual(await remove(model.ns, DEVICES, removal(true)), { changed: true, held: 0 });
  });

  it('leaves a clsact that others filter with, and all that is theirs', async () => {
    const model = await converged(OTHER_LANES, OTHER_DEVICES);
    const foreign = { dev: 'eth1', way: 'egress', pref: 1, handle: '0x1', program: '', to: 'eth2' } as const;
    model.standing.filters.push({ ...foreign });
    const before = structuredClone(model.standing);
    await apply(model.ns, LANES, DEVICES);
    await remove(model.ns, DEVICES, removal());
    assert.deepEqual(model.standing, before);
    await remove(model.ns, OTHER_DEVICES, { likely: likelyOf(OTHER_LANES), drain: false });
    assert.deepEqual([clsacts(model), model.standing.filters], [['eth1'], [foreign]]);
  });

  it('goes on where somebody else takes things away at the same time', async () => {
    const model = await converged();
    let times = 0;
    model.before = (line) => {
      if (line.startsWith('qdisc del dev eth0') && times++ < 1) model.line(line.split(' '));
      if (line.startsWith('link del') && times++ < 2) model.line(line.split(' '));
    };
    await remove(model.ns, DEVICES, removal());
    assert.deepEqual(model.standing, NOTHING);
  });

  it('says what is still there after three tries, and that it may be tried again', async () => {
    const model = await converged();
    let tries = 0;
    model.before = (line) => {
      if (!line.startsWith('link del')) return;
      tries++;
      throw new Error('RTNETLINK answers: Device or resource busy');
    };
    await assert.rejects(remove(model.ns, DEVICES, removal()), {
      code: 'SQ402',
      terminal: false,
      message: /link del dev sq-.*Device or resource busy/,
    });
    assert.equal(tries, 3);
  });

  it('leaves nothing of any half-done state, and loses no packet on the way', async () => {
    const parts = ['filters', 'clsact', 'out', 'in', 'names'] as const;
    await fc.assert(
      fc.asyncProperty(fc.subarray([...parts]), fc.boolean(), async (gone, expected) => {
        const model = await converged();
        if (gone.includes('filters')) model.standing.filters.splice(1, 2);
        if (gone.includes('clsact')) model.line(['qdisc', 'del', 'dev', 'eth1', 'clsact']);
        if (gone.includes('names')) for (const ifb of model.standing.ifbs) ifb.alias = '';
        const devices = [...(gone.includes('out') ? [OUT] : []), ...(gone.includes('in') ? [IN] : [])];
        for (const device of devices) model.line(['link', 'del', 'dev', device]);
        if (devices.length === 0) watch(model);
        await remove(model.ns, DEVICES, { likely: expected ? likelyOf(LANES) : [], drain: false });
        assert.deepEqual([model.standing.ifbs, model.standing.filters], [[], []]);
      }),
      { numRuns: 60 },
    );
  });
});
