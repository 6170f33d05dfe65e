import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { SquallError } from '../../src/core/errors.ts';
import { checkShaping, shapingFeatures } from '../../src/runtime/doctor-shaping.ts';
import type { Exec, ExecResult } from '../../src/runtime/exec.ts';
import { SHAPING_MENDS, type ShapingFeature } from '../../src/runtime/shaping-mends.ts';

const FINE: ExecResult = { code: 0, stdout: '', stderr: '' };
const VERSION: ExecResult = { ...FINE, stdout: 'tc utility, iproute2-6.1.0, libbpf 1.1.2\n' };
const fails = (stderr: string, code = 1): ExecResult => ({ code, stdout: '', stderr });
const NO_NAMESPACES = fails('unshare: unshare failed: Operation not permitted\n');

type Tried = ShapingFeature | 'netem-tables';

/** Which try a batch is. */
function tryOf(lines: string): Tried {
  if (lines.includes('distribution')) return 'netem-tables';
  if (lines.includes('clsact')) return 'classifier';
  return lines.includes('netem') ? 'netem' : lines.includes('tbf') ? 'tbf' : 'ifb';
}

/** A host where all works but what is given; and what it was asked. */
function host(answers: Partial<Record<Tried | 'tc' | 'ip', ExecResult | SquallError>> = {}) {
  const asked: string[] = [];
  const run: Exec = async (program, args, options) => {
    const what = program === 'unshare' ? tryOf(options?.stdin ?? '') : program;
    asked.push(program === 'unshare' ? what : [program, ...args].join(' '));
    const answer = answers[what as Tried] ?? (args.includes('-V') ? VERSION : FINE);
    if (answer instanceof SquallError) throw answer;
    return answer;
  };
  return { run, asked };
}

const notInstalled = (program: string) => new SquallError('SQ306', `${program} is not installed`);

async function checks(answers: Parameters<typeof host>[0], canMakeNamespaces = true) {
  const found = await checkShaping(canMakeNamespaces, host(answers).run);
  return Object.fromEntries(found.map((one) => [one.id, one]));
}

describe('the tries of what shapes packets', () => {
  it('find that all is there', async () => {
    const found = await checks({});
    assert.deepEqual(
      Object.values(found).map(({ id, state }) => `${id} ${state}`),
      ['iproute2 ok', 'ifb ok', 'classifier ok', 'netem ok', 'tbf ok', 'netem-tables ok'],
    );
    assert.equal(found.iproute2?.found, 'iproute2-6.1.0, libbpf 1.1.2');
  });

  const ERRORS: [ShapingFeature, string, RegExp][] = [
    ['netem', 'Error: Specified qdisc kind is unknown.\nCommand failed -:1\n', /no netem: Error: Specified/],
    ['tbf', 'Error: Specified qdisc not found.\nCommand failed -:1\n', /no tbf: Error: Specified qdisc/],
    ['ifb', 'Error: Unknown device type.\nCommand failed -:1\n', /no ifb devices.*: Error: Unknown device/],
    [
      'classifier',
      "libbpf: prog 'squall_match': BPF program load failed: Invalid argument\n0: (85) call unknown#125\ninvalid func unknown#125\nUnable to load program\nCommand failed -:2\n",
      /no eBPF classifiers.*: invalid func unknown#125$/,
    ],
    ['classifier', 'unshare: failed to execute tc: No such file or directory\n', /failed to execute tc/],
  ];
  for (const [feature, stderr, found] of ERRORS)
    it(`tell a missing ${feature} by "${stderr.split('\n')[0]}", and what to do`, async () => {
      const code = stderr.startsWith('unshare') ? 127 : 1;
      const all = await checks({ [feature]: fails(stderr, code) });
      assert.equal(all[feature]?.state, 'missing');
      assert.match(all[feature]?.found ?? '', found);
      assert.equal(all[feature]?.mend, SHAPING_MENDS[feature].mend);
      const lacking = Object.values(all).filter(({ state }) => state !== 'ok');
      assert.deepEqual(
        lacking.map(({ id }) => id),
        [feature],
      );
    });

  it('say that only tables are missing where netem works', async () => {
    const stderr =
      'No distribution data for pareto (/usr/lib/tc//pareto.dist: No such file or directory)\nCommand failed -:2\n';
    const found = await checks({ 'netem-tables': fails(stderr) });
    assert.deepEqual([found.netem?.state, found['netem-tables']?.state], ['ok', 'warn']);
    assert.match(found['netem-tables']?.found ?? '', /pareto\.dist/);
  });

  it('say nothing of tables where netem itself is missing', async () => {
    const unknown = fails('Error: Specified qdisc kind is unknown.\nCommand failed -:1\n');
    const found = await checks({ netem: unknown, 'netem-tables': unknown });
    assert.deepEqual([found.netem?.state, found['netem-tables']], ['missing', undefined]);
  });

  it('end where a program is not installed, or is not of iproute2', async () => {
    const busybox = fails('BusyBox v1.35.0 multi-call binary.\n\nUsage: ip [OPTIONS] ...\n');
    const found = await checks({ tc: notInstalled('tc'), ip: busybox });
    assert.deepEqual(Object.keys(found), ['iproute2']);
    assert.equal(found.iproute2?.found, 'no tc and no ip of iproute2');
    assert.match(found.iproute2?.mend ?? '', /package iproute2 .*iproute-tc/);
  });

  it('are not made without the right to make namespaces', async () => {
    const { run, asked } = host();
    const found = await checkShaping(false, run);
    assert.deepEqual(
      found.map(({ id }) => id),
      ['iproute2'],
    );
    assert.deepEqual(asked, ['tc -V', 'ip -V']);
  });
});

describe('what a host can shape', () => {
  it('is what did not fail', async () => {
    const { run } = host({ netem: fails('Error: Specified qdisc kind is unknown.\n') });
    assert.deepEqual(await shapingFeatures({}, run), {
      ifb: true,
      classifier: true,
      netem: false,
      tbf: true,
    });
  });

  it('is nothing without iproute2', async () => {
    const none = fails('unshare: failed to execute tc: No such file or directory\n', 127);
    const { run } = host({ ifb: none, classifier: none, netem: none, tbf: none });
    assert.deepEqual(new Set(Object.values(await shapingFeatures({}, run))), new Set([false]));
  });

  it('counts as there where nothing can be tried', async () => {
    for (const answer of [NO_NAMESPACES, notInstalled('unshare')]) {
      const { run } = host({ ifb: answer, classifier: answer, netem: answer, tbf: answer });
      assert.deepEqual(new Set(Object.values(await shapingFeatures({}, run))), new Set([true]));
    }
  });

  it('is not counted as there by a try that did not end', async () => {
    const { run } = host({ tbf: new SquallError('SQ303', 'unshare did not end within 3000 ms') });
    assert.equal((await shapingFeatures({}, run)).tbf, false);
  });

  it('is tried again for what was lacking only', async () => {
    const { run, asked } = host();
    const known = { ifb: true, classifier: true, netem: false, tbf: true };
    assert.equal((await shapingFeatures(known, run)).netem, true);
    assert.deepEqual(asked, ['netem']);
  });

  it('is found with the ifb module loaded first, so that it brings no devices of its own', async () => {
    const { run, asked } = host();
    await shapingFeatures({ classifier: true, netem: true, tbf: true }, run);
    const load = existsSync('/sys/module/ifb') ? [] : ['modprobe ifb numifbs=0'];
    assert.deepEqual(asked, [...load, 'ifb']);
  });
});
