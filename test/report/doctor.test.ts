import assert from 'node:assert/strict';
import { it } from 'node:test';
import { formatDoctor } from '../../src/report/doctor.ts';
import { createStyle } from '../../src/report/style.ts';
import { check } from '../../src/runtime/doctor-check.ts';

it('what one thing mends is told once', () => {
  const checks = [
    check('iptables', 'missing', 'not installed', 'Install it'),
    check('match-time', 'missing', 'no iptables', 'Install it'),
    check('ip6tables', 'warn', 'not installed', 'Install it'),
  ];
  const [, mends] = formatDoctor(checks, [], createStyle(false)).split('\n\n');
  assert.equal(mends, 'missing iptables, match-time: Install it\nwarn ip6tables: Install it');
});

it('a doctor tells the checks, what to mend, and what it comes to', () => {
  const checks = [
    check('engine', 'ok', 'Docker 20'),
    check('ip6tables', 'warn', 'not installed', 'Install\u001b[2J it'),
  ];
  const faults = [{ fault: 'network-block', state: 'warn' as const, because: ['ip6tables'], why: 'no IPv6' }];
  const [first = '', second = '', third = ''] = formatDoctor(checks, faults, createStyle(false)).split(
    '\n\n',
  );
  assert.match(first, /engine +ok +Docker 20\n/);
  assert.equal(second, 'warn ip6tables: Install\\u001b[2J it');
  assert.match(third, /network-block +warn +no IPv6\n$/);
});
