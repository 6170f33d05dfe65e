/**
 * A machine for the instructions of runtime/bpf-asm.ts, after the kernel's own words (Documentation/bpf/standardization/
 * instruction-set.rst, bpf-helpers(7)): checks a program as the verifier does where that is easy, and runs it over a packet.
 */

/** A packet as a classifier gets it. */
export interface Packet {
  /** The EtherType, such as 0x0800: the kernel knows it apart from the bytes. */
  protocol: number;
  /** From the first byte of the Ethernet header. */
  frame: Buffer;
  /** ns since boot. */
  now: bigint;
}

type Name =
  | ('move' | 'set' | 'setLong' | 'add' | 'addRegister' | 'and32' | 'shift' | 'network16')
  | ('word' | 'half' | 'byte' | 'call' | 'exit' | 'jump' | 'notLess' | 'compare');

interface Instruction {
  name: Name;
  to: number;
  from: number;
  offset: number;
  value: number;
  /** Of setLong. */
  long?: bigint;
  compare?: (a: number, b: number) => boolean;
}

const NAMES = new Map<number, Name>([
  [0xbf, 'move'],
  [0xb7, 'set'],
  [0x18, 'setLong'],
  [0x07, 'add'],
  [0x0f, 'addRegister'],
  [0x54, 'and32'],
  [0x67, 'shift'],
  [0xdc, 'network16'],
  [0x61, 'word'],
  [0x69, 'half'],
  [0x71, 'byte'],
  [0x85, 'call'],
  [0x95, 'exit'],
  [0x05, 'jump'],
  [0x3d, 'notLess'],
]);

/** The class JMP32 with a constant: unsigned. */
const COMPARISONS = new Map<number, (a: number, b: number) => boolean>([
  [0x16, (a, b) => a === b],
  [0x26, (a, b) => a > b],
  [0x36, (a, b) => a >= b],
  [0x46, (a, b) => (a & b) !== 0],
  [0x56, (a, b) => a !== b],
  [0xa6, (a, b) => a < b],
  [0xb6, (a, b) => a <= b],
]);

const SIZES: Partial<Record<Name, number>> = { word: 4, half: 2, byte: 1 };
/** Bytes below the frame pointer. */
const STACK = 512;
/** `protocol` in struct __sk_buff, the only field that is read here. */
const SKB_PROTOCOL = 16;
const SKB_LOAD_BYTES_RELATIVE = 68;
/** What `from` of that helper says: from the network layer's header on, which stands after Ethernet's. */
const START_NET = 1;
const ETHERNET = 14;
const KTIME_GET_BOOT_NS = 125;

/** One instruction in each place; undefined for the second half of a long one. Throws on an unknown one. */
function decode(code: Buffer): (Instruction | undefined)[] {
  if (code.length === 0 || code.length % 8 !== 0) throw new Error('not whole instructions');
  const found: (Instruction | undefined)[] = [];
  for (let at = 0; at < code.length; at += 8) {
    const [opcode, registers] = [code.readUInt8(at), code.readUInt8(at + 1)];
    const compare = COMPARISONS.get(opcode);
    const name = compare ? 'compare' : NAMES.get(opcode);
    if (name === undefined) throw new Error(`${at / 8}: opcode 0x${opcode.toString(16)} is not known`);
    const value = code.readInt32LE(at + 4);
    found.push({
      ...{ name, to: registers & 15, from: registers >> 4, offset: code.readInt16LE(at + 2), value },
      ...(compare && { compare }),
    });
    if (name !== 'setLong') continue;
    const [low, high] = [code.readUInt32LE(at + 4), code.readInt32LE(at + 12)];
    (found.at(-1) as Instruction).long = (BigInt(high) << 32n) | BigInt(low);
    if (code.readUInt32LE(at + 8) !== 0)
      throw new Error(`${at / 8}: the second half of a long constant is not empty`);
    found.push(undefined);
    at += 8;
  }
  return found;
}

/** What the verifier knows of a register; undefined: not to be read. */
type Known = { kind: 'skb' } | { kind: 'stack'; value: number } | { kind: 'number'; value?: number };

/** What is known before an instruction, whichever way it was reached. */
interface State {
  registers: (Known | undefined)[];
  /** One bit for each byte of the stack, the lowest for the lowest: set where it was written. */
  written: bigint;
}

/**
 * Refuses what the kernel would: jumps backwards or to nowhere, instructions that are never reached, an end without exit, reads of registers
 * and memory that were not written on every way there, arithmetic on the packet's pointer. Throws an Error that begins with the place.
 */
export function verify(code: Buffer): void {
  const program = decode(code);
  const states: (State | undefined)[] = [];
  states[0] = { registers: [], written: 0n };
  states[0].registers[1] = { kind: 'skb' };
  states[0].registers[10] = { kind: 'stack', value: 0 };
  program.forEach((instruction, at) => {
    if (!instruction) return;
    try {
      const state = states[at];
      if (!state) throw new Error('is never reached');
      const after = check(instruction, state);
      for (const next of nextOf(instruction, at)) {
        if (!program[next]) throw new Error('leads out of the program or into an instruction');
        states[next] = merge(states[next], after);
      }
    } catch (error) {
      throw new Error(`${at} (${instruction.name}): ${(error as Error).message}`);
    }
  });
}

function nextOf({ name, offset }: Instruction, at: number): number[] {
  if (name === 'exit') return [];
  if (name === 'setLong') return [at + 2];
  if (!['jump', 'compare', 'notLess'].includes(name)) return [at + 1];
  if (offset < 0) throw new Error('jumps backwards');
  return name === 'jump' ? [at + 1 + offset] : [at + 1, at + 1 + offset];
}

function merge(one: State | undefined, { registers, written }: State): State {
  if (!one) return { registers, written };
  return {
    registers: Array.from({ length: 11 }, (_, index) => common(one.registers[index], registers[index])),
    written: written & one.written,
  };
}

function common(a: Known | undefined, b: Known | undefined): Known | undefined {
  if (a?.kind !== b?.kind) return undefined;
  if (a?.kind === 'number' && a.value !== (b as typeof a).value) return { kind: 'number' };
  return a?.kind === 'stack' && a.value !== (b as typeof a).value ? undefined : a;
}

/** The state after an instruction. */
function check(instruction: Instruction, before: State): State {
  const { name, to, from, value } = instruction;
  const registers = [...before.registers];
  let { written } = before;
  const read = (register: number): Known => {
    const known = registers[register];
    if (!known) throw new Error(`r${register} is read before it is written`);
    return known;
  };
  const readNumber = (register: number) => {
    const known = read(register);
    if (known.kind !== 'number') throw new Error(`r${register} is a pointer`);
    return known;
  };
  const write = (register: number, known: Known) => {
    if (register > 9) throw new Error(`r${register} is not to be written`);
    registers[register] = known;
  };
  if (name === 'move') write(to, read(from));
  else if (name === 'set') write(to, { kind: 'number', value });
  else if (name === 'setLong') write(to, { kind: 'number' });
  else if (name === 'add') write(to, added(read(to), value));
  else if (name in SIZES) {
    checkLoad(read(from), instruction, written);
    write(to, { kind: 'number' });
  } else if (name === 'call') {
    if (value === SKB_LOAD_BYTES_RELATIVE) written |= checkLoadBytes(read, readNumber);
    else if (value !== KTIME_GET_BOOT_NS) throw new Error(`helper ${value} is not known`);
    for (const argument of [1, 2, 3, 4, 5]) registers[argument] = undefined;
    write(0, { kind: 'number' });
  } else if (name === 'exit') readNumber(0);
  else if (name !== 'jump') {
    readNumber(to);
    if (name === 'addRegister' || name === 'notLess') readNumber(from);
    if (name !== 'compare' && name !== 'notLess') write(to, { kind: 'number' });
  }
  return { registers, written };
}

function added(known: Known, value: number): Known {
  if (known.kind === 'skb') throw new Error('the pointer to the packet is not to be changed');
  return known.value === undefined ? known : { ...known, value: known.value + value };
}

/** The bits of so many bytes of the stack. */
function bytesOf(place: number, size: number): bigint {
  if (place < -STACK || place + size > 0) throw new Error(`${size} bytes at ${place} are not on the stack`);
  return ((1n << BigInt(size)) - 1n) << BigInt(place + STACK);
}

function checkLoad(base: Known, { name, offset }: Instruction, written: bigint): void {
  const size = SIZES[name] ?? 0;
  if (base.kind === 'skb') {
    if (offset !== SKB_PROTOCOL || size !== 4) throw new Error(`${size} bytes at ${offset} of the packet`);
    return;
  }
  if (base.kind !== 'stack') throw new Error('reads from a number');
  const place = base.value + offset;
  if (place % size !== 0) throw new Error(`${size} bytes at ${place} are not aligned`);
  const bytes = bytesOf(place, size);
  if ((written & bytes) !== bytes)
    throw new Error(`${size} bytes at ${place} of the stack are read before they are written`);
}

/** What it writes. */
function checkLoadBytes(
  read: (register: number) => Known,
  readNumber: (register: number) => { value?: number },
): bigint {
  const [skb, buffer] = [read(1), read(3)];
  readNumber(2);
  const length = readNumber(4).value;
  if (skb.kind !== 'skb') throw new Error('r1 is not the packet');
  if (buffer.kind !== 'stack') throw new Error('r3 is no place on the stack');
  if (length === undefined || length <= 0) throw new Error('r4 is no certain length');
  if (readNumber(5).value !== START_NET) throw new Error('r5 is not the network header');
  return bytesOf(buffer.value, length);
}

const U64 = (1n << 64n) - 1n;
/** Pointers are numbers far apart here: nobody looks at them. */
const SKB = 1n << 40n;
const FRAME = 1n << 41n;

/** Runs a program that `verify` takes. Gives what it answers, as the kernel reads it: 32 bits with a sign. */
export function run(code: Buffer, packet: Packet): number {
  const program = decode(code);
  const stack = Buffer.alloc(STACK);
  const registers = new Array<bigint>(11).fill(0n);
  registers[1] = SKB;
  registers[10] = FRAME;
  for (let at = 0; ; ) {
    const instruction = program[at];
    if (!instruction) throw new Error(`${at}: there is no instruction`);
    if (instruction.name === 'exit') return Number(BigInt.asIntN(32, registers[0] ?? 0n));
    at += 1 + step(instruction, registers, stack, packet);
  }
}

/** Does one instruction. Gives how many to leave out after it. */
function step(instruction: Instruction, registers: bigint[], stack: Buffer, packet: Packet): number {
  const { name, to, from, offset, value } = instruction;
  const [a, b] = [registers[to] ?? 0n, registers[from] ?? 0n];
  const write = (result: bigint) => {
    registers[to] = result & U64;
    return 0;
  };
  switch (name) {
    case 'move':
      return write(b);
    case 'set':
      return write(BigInt(value));
    case 'setLong':
      write(instruction.long ?? 0n);
      return 1;
    case 'add':
      return write(a + BigInt(value));
    case 'addRegister':
      return write(a + b);
    case 'and32':
      return write(a & BigInt(value >>> 0));
    case 'shift':
      return write(a << BigInt(value));
    case 'network16':
      return write(((a & 0xffn) << 8n) | ((a >> 8n) & 0xffn));
    case 'call':
      registers[0] = call(value, registers, stack, packet) & U64;
      return 0;
    case 'jump':
      return offset;
    case 'notLess':
      return a >= b ? offset : 0;
    case 'compare':
      return instruction.compare?.(Number(a & 0xffff_ffffn), value >>> 0) ? offset : 0;
    default:
      return write(load(b, instruction, stack, packet));
  }
}

function load(base: bigint, { name, offset }: Instruction, stack: Buffer, { protocol }: Packet): bigint {
  // The field is in the network's order.
  if (base === SKB) return BigInt(((protocol & 0xff) << 8) | (protocol >> 8));
  return BigInt(stack.readUIntLE(Number(base - FRAME) + STACK + offset, SIZES[name] ?? 0));
}

function call(helper: number, registers: readonly bigint[], stack: Buffer, packet: Packet): bigint {
  if (helper === KTIME_GET_BOOT_NS) return packet.now;
  const [, , offset = 0n, buffer = 0n, length = 0n] = registers;
  const place = Number(buffer - FRAME) + STACK;
  const first = Number(BigInt.asIntN(32, offset)) + ETHERNET;
  const last = first + Number(length);
  stack.fill(0, place, place + Number(length));
  if (first < ETHERNET || last > packet.frame.length) return -14n; // EFAULT
  packet.frame.copy(stack, place, first, last);
  return 0n;
}
