import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { findInit, signalInit } from '../../src/runtime/process.ts';

const ID = '5'.repeat(64);
const target = { id: ID, name: 'box', pid: 4321 };
/** 22 fields; the name holds what a name may hold. */
const stat = (state: string) =>
  `4321 (a b) c) ${state} 1 4321 4321 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 987654 1 1`;

describe("a container's init in procfs", () => {
  let proc: string;
  const write = (file: string, text: string) => writeFileSync(join(proc, '4321', file), text);
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), 'squall-proc-'));
    mkdirSync(join(proc, '4321'));
    mkdirSync(join(proc, `${process.pid}`, 'ns'), { recursive: true });
    symlinkSync(`${process.pid}`, join(proc, 'self'));
    symlinkSync('pid:[4026531836]', join(proc, 'self', 'ns', 'pid'));
    write('stat', stat('S'));
    write('cgroup', `0::/../docker-${ID}.scope\n`);
    write(
      'status',
      'Name:\ta\nSigBlk:\t0000000000000200\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000004002\n',
    );
  });
  afterEach(() => rmSync(proc, { recursive: true, force: true }));

  it('is found by its pid, its cgroup and its start', () => {
    const init = findInit(target, proc);
    assert.deepEqual([init.pid, init.startTime], [4321, 987654]);
  });

  it('handles the signals that it catches or takes by sigwait', () => {
    const { handles } = findInit(target, proc);
    assert.deepEqual([2, 15, 10, 9, 1, 64].map(handles), [true, true, true, false, false, false]);
  });

  it('is not the process that has its number now', () => {
    write('cgroup', `0::/docker/${'6'.repeat(64)}\n`);
    assert.throws(() => findInit(target, proc), { code: 'SQ307', terminal: false });
    assert.throws(() => signalInit(target, 9, proc), { code: 'SQ307' });
  });

  it('is gone where it is dead, even if nobody has reaped it', () => {
    write('stat', stat('Z'));
    assert.throws(() => findInit(target, proc), { code: 'SQ307' });
    rmSync(join(proc, '4321'), { recursive: true });
    assert.throws(() => findInit(target, proc), { code: 'SQ307' });
  });

  it('is out of sight in a pid namespace of our own', () => {
    rmSync(join(proc, '4321'), { recursive: true });
    rmSync(join(proc, 'self', 'ns', 'pid'));
    symlinkSync('pid:[4026532000]', join(proc, 'self', 'ns', 'pid'));
    assert.throws(() => findInit(target, proc), { code: 'SQ306', hint: /pid: host/ });
  });

  it("is not trusted in another namespace's procfs, where numbers mean other processes", () => {
    rmSync(join(proc, 'self'));
    symlinkSync('99999', join(proc, 'self'));
    assert.throws(() => findInit(target, proc), { code: 'SQ306' });
  });

  it('is never pid 1, Squall itself or its parent', () => {
    for (const pid of [0, 1, process.pid, process.ppid]) {
      assert.throws(() => findInit({ ...target, pid }), { code: 'SQ307' }, `${pid}`);
    }
  });
});
