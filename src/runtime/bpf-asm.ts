/**
 * An assembler for the little eBPF that picking packets takes (Documentation/bpf/standardization/instruction-set.rst of the kernel).
 * Jumps go forward to labels only: such a program always ends.
 */

/** Registers 0 to 10: 0 results, 1 to 5 arguments, 6 to 9 kept over calls, 10 the frame. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

/** Helpers of the kernel by number (bpf-helpers(7)). */
export const HELPERS = {
  /** Into the buffer in r3, r4 bytes of the packet in r1 from offset r2 of the header that r5 names; 0 or negative. Linux 4.18. */
  skbLoadBytesRelative: 68,
  /** ns since boot, suspend included: Linux 5.8. */
  ktimeGetBootNs: 125,
} as const;

/** Comparisons of 32-bit halves, unsigned. */
export type Comparison = 'eq' | 'ne' | 'gt' | 'ge' | 'lt' | 'le' | 'set';

const JUMPS: Record<Comparison, number> = { eq: 1, gt: 2, ge: 3, set: 4, ne: 5, lt: 10, le: 11 };
const SIZES = { byte: 0x10, half: 0x08, word: 0x00 } as const;

export interface Assembler {
  /** Places the label here; every jump to it stands before. */
  label(name: string): void;
  move(to: Register, from: Register): void;
  set(to: Register, value: number): void;
  /** A constant of 64 bits. */
  setLong(to: Register, value: bigint): void;
  add(to: Register, value: number): void;
  addRegister(to: Register, from: Register): void;
  /** 32 bits; the upper half becomes 0. */
  and(to: Register, mask: number): void;
  shiftLeft(to: Register, bits: number): void;
  /** The lower 16 bits from the network's order into ours. */
  fromNetwork16(to: Register): void;
  /** From memory at `from` + `offset`. */
  load(to: Register, from: Register, offset: number, size: keyof typeof SIZES): void;
  call(helper: number): void;
  jump(label: string): void;
  /** Compares the lower 32 bits with a constant. */
  jumpIf(register: Register, comparison: Comparison, value: number, label: string): void;
  /** 64 bits, unsigned: jumps where `register` >= `other`. */
  jumpIfNotLess(register: Register, other: Register, label: string): void;
  exit(): void;
  /** The finished program. Throws RangeError where a jump is too long (32,767 instructions), TypeError for a label without a place. */
  code(): Buffer;
}

export function createAssembler(): Assembler {
  const words: Buffer[] = [];
  const places = new Map<string, number>();
  const jumps: { at: number; label: string }[] = [];

  function emit(opcode: number, to: Register, from: Register, offset: number, value: number): void {
    const word = Buffer.alloc(8);
    word.writeUInt8(opcode, 0);
    word.writeUInt8(to | (from << 4), 1);
    word.writeInt16LE(offset, 2);
    word.writeInt32LE(value | 0, 4);
    words.push(word);
  }

  function jumpTo(label: string, opcode: number, to: Register, from: Register, value: number): void {
    jumps.push({ at: words.length, label });
    emit(opcode, to, from, 0, value);
  }

  function link({ at, label }: { at: number; label: string }): void {
    const place = places.get(label);
    if (place === undefined) throw new TypeError(`no label ${label}`);
    const distance = place - at - 1;
    if (distance > 32_767) throw new RangeError(`the jump to ${label} is too long`);
    words[at]?.writeInt16LE(distance, 2);
  }

  return {
    label: (name) => void places.set(name, words.length),
    move: (to, from) => emit(0xbf, to, from, 0, 0),
    set: (to, value) => emit(0xb7, to, 0, 0, value),
    setLong: (to, value) => {
      emit(0x18, to, 0, 0, Number(BigInt.asIntN(32, value)));
      emit(0, 0, 0, 0, Number(BigInt.asIntN(32, value >> 32n)));
    },
    add: (to, value) => emit(0x07, to, 0, 0, value),
    addRegister: (to, from) => emit(0x0f, to, from, 0, 0),
    and: (to, mask) => emit(0x54, to, 0, 0, mask),
    shiftLeft: (to, bits) => emit(0x67, to, 0, 0, bits),
    fromNetwork16: (to) => emit(0xdc, to, 0, 0, 16),
    load: (to, from, offset, size) => emit(0x61 | SIZES[size], to, from, offset, 0),
    call: (helper) => emit(0x85, 0, 0, 0, helper),
    jump: (label) => jumpTo(label, 0x05, 0, 0, 0),
    jumpIf: (register, comparison, value, label) =>
      jumpTo(label, 0x06 | (JUMPS[comparison] << 4), register, 0, value),
    jumpIfNotLess: (register, other, label) => jumpTo(label, 0x0d | (JUMPS.ge << 4), register, other, 0),
    exit: () => emit(0x95, 0, 0, 0, 0),
    code: () => {
      for (const jump of jumps) link(jump);
      return Buffer.concat(words);
    },
  };
}
