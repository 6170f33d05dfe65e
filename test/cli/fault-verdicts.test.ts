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

  it('what works less well is a warning that says how', () => {
    const found = judgeFaults(FAULTS, checks({ processes: 'missing', sentinel: 'warn' }));
    const kill = found.find(({ fault }) => fault === 'container-kill');
    assert.equal(kill?.state, 'warn');
    assert.match(kill?.why ?? '', /via: engine/);
    assert.equal(found.find(({ fault }) => fault === 'container-pause')?.because.join(), 'sentinel');
  });
});
