import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  CHAIN_PREFIX,
  chainBase,
  DEVICE_PREFIX,
  deviceName,
  formatMark,
  parseMark,
} from '../../src/core/marks.ts';

const instance = fc.stringMatching(/^[0-9a-f]{8}$/);
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
const deadline = fc.nat(Date.UTC(2200, 0));

describe('chain names', () => {
  it('fit the 28 characters of iptables with every suffix, up to slot 9999', () => {
    fc.assert(
      fc.property(instance, name, fc.integer({ min: 0, max: 9999 }), (i, run, slot) => {
        const base = chainBase(i, run, slot);
        assert.ok(base.startsWith(CHAIN_PREFIX));
        assert.match(base, /^[A-Za-z0-9-]+$/);
        assert.ok(`${base}ov`.length <= 28, base);
      }),
    );
  });

  it('differ between instances, runs and slots, and are the same every time', () => {
    const all = [
      chainBase('a', 'r', 0),
      chainBase('b', 'r', 0),
      chainBase('a', 's', 0),
      chainBase('a', 'r', 1),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(chainBase('a', 'r', 0), all[0]);
  });
});

describe('device names', () => {
  it('fit the 15 characters of Linux, in letters that no program reads anything into', () => {
    const way = fc.constantFrom('egress' as const, 'ingress' as const);
    fc.assert(
      fc.property(instance, name, fc.nat(), way, (...effect) => {
        const device = deviceName(...effect);
        assert.ok(device.startsWith(DEVICE_PREFIX));
        assert.match(device, /^sq-[0-9a-f]{12}$/);
        assert.equal(device.length, 15);
      }),
    );
  });

  it('differ between instances, runs, slots and ways, and are the same every time', () => {
    const all = [
      deviceName('a', 'r', 0, 'egress'),
      deviceName('b', 'r', 0, 'egress'),
      deviceName('a', 's', 0, 'egress'),
      deviceName('a', 'r', 1, 'egress'),
      deviceName('a', 'r', 0, 'ingress'),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(deviceName('a', 'r', 0, 'egress'), all[0]);
  });
});

describe('marks', () => {
  it('come back from their comment as they were', () => {
    fc.assert(
      fc.property(
        fc.record({ instance, experiment: name, run: name, deadline }, { noNullPrototype: true }),
        (mark) => {
          assert.deepEqual(parseMark(formatMark(mark)), mark);
        },
      ),
    );
  });

  it('fit the 255 bytes of an xt_comment with the longest legal names', () => {
    const longest = {
      instance: 'f'.repeat(8),
      experiment: 'e'.repeat(63),
      run: 'r'.repeat(90),
      deadline: 8.64e15,
    };
    assert.ok(Buffer.byteLength(formatMark(longest)) <= 255);
    assert.deepEqual(parseMark(formatMark(longest)), longest);
  });

  it('hold whole milliseconds, which is all that parsing accepts', () => {
    const text = formatMark({ instance: 'aa', experiment: 'e', run: 'r', deadline: 1000.6 });
    assert.equal(parseMark(text)?.deadline, 1001);
  });

  it('are never read from what somebody else wrote', () => {
    const foreign = [
      '',
      'squall',
      'squall i=a e=b r=c',
      'xsquall i=a e=b r=c d=1',
      'squall i=a e=b r=c d=1 x',
      'squall i= e=b r=c d=1',
    ];
    for (const comment of foreign) assert.equal(parseMark(comment), undefined, comment);
  });
});
