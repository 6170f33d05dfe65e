import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import type { SquallError } from '../../src/core/errors.ts';
import { bpfObject } from '../../src/runtime/bpf-object.ts';
import type { Netns } from '../../src/runtime/netns.ts';
import {
  asBatch,
  batch,
  batchObjects,
  filterLine,
  filterRemoval,
  readIfbs,
  readTraffic,
  withObjects,
} from '../../src/runtime/tc.ts';
import { type Run, scriptedNetns } from './scripted-netns.ts';
import { EGRESS, INGRESS, LINKS, LINKS_WITHOUT_IFB, QDISCS } from './tc-samples.ts';

/** Answers each line of a batch of tc as the sample namespace did, and fails as it did for an interface that is not there. */
function sampled({ command, stdin = '' }: Run) {
  if (command.startsWith('ip ')) return { stdout: `${LINKS}\n` };
  const known: Record<string, string> = {
    'qdisc show': QDISCS,
    'filter show dev eth0 egress': EGRESS,
    'filter show dev eth0 ingress': INGRESS,
    'filter show dev eth1 egress': '[]',
    'filter show dev eth1 ingress': '[]',
  };
  const lines = stdin.trim().split('\n');
  const answers = lines.map((line) => known[line]);
  if (answers.includes(undefined))
    return {
      code: 1,
      stdout: `${QDISCS}\n`,
      stderr: `Cannot find device "nope"\nCommand failed -:${answers.indexOf(undefined) + 1}\n`,
    };
  return { stdout: answers.map((answer) => `${answer}\n`).join('') };
}

const U32 = { dev: 'eth0', way: 'ingress', pref: 8, handle: '', program: '' };
const FILTERS = [
  {
    dev: 'eth0',
    way: 'egress',
    pref: 21_329,
    handle: '0x12345679',
    program: 'sq-0123456789ab',
    to: 'sq-0123456789ab',
  },
  { ...U32, to: '' },
  { ...U32, to: 'eth1' },
  { dev: 'eth0', way: 'ingress', pref: 9, handle: '0x1', program: '', to: 'eth1' },
  { dev: 'eth0', way: 'ingress', pref: 10, handle: '0x1', program: 'sq-0123456789ab', to: '' },
  { dev: 'eth0', way: 'ingress', pref: 21_329, handle: '0x7', program: 'sq-0123456789ab', to: '*' },
];

describe('what tc and ip show', () => {
  it('is every qdisc that somebody put there, with the packets that it holds', async () => {
    const { ns } = scriptedNetns(sampled);
    const { qdiscs } = await readTraffic(ns);
    assert.deepEqual(qdiscs, [
      { dev: 'eth0', kind: 'clsact', root: false, held: 0 },
      { dev: 'eth2', kind: 'ingress', root: false, held: 0 },
      { dev: 'sq-0123456789ab', kind: 'tbf', root: true, held: 4 },
    ]);
  });

  it('is every filter, those of others and those that lead nowhere any more too', async () => {
    const { ns, runs } = scriptedNetns(sampled);
    assert.deepEqual((await readTraffic(ns)).filters, FILTERS);
    assert.deepEqual(
      runs.map(({ command }) => command),
      ['tc -j -s -batch -', 'tc -j -batch -'],
    );
  });

  it('is read in one call where the interfaces were expected', async () => {
    const { ns, runs } = scriptedNetns(sampled);
    assert.deepEqual((await readTraffic(ns, ['eth0'])).filters, FILTERS);
    assert.equal(runs.length, 1);
  });

  it('has the filters of an interface that was not expected, and each once', async () => {
    const { ns } = scriptedNetns(sampled);
    assert.deepEqual((await readTraffic(ns, ['eth1'])).filters, FILTERS);
  });

  it('is read without them where an interface that was expected is gone', async () => {
    const { ns, runs } = scriptedNetns(sampled);
    const { qdiscs, filters } = await readTraffic(ns, ['nope', 'eth0']);
    assert.deepEqual([qdiscs.length, filters], [3, FILTERS]);
    assert.equal(runs.length, 3);
  });

  it('is nothing in a namespace without any', async () => {
    const { ns } = scriptedNetns(() => ({ stdout: '[]\n' }));
    assert.deepEqual(await readTraffic(ns), { qdiscs: [], filters: [] });
    assert.deepEqual(await readIfbs(ns), []);
  });

  it('tells devices that are up, and what they say of themselves', async () => {
    const { ns, runs } = scriptedNetns(sampled);
    assert.deepEqual(await readIfbs(ns), [
      {
        name: 'sq-0123456789ab',
        up: true,
        alias: 'squall i=0badcafe e=slow r=slow-1 d=1790000000000 q=01234567',
      },
      { name: 'sq-ba9876543210', up: false, alias: '' },
    ]);
    assert.deepEqual(
      runs.map(({ command }) => command),
      ['ip -j -d link show type ifb'],
    );
  });

  it('has no device of Squall where the kernel knows no such type', async () => {
    const { ns } = scriptedNetns(() => ({ stdout: `${LINKS_WITHOUT_IFB}\n` }));
    const names = (await readIfbs(ns)).map(({ name }) => name);
    assert.ok(!names.some((name) => name.startsWith('sq-')));
  });

  it('fails in a way that may pass where something moved meanwhile', async () => {
    const { ns } = scriptedNetns(() => ({ code: 1, stderr: 'Cannot find device "eth0"\n' }));
    await assert.rejects(readTraffic(ns), { code: 'SQ303', terminal: false, message: /Cannot find device/ });
    await assert.rejects(readIfbs(ns), { code: 'SQ303', terminal: false });
  });
});

describe('lines for a batch', () => {
  it('are words with blanks between, in quotes where a word has some of its own', () => {
    assert.equal(
      asBatch([
        ['link', 'set', 'dev', 'sq-1', 'alias', 'squall i=a e=b', 'up'],
        ['link', 'set', 'dev', 'sq-1', 'alias', ''],
        ['qdisc', 'show'],
      ]),
      'link set dev sq-1 alias "squall i=a e=b" up\nlink set dev sq-1 alias ""\nqdisc show\n',
    );
    assert.equal(asBatch([]), '');
  });

  it('never hold what would end a line or a word, or begin a comment', () => {
    for (const word of ['a\nqdisc del', 'a\rb', 'a"b', "a'b", 'a\\', 'a#b', '#', 'a\0b'])
      assert.throws(() => asBatch([['link', 'set', word]]), TypeError, JSON.stringify(word));
  });

  it('are all run by one program, and none runs where there are none', async () => {
    const { ns, runs } = scriptedNetns(() => ({}));
    await batch(ns, 'ip', []);
    await batch(ns, 'ip', [
      ['link', 'add', 'sq-1', 'type', 'ifb'],
      ['link', 'set', 'sq-1', 'up'],
    ]);
    await batchObjects(ns, [['qdisc', 'add', 'dev', 'eth0', 'clsact']]);
    assert.deepEqual(runs, [
      { command: 'ip -batch -', stdin: 'link add sq-1 type ifb\nlink set sq-1 up\n' },
      { command: 'unshare --mount -- tc -batch -', stdin: 'qdisc add dev eth0 clsact\n' },
    ]);
  });

  it('put a filter in and take it off again by the same numbers', () => {
    const filter = { dev: 'eth0', way: 'ingress', pref: 21_329, handle: 7 } as const;
    assert.equal(
      filterLine({ ...filter, program: 'sq-a', to: 'sq-b' }, '/proc/1/fd/5').join(' '),
      'filter replace dev eth0 ingress protocol all pref 21329 handle 7 bpf object-file /proc/1/fd/5 section sq-a action mirred egress redirect dev sq-b',
    );
    assert.equal(
      filterRemoval({ ...filter, handle: '0x7' }).join(' '),
      'filter del dev eth0 ingress protocol all pref 21329 handle 0x7 bpf',
    );
  });
});

/** What iproute2 6.1 said on Linux 6.18 when it was asked for what is not there. */
const LACKING: [what: string, hint: RegExp, stderr: string][] = [
  ['netem', /queueing discipline/, 'Error: Specified qdisc kind is unknown.\nCommand failed -:1\n'],
  [
    'a qdisc that tc itself does not know',
    /queueing/,
    'Unknown qdisc "nosuch", hence option "x" is unparsable\n',
  ],
  [
    'a classifier',
    /cls_bpf/,
    'Error: TC classifier not found.\nWe have an error talking to the kernel\nCommand failed -:1\n',
  ],
  [
    'an action',
    /act_mirred/,
    'Error: Failed to load TC action module.\nWe have an error talking to the kernel\nCommand failed -:1\n',
  ],
  ['ifb', /module ifb/, 'Error: Unknown device type.\nCommand failed -:1\n'],
  [
    'ifb, on an older kernel',
    /module ifb/,
    'RTNETLINK answers: Operation not supported\nCommand failed -:1\n',
  ],
  ['a tc that loads programs', /libbpf/, 'No ELF library support compiled in.\nCommand failed -:1\n'],
  [
    'a kernel that takes the program',
    /eBPF programs/,
    `libbpf: prog 'squall_match': BPF program load failed: Invalid argument
libbpf: prog 'squall_match': -- BEGIN PROG LOAD LOG --
0: R1=ctx() R10=fp0
0: (b7) r0 = 0                        ; R0=0
1: (85) call unknown#9999
invalid func unknown#9999
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'squall_match': failed to load: -22
libbpf: failed to load object '/proc/7/fd/21'
Unable to load program
Command failed -:1
`,
  ],
];

/** What it said where someone else had moved something, or nothing was wrong with the host. */
const PASSING: [what: string, stderr: string][] = [
  ['a device that is not there', 'Cannot find device "nope"\nCommand failed -:1\n'],
  ['a clsact that is there', 'Error: Exclusivity flag on, cannot modify.\nCommand failed -:2\n'],
  ['a clsact that is not there', 'Error: Invalid handle.\nCommand failed -:1\n'],
  [
    'a filter where no clsact is',
    "Error: Parent Qdisc doesn't exists.\nWe have an error talking to the kernel\nCommand failed -:1\n",
  ],
  [
    'the last filter, which is gone',
    'Error: Cannot find specified filter chain.\nWe have an error talking to the kernel\nCommand failed -:2\n',
  ],
  [
    'one of several filters, which is gone',
    'Error: Specified filter handle not found.\nWe have an error talking to the kernel\nCommand failed -:1\n',
  ],
  [
    'a filter beside others that is gone',
    'Error: Filter with specified priority/protocol not found.\nWe have an error talking to the kernel\nCommand failed -:1\n',
  ],
  [
    'a place that another kind of filter has',
    'Error: Protocol mismatch for filter with specified priority.\nWe have an error talking to the kernel\nCommand failed -:1\n',
  ],
  [
    'a way to a device that is gone',
    'Cannot find device "sq-0123456789ab"\nbad action parsing\nparse_action: bad value (5:mirred)!\nIllegal "action"\nCommand failed -:1\n',
  ],
  ['a device of that name', 'RTNETLINK answers: File exists\nCommand failed -:2\n'],
  ['parameters that the kernel does not take', 'RTNETLINK answers: Invalid argument\nCommand failed -:1\n'],
  [
    'what tc does not support on a device',
    'RTNETLINK answers: Operation not supported\nCommand failed -:1\n',
  ],
  ['no right to do it', 'RTNETLINK answers: Operation not permitted\nCommand failed -:1\n'],
  ['no right to a mount namespace', 'unshare: unshare failed: Operation not permitted\n'],
  [
    'a file that is no program',
    'Cannot initialize ELF context!\nUnable to load program\nCommand failed -:1\n',
  ],
  ['nothing at all', ''],
];

describe('a batch that fails', () => {
  const lines = [
    ['qdisc', 'add', 'dev', 'eth0', 'clsact'],
    ['filter', 'replace', 'dev', 'eth0', 'egress', 'protocol', 'all', 'pref', '1'],
  ];
  const fails = async (stderr: string, how = (ns: Netns) => batch(ns, 'tc', lines)) => {
    const { ns } = scriptedNetns(() => ({ code: 1, stderr }));
    const failed = await how(ns).then(
      () => assert.fail('it did not fail'),
      (error: SquallError) => error,
    );
    return failed as SquallError;
  };

  for (const [what, hint, stderr] of LACKING) {
    it(`for want of ${what} says what is missing, and that trying again is no use`, async () => {
      const isIp = what.startsWith('ifb');
      const {
        code,
        terminal,
        hint: said,
      } = await fails(stderr, (ns) => batch(ns, isIp ? 'ip' : 'tc', lines));
      assert.deepEqual([code, terminal], ['SQ306', true]);
      assert.match(said ?? '', hint);
      if (!isIp) assert.equal((await fails(stderr, (ns) => batchObjects(ns, lines))).code, 'SQ306');
    });
  }

  for (const [what, stderr] of PASSING) {
    it(`for ${what} may be tried again`, async () => {
      const { code, terminal } = await fails(stderr);
      assert.deepEqual([code, terminal], ['SQ303', false]);
      assert.equal((await fails(stderr, (ns) => batchObjects(ns, lines))).code, 'SQ303');
    });
  }

  it('names the line, and what was said', async () => {
    const { message } = await fails('Error: Exclusivity flag on, cannot modify.\nCommand failed -:1\n');
    assert.match(message, /^tc failed at "qdisc add dev eth0 clsact \.\.\.": Error: Exclusivity flag on/);
    const second = await fails('Error: Invalid handle.\nCommand failed -:2\n');
    assert.match(second.message, /at "filter replace dev eth0 egress protocol \.\.\."/);
    const report = '0: R1=ctx() R10=fp0\n'.repeat(1000);
    const long = await fails(`libbpf: it is refused\n${report}Command failed -:2\n`);
    assert.match(long.message, /at "filter replace dev eth0/);
    assert.ok(long.message.length < 300, 'a thousand lines are not shown');
  });

  it('is told in one line even where nothing was said', async () => {
    assert.equal((await fails('')).message, 'tc failed: no message');
    assert.doesNotMatch((await fails('a\nb\nc\n')).message, /\n/);
  });
});

describe('object files', () => {
  const programs = new Map([
    ['sq-a', Buffer.alloc(16, 1)],
    ['sq-b', Buffer.alloc(24, 2)],
  ]);
  const ours = () =>
    readdirSync(tmpdir()).filter((name) => name.startsWith('squall-') && name.endsWith('.o'));

  it('are there to be read while they are used, each with its program, and stand in no folder', async () => {
    const before = ours();
    await withObjects(programs, async (fileOf) => {
      for (const [name, code] of programs)
        assert.deepEqual(readFileSync(fileOf(name)), bpfObject(code, name), name);
      assert.deepEqual(ours(), before);
    });
  });

  it('are gone afterwards, whatever came of it', async () => {
    let paths: string[] = [];
    const failed = withObjects(programs, async (fileOf) => {
      paths = [...programs.keys()].map(fileOf);
      throw new Error('no use');
    });
    await assert.rejects(failed, /no use/);
    assert.equal(paths.length, 2);
    for (const path of paths) assert.throws(() => readFileSync(path), { code: 'ENOENT' });
  });

  it('give what their use gives', async () => {
    assert.equal(await withObjects(new Map(), async () => 7), 7);
  });
});
