import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeFaults } from '../../src/cli/fault-verdicts.ts';
import { FAULTS } from '../../src/faults/index.ts';
import { type Check, type CheckId, type CheckState, check } from '../../src/runtime/doctor-check.ts';

const ALL: CheckId[] = [
  ...([
    'engine',
    'engine-place',
    'cgroup',
    'privileges',
    'processes',
    'nsenter',
    'namespaces',
    'iptables',
    'ip6tables',
  ] as const),
  ...(['match-time', 'match-comment', 'match-multiport', 'match-statistic', 'target-reject'] as const),
  ...(['iproute2', 'ifb', 'classifier', 'netem', 'netem-tables', 'tbf'] as const),
  ...(['state', 'disk', 'clock', 'sentinel'] as const),
];

function checks(changed: Partial<Record<CheckId, CheckState>> = {}): Check[] {
  return ALL.map((id) => check(id, changed[id] ?? 'ok', ''));
}

function states(changed: Partial<Record<CheckId, CheckState>>): Record<string, CheckState> {
  return Object.fromEntries(judgeFaults(FAULTS, checks(changed)).map(({ fault, state }) => [fault, state]));
}

describe('what the checks come to', () => {
  it('every fault works where all is well', () => {
    assert.deepEqual(new Set(Object.values(states({}))), new Set(['ok']));
    assert.equal(Object.keys(states({})).length, FAULTS.length);
  });

  it('a remote engine takes the network faults away, and no others', () => {
    const found = states({ 'engine-place': 'missing' });
    for (const { type, entersNetwork } of FAULTS)
      assert.equal(found[type], entersNetwork ? 'missing' : 'ok', type);
  });

  it('no engine takes all away', () => {
    const found = judgeFaults(FAULTS, [check('engine', 'missing', '')]);
    assert.ok(found.every(({ state, because }) => state === 'missing' && because.join() === 'engine'));
  });

  it('only loss needs the statistic match', () => {
    const found = states({ 'match-statistic': 'missing' });
    assert.deepEqual([found['network-loss'], found['network-block']], ['missing', 'ok']);
  });

  it('every kind that enters networks says what it needs there', () => {
    for (const { type, entersNetwork, needs = [] } of FAULTS)
      assert.equal(needs.length > 0, entersNetwork, type);
  });

  it('a kernel without netem takes away what needs it, and the models of loss', () => {
    const found = judgeFaults(FAULTS, checks({ netem: 'missing' }));
    const lacking = found.filter(({ state }) => state === 'missing');
    assert.deepEqual(
      lacking.map(({ fault, why }) => `${fault} ${why}`),
      ['corrupt', 'duplicate', 'latency', 'reorder'].map((kind) => `network-${kind} needs netem`),
    );
    const loss = found.find(({ state }) => state === 'warn');
    assert.deepEqual(
      [loss?.fault, loss?.why],
      ['network-loss', '`gemodel`, `state`, `correlation` and `interface` fail'],
    );
  });

  it('only bandwidth needs tbf, and nothing that shapes needs iptables', () => {
    const lacking = (changed: Parameters<typeof states>[0]) =>
      Object.entries(states(changed))
        .filter(([, state]) => state === 'missing')
        .map(([fault]) => fault);
    assert.deepEqual(lacking({ tbf: 'missing' }), ['network-bandwidth']);
    assert.deepEqual(lacking({ iptables: 'missing', ip6tables: 'warn', 'match-time': 'missing' }), [
      'network-block',
      'network-loss',
      'network-partition',
    ]);
  });

  it('what was not tried for want of iproute2 is not told', () => {
    const untried: CheckId[] = ['ifb', 'classifier', 'netem', 'netem-tables', 'tbf'];
    const bare = checks({ iproute2: 'missing' }).filter(({ id }) => !untried.includes(id));
    const found = judgeFaults(FAULTS, bare).filter(({ state }) => state !== 'ok');
    assert.equal(found.length, 6);
    assert.ok(found.every(({ because }) => because.join() === 'iproute2'));
  });

  it('tables of netem that are missing are a warning for latency', () => {
    const found = judgeFaults(FAULTS, checks({ 'netem-tables': 'warn' })).filter(
      ({ state }) => state !== 'ok',
    );
    assert.deepEqual(
      found.map(({ fault, state, why }) => [fault, state, why]),
      [['network-latency', 'warn', '`distribution` fails']],
    );
  });

  it('what works less well is a warning that says how', () => {
    const found = judgeFaults(FAULTS, checks({ processes: 'missing', sentinel: 'warn' }));
    const kill = found.find(({ fault }) => fault === 'container-kill');
    assert.equal(kill?.state, 'warn');
    assert.match(kill?.why ?? '', /via: engine/);
    assert.equal(found.find(({ fault }) => fault === 'container-pause')?.because.join(), 'sentinel');
  });
});
