import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bpfObject } from '../../src/runtime/bpf-object.ts';

const CODE = Buffer.from('b7000000ffffffff9500000000000000', 'hex');
const SECTION = 'sq-0123456789ab';

interface Section {
  name: string;
  type: number;
  flags: number;
  offset: number;
  data: Buffer;
  link: number;
  info: number;
  alignment: number;
  entry: number;
}

/** The sections of an ELF-64 file of the least significant byte first (elf(5)), with what stands between them checked. */
function sections(file: Buffer): Section[] {
  const [at, size, count, names] = [
    file.readBigUInt64LE(40),
    ...[58, 60, 62].map((o) => file.readUInt16LE(o)),
  ];
  assert.equal(Number(at) + (size as number) * (count as number), file.length, 'the headers end the file');
  const headers = Array.from({ length: count as number }, (_, index) =>
    file.subarray(Number(at) + index * (size as number), Number(at) + (index + 1) * (size as number)),
  );
  const parsed = headers.map((header) => {
    const offset = Number(header.readBigUInt64LE(24));
    return {
      nameAt: header.readUInt32LE(0),
      type: header.readUInt32LE(4),
      flags: Number(header.readBigUInt64LE(8)),
      offset,
      data: file.subarray(offset, offset + Number(header.readBigUInt64LE(32))),
      link: header.readUInt32LE(40),
      info: header.readUInt32LE(44),
      alignment: Number(header.readBigUInt64LE(48)),
      entry: Number(header.readBigUInt64LE(56)),
    };
  });
  const strings = parsed[names as number]?.data ?? Buffer.alloc(0);
  return parsed.map(({ nameAt, ...rest }) => ({ name: textAt(strings, nameAt), ...rest }));
}

function textAt(strings: Buffer, at: number): string {
  return strings.subarray(at, strings.indexOf(0, at)).toString();
}

function named(name: string, file: Buffer): Section {
  const found = sections(file).find((section) => section.name === name);
  assert.ok(found, `no section ${name}`);
  return found;
}

function symbols(file: Buffer) {
  const table = named('.symtab', file);
  const strings = sections(file)[table.link]?.data ?? Buffer.alloc(0);
  return Array.from({ length: table.data.length / table.entry }, (_, index) => {
    const entry = table.data.subarray(index * table.entry, (index + 1) * table.entry);
    return {
      name: textAt(strings, entry.readUInt32LE(0)),
      info: entry.readUInt8(4),
      section: sections(file)[entry.readUInt16LE(6)]?.name,
      value: entry.readBigUInt64LE(8),
      size: Number(entry.readBigUInt64LE(16)),
    };
  });
}

describe('an object file', () => {
  const file = bpfObject(CODE, SECTION);

  it('is a relocatable one for BPF, 64 bits, least significant byte first', () => {
    assert.equal(file.subarray(0, 7).toString('hex'), '7f454c46020101');
    assert.deepEqual(
      [16, 18].map((at) => file.readUInt16LE(at)),
      [1, 247],
    );
    assert.equal(file.readUInt32LE(20), 1, 'version');
    assert.equal(file.readBigUInt64LE(24), 0n, 'nowhere to begin');
    assert.equal(file.readBigUInt64LE(32), 0n, 'no segments');
    assert.deepEqual(
      [52, 54, 56, 58].map((at) => file.readUInt16LE(at)),
      [64, 0, 0, 64],
    );
  });

  it('holds the program in the section of that name, to be run', () => {
    const { type, flags, data } = named(SECTION, file);
    assert.deepEqual({ type, flags, data }, { type: 1, flags: 2 | 4, data: CODE });
  });

  it('holds a licence for every helper', () => {
    const { type, flags, data } = named('license', file);
    assert.deepEqual([type, flags, data.toString()], [1, 1 | 2, 'Dual MIT/GPL\0']);
  });

  it('begins with the section that is none', () => {
    const [first] = sections(file);
    assert.deepEqual(
      { ...first, data: first?.data.length },
      { name: '', type: 0, flags: 0, offset: 0, data: 0, link: 0, info: 0, alignment: 0, entry: 0 },
    );
  });

  it('names the program and the licence', () => {
    const [none, ...rest] = symbols(file);
    assert.deepEqual(none, { name: '', info: 0, section: '', value: 0n, size: 0 });
    assert.deepEqual(rest, [
      { name: 'squall_match', info: 0x12, section: SECTION, value: 0n, size: CODE.length },
      { name: '_license', info: 0x11, section: 'license', value: 0n, size: 13 },
    ]);
    assert.equal(named('.symtab', file).info, 1, 'the first that is not local');
  });

  it('has its sections at multiples of eight, none over another', () => {
    for (const length of [8, 16, 24, 2800]) {
      const found = sections(bpfObject(Buffer.alloc(length, 7), SECTION)).slice(1);
      let end = 64;
      for (const { name, offset, data, alignment } of found) {
        assert.equal(alignment, 8, name);
        assert.equal(offset % 8, 0, name);
        assert.ok(offset >= end, `${name} begins before the one before ends`);
        end = offset + data.length;
      }
    }
  });

  it('tells a section apart from what its name is part of', () => {
    for (const name of ['_license', 'squall_match', 'match', 'sq', 'str', 'tab'])
      assert.deepEqual(named(name, bpfObject(CODE, name)).data, CODE, name);
  });

  it('is the same every time', () => assert.deepEqual(bpfObject(CODE, SECTION), file));
});
