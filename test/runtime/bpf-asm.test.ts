import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Assembler, type Comparison, createAssembler, HELPERS } from '../../src/runtime/bpf-asm.ts';
import { run, verify } from '../faults/shape/bpf-machine.ts';

/** The bytes of what `write` writes, one instruction a line: opcode, registers, offset and constant. */
function bytes(write: (asm: Assembler) => void): string[] {
  const asm = createAssembler();
  write(asm);
  const hex = asm.code().toString('hex');
  return (hex.match(/.{16}/g) ?? []).map((word) => word.replace(/^(..)(..)(....)(.{8})$/, '$1 $2 $3 $4'));
}

/** What a program answers, over a frame of ten digits. */
function result(write: (asm: Assembler) => void, now = 0n): number {
  const asm = createAssembler();
  write(asm);
  asm.exit();
  const code = asm.code();
  verify(code);
  return run(code, { protocol: 0x0800, frame: Buffer.from(`${' '.repeat(14)}0123456789`), now });
}

describe('instructions', () => {
  // By instruction-set.rst; `bpftool prog dump` and the verifier's log say the same.
  const encodings: [string, (asm: Assembler) => void, string[]][] = [
    ['r6 = r1', (asm) => asm.move(6, 1), ['bf 16 0000 00000000']],
    ['r10 is a register too', (asm) => asm.move(3, 10), ['bf a3 0000 00000000']],
    ['r0 = -1', (asm) => asm.set(0, -1), ['b7 00 0000 ffffffff']],
    ['r3 += -40', (asm) => asm.add(3, -40), ['07 03 0000 d8ffffff']],
    ['r9 += r1', (asm) => asm.addRegister(9, 1), ['0f 19 0000 00000000']],
    ['w7 &= 0xfff8', (asm) => asm.and(7, 0xfff8), ['54 07 0000 f8ff0000']],
    ['a mask of 32 bits', (asm) => asm.and(7, 0xffff_0000), ['54 07 0000 0000ffff']],
    ['r9 <<= 2', (asm) => asm.shiftLeft(9, 2), ['67 09 0000 02000000']],
    ['r7 = be16 r7', (asm) => asm.fromNetwork16(7), ['dc 07 0000 10000000']],
    ['r8 = *(u8 *)(r10 - 34)', (asm) => asm.load(8, 10, -34, 'byte'), ['71 a8 deff 00000000']],
    ['r1 = *(u16 *)(r10 - 46)', (asm) => asm.load(1, 10, -46, 'half'), ['69 a1 d2ff 00000000']],
    ['r1 = *(u32 *)(r6 + 16)', (asm) => asm.load(1, 6, 16, 'word'), ['61 61 1000 00000000']],
    ['call', (asm) => asm.call(HELPERS.skbLoadBytesRelative), ['85 00 0000 44000000']],
    ['exit', (asm) => asm.exit(), ['95 00 0000 00000000']],
    [
      'a constant of 64 bits in two halves',
      (asm) => asm.setLong(1, 0x0123_4567_89ab_cdefn),
      ['18 01 0000 efcdab89', '00 00 0000 67452301'],
    ],
  ];
  for (const [name, write, expected] of encodings)
    it(`${name}`, () => assert.deepEqual(bytes(write), expected));

  it('know the helpers by the numbers of linux/bpf.h', () => {
    assert.deepEqual(HELPERS, { skbLoadBytesRelative: 68, ktimeGetBootNs: 125 });
  });
});

describe('jumps', () => {
  it('count from the instruction after them', () => {
    const write = (asm: Assembler) => {
      asm.jump('end');
      asm.set(0, 1);
      asm.jumpIf(1, 'eq', 80, 'end');
      asm.label('end');
      asm.exit();
    };
    assert.deepEqual(bytes(write), [
      '05 00 0200 00000000',
      'b7 00 0000 01000000',
      '16 01 0000 50000000',
      '95 00 0000 00000000',
    ]);
  });

  it('may share a label, and count both halves of a long constant', () => {
    const write = (asm: Assembler) => {
      asm.jump('end');
      asm.setLong(1, 1n);
      asm.jump('end');
      asm.label('end');
      asm.exit();
    };
    assert.deepEqual(bytes(write)[0], '05 00 0300 00000000');
  });

  it('have a label to go to', () => {
    assert.throws(() => bytes((asm) => asm.jump('nowhere')), { name: 'TypeError', message: /nowhere/ });
  });

  it('reach over 32,767 instructions and no further', () => {
    const over = (count: number) => (asm: Assembler) => {
      asm.jump('end');
      for (let at = 0; at < count; at++) asm.exit();
      asm.label('end');
      asm.exit();
    };
    assert.equal(bytes(over(32_767))[0], '05 00 ff7f 00000000');
    assert.throws(() => bytes(over(32_768)), { name: 'RangeError', message: /end/ });
  });

  const opcodes: [Comparison, string][] = [
    ['eq', '16'],
    ['gt', '26'],
    ['ge', '36'],
    ['set', '46'],
    ['ne', '56'],
    ['lt', 'a6'],
    ['le', 'b6'],
  ];
  for (const [comparison, opcode] of opcodes) {
    it(`compare 32 bits: ${comparison}`, () => {
      const write = (asm: Assembler) => {
        asm.jumpIf(8, comparison, 0xffff_ffff, 'end');
        asm.label('end');
      };
      assert.deepEqual(bytes(write), [`${opcode} 08 0000 ffffffff`]);
    });
  }

  it('compare 64 bits without a sign', () => {
    const less = (value: bigint, other: bigint) => (asm: Assembler) => {
      asm.setLong(1, value);
      asm.setLong(2, other);
      asm.set(0, 1);
      asm.jumpIfNotLess(1, 2, 'end');
      asm.set(0, 2);
      asm.label('end');
    };
    assert.equal(result(less(5n, 5n)), 1);
    assert.equal(result(less(4n, 5n)), 2);
    assert.equal(result(less(1n << 40n, 1n)), 1);
    assert.equal(result(less(1n, 1n << 40n)), 2);
    assert.equal(result(less((1n << 64n) - 1n, 1n)), 1, 'all bits set are a large number');
  });
});

describe('programs', () => {
  it('compute', () => {
    const sum = result((asm) => {
      asm.set(1, 0x1234);
      asm.fromNetwork16(1);
      asm.and(1, 0xff00);
      asm.shiftLeft(1, 4);
      asm.set(0, 2);
      asm.addRegister(0, 1);
      asm.add(0, -1);
    });
    assert.equal(sum, 0x3400 * 16 + 1);
  });

  it('clear the upper half with 32 bits of a mask', () => {
    const write = (asm: Assembler) => {
      asm.setLong(1, 0x1_0000_0001n);
      asm.and(1, -1);
      asm.setLong(2, 2n);
      asm.set(0, 1);
      asm.jumpIfNotLess(1, 2, 'end');
      asm.set(0, 0);
      asm.label('end');
    };
    assert.equal(result(write), 0);
  });

  it('read packets and the clock', () => {
    const third = result((asm) => {
      asm.set(2, 3);
      asm.move(3, 10);
      asm.add(3, -8);
      asm.set(4, 2);
      asm.set(5, 1);
      asm.call(HELPERS.skbLoadBytesRelative);
      asm.load(0, 10, -8, 'half');
      asm.fromNetwork16(0);
    });
    assert.equal(third, 0x3334);
    assert.equal(
      result((asm) => asm.call(HELPERS.ktimeGetBootNs), 77n),
      77,
    );
  });
});
