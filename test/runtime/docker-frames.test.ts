import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { frameReader } from '../../src/runtime/docker-frames.ts';

function frame(stream: 1 | 2, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

describe('the frames of an attached stream', () => {
  it('are put together in their order, stdout and stderr alike', () => {
    const reader = frameReader(100);
    reader.take(Buffer.concat([frame(1, 'out '), frame(2, 'err '), frame(1, ''), frame(1, 'öut')]));
    assert.equal(reader.text(), 'out err öut');
  });

  it('are kept up to the limit, and read on behind it', () => {
    const reader = frameReader(5);
    reader.take(frame(1, 'abc'));
    reader.take(frame(1, 'defgh'));
    reader.take(frame(1, 'i'));
    assert.equal(reader.text(), 'abcde');
  });

  it('may be cut anywhere, by whoever carries them', () => {
    const frames = fc.array(fc.tuple(fc.constantFrom<1 | 2>(1, 2), fc.string()), { maxLength: 8 });
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(frames, cuts, fc.integer({ min: 0, max: 40 }), (parts, sizes, limit) => {
        const bytes = Buffer.concat(parts.map(([stream, text]) => frame(stream, text)));
        const reader = frameReader(limit);
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          reader.take(bytes.subarray(at, at + size));
          at += size;
        }
        const all = Buffer.from(parts.map(([, text]) => text).join(''));
        assert.equal(reader.text(), all.subarray(0, limit).toString('utf8'));
      }),
    );
  });
});
