import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { factsOf } from '../../../src/faults/net/compare.ts';
import {
  asWanted,
  classify,
  converge,
  creation,
  hasShape,
  mending,
  removal,
  standing,
} from '../../../src/faults/net/converge.ts';
import { nothing, type Wanted } from '../../../src/faults/net/rules.ts';
import { parseSave, splitArgs } from '../../../src/runtime/iptables-save.ts';

const OWN = ['SQ-abc-0o', 'SQ-abc-0ov', 'SQ-abc-0i', 'SQ-abc-0iv'];
const DEADLINE = Date.UTC(2026, 10, 24, 8, 0, 0, 250);
const mark = (deadline = DEADLINE) => `-m comment --comment "squall i=0badcafe e=test r=run-1 d=${deadline}"`;
const jump = (stop = '2026-11-24T08:00:00', deadline = DEADLINE) =>
  `! -o lo -m time --datestop ${stop} ${mark(deadline)} -j SQ-abc-0o`;

function wanted(peers = ['10.0.0.2'], deadline = DEADLINE, stop?: string): Wanted {
  return {
    chains: new Map([
      [
        'SQ-abc-0o',
        [mark(deadline), ...peers.map((ip) => `-d ${ip} -p tcp -m multiport --dports 80 -j SQ-abc-0ov`)].map(
          splitArgs,
        ),
      ],
      ['SQ-abc-0ov', [mark(deadline), '-m statistic --mode random --probability 0.1 -j DROP'].map(splitArgs)],
    ]),
    jumps: [{ parent: 'OUTPUT', chain: 'SQ-abc-0o', args: splitArgs(jump(stop, deadline)) }],
  };
}

/** As iptables prints `wanted()`, with `output` in OUTPUT. */
function table(output: string[] = [jump()], chain?: string[]): string {
  return [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':SQ-abc-0o - [0:0]',
    ':SQ-abc-0ov - [0:0]',
    ':SQ-abc-00o - [0:0]',
    ...output.map((rule) => `-A OUTPUT ${rule}`),
    ...(chain ?? [mark(), '-d 10.0.0.2/32 -p tcp -m multiport --dports 80 -j SQ-abc-0ov']).map(
      (r) => `-A SQ-abc-0o ${r}`,
    ),
    `-A SQ-abc-0ov ${mark()}`,
    '-A SQ-abc-0ov -m statistic --mode random --probability 0.10000000009 -j DROP',
    'COMMIT',
  ].join('\n');
}

const now = (text: string) => standing(parseSave(text), OWN);

describe('converge', () => {
  it('writes everything in one transaction where nothing stands', () => {
    assert.equal(
      converge(now(''), wanted()),
      `*filter
:SQ-abc-0o - [0:0]
:SQ-abc-0ov - [0:0]
-A SQ-abc-0o ${mark()}
-A SQ-abc-0o -d 10.0.0.2 -p tcp -m multiport --dports 80 -j SQ-abc-0ov
-A SQ-abc-0ov ${mark()}
-A SQ-abc-0ov -m statistic --mode random --probability 0.1 -j DROP
-I OUTPUT 1 ${jump()}
COMMIT
`,
    );
  });

  it('writes nothing where all stands as wanted, however it is printed', () => {
    assert.equal(converge(now(table()), wanted()), undefined);
  });

  it('rewrites only the chain that differs', () => {
    assert.equal(
      converge(now(table()), wanted(['10.0.0.2', '10.0.0.3'])),
      `*filter
:SQ-abc-0o - [0:0]
-A SQ-abc-0o ${mark()}
-A SQ-abc-0o -d 10.0.0.2 -p tcp -m multiport --dports 80 -j SQ-abc-0ov
-A SQ-abc-0o -d 10.0.0.3 -p tcp -m multiport --dports 80 -j SQ-abc-0ov
COMMIT
`,
    );
  });

  it('moves the deadline without touching a verdict or its counter', () => {
    const later = DEADLINE + 60_000;
    assert.equal(
      converge(now(table()), wanted(['10.0.0.2'], later, '2026-11-24T08:01:00')),
      `*filter
-R SQ-abc-0o 1 ${mark(later)}
-R SQ-abc-0ov 1 ${mark(later)}
-D OUTPUT ${jump()}
-I OUTPUT 1 ${jump('2026-11-24T08:01:00', later)}
COMMIT
`,
    );
  });

  it('puts a jump that was pushed down, doubled or left over back to one in front', () => {
    const foreign = '-j ACCEPT';
    const text = converge(now(table([foreign, jump(), jump()])), wanted()) ?? '';
    assert.deepEqual(text.split('\n').slice(1, 4), [
      `-D OUTPUT ${jump()}`,
      `-D OUTPUT ${jump()}`,
      `-I OUTPUT 1 ${jump()}`,
    ]);
    assert.equal(converge(now(table(['-j SQ-other-1o', jump(), foreign])), wanted()), undefined);
  });

  it('removes all of its own and nothing else', () => {
    assert.equal(
      converge(now(table([jump(), '-j ACCEPT'])), nothing()),
      `*filter
:SQ-abc-0o - [0:0]
:SQ-abc-0ov - [0:0]
-D OUTPUT ${jump()}
-X SQ-abc-0o
-X SQ-abc-0ov
COMMIT
`,
    );
    assert.equal(converge(now('*filter\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n'), nothing()), undefined);
  });

  it('can go back to what stood before', () => {
    const before = now(table());
    assert.equal(converge(before, asWanted(before)), undefined);
    assert.match(converge(now(''), asWanted(before)) ?? '', /-I OUTPUT 1 .*SQ-abc-0o\n/);
  });
});

describe('creation and removal', () => {
  it('write and remove all of it blindly, and only as a whole', () => {
    assert.equal(
      creation(wanted()),
      `*filter
-N SQ-abc-0o
-N SQ-abc-0ov
-A SQ-abc-0o ${mark()}
-A SQ-abc-0o -d 10.0.0.2 -p tcp -m multiport --dports 80 -j SQ-abc-0ov
-A SQ-abc-0ov ${mark()}
-A SQ-abc-0ov -m statistic --mode random --probability 0.1 -j DROP
-I OUTPUT 1 ${jump()}
COMMIT
`,
    );
    assert.equal(
      removal(wanted()),
      `*filter
-D OUTPUT ${jump()}
-F SQ-abc-0o
-F SQ-abc-0ov
-X SQ-abc-0o
-X SQ-abc-0ov
COMMIT
`,
    );
  });
});

describe('mending', () => {
  it('replaces every jump that stands, so that it fails where they went meanwhile', () => {
    assert.equal(
      mending(now(table([jump(), jump()])), wanted()),
      `*filter
-D OUTPUT ${jump()}
-D OUTPUT ${jump()}
-I OUTPUT 1 ${jump()}
COMMIT
`,
    );
    const emptied = mending(now(table([jump()], [mark()])), wanted()) ?? '';
    assert.match(emptied, /^-A SQ-abc-0o -d 10\.0\.0\.2 /m);
    assert.match(emptied, /^-D OUTPUT /m);
  });

  it('brings nothing back where no jump stands', () => {
    assert.equal(mending(now(''), wanted()), undefined);
    assert.equal(mending(now(table([])), wanted()), undefined);
  });

  it('removes what is not wanted', () => {
    assert.equal(mending(now(table()), nothing()), converge(now(table()), nothing()));
  });
});

describe('classify', () => {
  const peers = (...rules: string[]) => [mark(), ...rules];
  const right = '-d 10.0.0.2/32 -p tcp -m multiport --dports 80 -j SQ-abc-0ov';

  it('tells present, drifted and absent apart', () => {
    assert.equal(classify(now(table()), wanted()), 'present');
    assert.equal(classify(now(table([])), wanted()), 'absent');
    assert.equal(classify(now(''), wanted()), 'absent');
    for (const [what, text] of Object.entries({
      'a rule before the jump': table(['-j ACCEPT', jump()]),
      'another end': table([jump('2026-11-24T09:00:00')]),
      'a rule less': table([jump()], peers()),
      'a rule more': table([jump()], peers(right, right)),
      'another port': table([jump()], peers(right.replace('80', '81'))),
      'another address': table([jump()], peers(right.replace('10.0.0.2', '10.0.0.9'))),
      'another verdict': table([jump()], peers(right.replace('SQ-abc-0ov', 'ACCEPT'))),
      'no mark': table([jump()], [right]),
    })) {
      assert.equal(classify(now(text), wanted()), 'drifted', what);
    }
  });

  it('bears two readings of one deadline', () => {
    const second = Date.UTC(2026, 10, 24, 8, 0, 1, 10);
    assert.equal(classify(now(table()), wanted(['10.0.0.2'], DEADLINE + 40)), 'present');
    assert.equal(
      classify(
        now(table([jump('2026-11-24T08:00:00', second - 20)])),
        wanted(['10.0.0.2'], second, '2026-11-24T08:00:01'),
      ),
      'drifted',
      'the chain marks say another deadline',
    );
  });
});

describe('hasShape', () => {
  it('holds after writing, and fails where a rule or the jump is missing or not in front', () => {
    assert.equal(hasShape(now(table()), wanted()), true);
    assert.equal(hasShape(now(table([])), wanted()), false);
    assert.equal(hasShape(now(table(['-j ACCEPT', jump()])), wanted()), false);
    assert.equal(hasShape(now(table([jump()], [mark()])), wanted()), false);
    assert.equal(hasShape(now(table()), nothing()), false);
  });
});

describe('factsOf', () => {
  const key = (text: string) => factsOf(splitArgs(text)).key;

  it('sees one rule in two spellings', () => {
    const spellings: [string, string][] = [
      ['-d fd00:0::2 -p icmpv6 -j X', '-d fd00::2/128 -p ipv6-icmp -j X'],
      ['-d 10.0.0.0/8 -j X', '-j X -d 10.0.0.0/8'],
      ['-p tcp --tcp-flags RST RST -j X', '-p 6 -m tcp --tcp-flags RST RST -j X'],
      ['-d 0.0.0.0/0 -j X', '-j X'],
      [
        '-m statistic --mode random --probability 0.0001',
        '-m statistic --mode random --probability 0.00009999983',
      ],
    ];
    for (const [a, b] of spellings) assert.equal(key(a), key(b), a);
  });

  it('sees two rules where something differs', () => {
    assert.notEqual(key('! -o lo -j X'), key('-o lo -j X'));
    assert.notEqual(key('-d 10.0.0.2 -j X'), key('-s 10.0.0.2 -j X'));
    assert.notEqual(key('--probability 0.25'), key('--probability 0.26'));
  });
});
