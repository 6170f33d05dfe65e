/**
 * The smallest ELF object that `tc filter ... bpf object-file` (tc-bpf(8), through libbpf) loads: one program, its name and a licence.
 * Written here because a compiler for it (clang) is no thing to ask of a host, and because the program differs with each filter.
 */

const PROGRAM_NAME = 'squall_match';
/** The kernel's own word for a licence that allows its every helper. */
const LICENCE = Buffer.from('Dual MIT/GPL\0');

/** ELF-64 numbers (elf(5)); 247 is EM_BPF. */
const HEADER = 64;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const EM_BPF = 247;
const ET_REL = 1;
const [PROGBITS, SYMTAB, STRTAB] = [1, 2, 3];
const [WRITE, ALLOC, EXEC] = [1, 2, 4];
const GLOBAL_FUNCTION = 0x12;
const GLOBAL_OBJECT = 0x11;

interface Section {
  name: string;
  type: number;
  flags: number;
  data: Buffer;
  link?: number;
  info?: number;
  entry?: number;
}

/** The object of one program: `code` holds whole instructions, little-endian. `section`: the word after `section` on tc's command line. */
export function bpfObject(code: Buffer, section: string): Buffer {
  const names = ['', '.strtab', '.symtab', section, 'license', PROGRAM_NAME, '_license'];
  const strings = Buffer.from(names.map((name) => `${name}\0`).join(''));
  const nameAt = (name: string) => (name === '' ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  const symbols = Buffer.concat([
    symbol(0, 0, 0, 0),
    symbol(nameAt(PROGRAM_NAME), GLOBAL_FUNCTION, 3, code.length),
    symbol(nameAt('_license'), GLOBAL_OBJECT, 4, LICENCE.length),
  ]);
  const sections: Section[] = [
    { name: '.strtab', type: STRTAB, flags: 0, data: strings },
    // info: the first symbol that is not local.
    { name: '.symtab', type: SYMTAB, flags: 0, data: symbols, link: 1, info: 1, entry: SYMBOL },
    { name: section, type: PROGBITS, flags: ALLOC | EXEC, data: code },
    { name: 'license', type: PROGBITS, flags: ALLOC | WRITE, data: LICENCE },
  ];
  return assemble(sections, nameAt);
}

function assemble(sections: readonly Section[], nameAt: (name: string) => number): Buffer {
  const parts: Buffer[] = [];
  const headers: Buffer[] = [Buffer.alloc(SECTION_HEADER)];
  let offset = HEADER;
  for (const section of sections) {
    headers.push(sectionHeader(section, nameAt(section.name), offset));
    const padded = Buffer.alloc(Math.ceil(section.data.length / 8) * 8);
    section.data.copy(padded);
    parts.push(padded);
    offset += padded.length;
  }
  return Buffer.concat([fileHeader(offset, headers.length), ...parts, ...headers]);
}

function fileHeader(sectionsAt: number, count: number): Buffer {
  const header = Buffer.alloc(HEADER);
  // 64 bits, little-endian, version 1.
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(ET_REL, 16);
  header.writeUInt16LE(EM_BPF, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(sectionsAt), 40);
  header.writeUInt16LE(HEADER, 52);
  header.writeUInt16LE(SECTION_HEADER, 58);
  header.writeUInt16LE(count, 60);
  header.writeUInt16LE(1, 62); // where the names are
  return header;
}

function sectionHeader(section: Section, name: number, offset: number): Buffer {
  const { type, flags, data, link = 0, info = 0, entry = 0 } = section;
  const header = Buffer.alloc(SECTION_HEADER);
  header.writeUInt32LE(name, 0);
  header.writeUInt32LE(type, 4);
  header.writeBigUInt64LE(BigInt(flags), 8);
  header.writeBigUInt64LE(BigInt(offset), 24);
  header.writeBigUInt64LE(BigInt(data.length), 32);
  header.writeUInt32LE(link, 40);
  header.writeUInt32LE(info, 44);
  header.writeBigUInt64LE(8n, 48);
  header.writeBigUInt64LE(BigInt(entry), 56);
  return header;
}

function symbol(name: number, info: number, section: number, size: number): Buffer {
  const entry = Buffer.alloc(SYMBOL);
  entry.writeUInt32LE(name, 0);
  entry.writeUInt8(info, 4);
  entry.writeUInt16LE(section, 6);
  entry.writeBigUInt64LE(BigInt(size), 16);
  return entry;
}
