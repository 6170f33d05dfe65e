import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePort, portChunks } from '../../../src/faults/net/ports.ts';

describe('parsePort', () => {
  it('reads numbers and ranges', () => {
    assert.deepEqual(parsePort(80), { first: 80, last: 80 });
    assert.deepEqual(parsePort('8000-8010'), { first: 8000, last: 8010 });
  });

  it('refuses what is no port', () => {
    for (const bad of [0, 65_536, '8010-8000', '1-2-3x', 'http', ''])
      assert.equal(parsePort(bad), undefined, `${bad}`);
  });
});

describe('portChunks', () => {
  const single = (port: number) => ({ first: port, last: port });

  it('fills a multiport match with 15 ports', () => {
    const ports = Array.from({ length: 16 }, (_, i) => single(i + 1));
    assert.deepEqual(portChunks(ports), ['1,2,3,4,5,6,7,8,9,10,11,12,13,14,15', '16']);
  });

  it('counts a range twice and never splits one', () => {
    const ranges = Array.from({ length: 8 }, (_, i) => ({ first: i * 10 + 1, last: i * 10 + 5 }));
    assert.deepEqual(portChunks(ranges), ['1:5,11:15,21:25,31:35,41:45,51:55,61:65', '71:75']);
  });

  it('makes none of none', () => {
    assert.deepEqual(portChunks([]), []);
  });
});
