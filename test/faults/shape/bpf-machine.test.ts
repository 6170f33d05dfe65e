import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Assembler, createAssembler, HELPERS } from '../../../src/runtime/bpf-asm.ts';
import { verify } from './bpf-machine.ts';

function refused(write: (asm: Assembler) => void, why: RegExp): void {
  const asm = createAssembler();
  write(asm);
  assert.throws(() => verify(asm.code()), why);
}

/** The arguments of a read of `length` bytes to `place`. */
function arguments_(asm: Assembler, place: number, length: number): void {
  asm.set(2, 0);
  asm.move(3, 10);
  asm.add(3, place);
  asm.set(4, length);
  asm.set(5, 1);
}

describe('the verifier of these tests refuses', () => {
  it('an end without exit', () => refused((asm) => asm.set(0, 0), /^Error: 0 .* leads out of the program/));

  it('an answer that nobody gave', () => refused((asm) => asm.exit(), /r0 is read before/));

  it('what is never reached', () => {
    refused((asm) => {
      asm.set(0, 0);
      asm.exit();
      asm.exit();
    }, /2 .* is never reached/);
  });

  it('a jump backwards', () => {
    refused((asm) => {
      asm.label('again');
      asm.set(0, 0);
      asm.jump('again');
    }, /1 .* jumps backwards/);
  });

  it('registers 1 to 5 after a call', () => {
    refused((asm) => {
      asm.call(HELPERS.ktimeGetBootNs);
      asm.move(0, 1);
      asm.exit();
    }, /r1 is read before/);
  });

  it('a register that only one of two ways wrote', () => {
    refused((asm) => {
      asm.set(0, 0);
      asm.jumpIf(0, 'eq', 1, 'end');
      asm.set(7, 1);
      asm.label('end');
      asm.move(0, 7);
      asm.exit();
    }, /r7 is read before/);
  });

  it('memory that was not written, or not on every way', () => {
    refused((asm) => {
      asm.load(0, 10, -8, 'word');
      asm.exit();
    }, /4 bytes at -8 of the stack are read before/);
    refused((asm) => {
      arguments_(asm, -8, 4);
      asm.call(HELPERS.skbLoadBytesRelative);
      asm.load(0, 10, -6, 'word');
      asm.exit();
    }, /not aligned/);
    refused((asm) => {
      arguments_(asm, -8, 3);
      asm.call(HELPERS.skbLoadBytesRelative);
      asm.load(0, 10, -8, 'word');
      asm.exit();
    }, /4 bytes at -8 of the stack are read before/);
  });

  it('a buffer that is not on the stack', () => {
    refused((asm) => {
      arguments_(asm, -8, 9);
      asm.call(HELPERS.skbLoadBytesRelative);
      asm.exit();
    }, /9 bytes at -8 are not on the stack/);
  });

  it('arithmetic on the packet, and its fields but the protocol', () => {
    refused((asm) => asm.add(1, 4), /not to be changed/);
    refused((asm) => asm.load(0, 1, 0, 'word'), /4 bytes at 0 of the packet/);
  });

  it('instructions and helpers that it does not know', () => {
    refused((asm) => asm.call(9999), /helper 9999/);
    assert.throws(() => verify(Buffer.from('ff00000000000000', 'hex')), /opcode 0xff/);
    assert.throws(() => verify(Buffer.alloc(7)), /whole instructions/);
  });
});
